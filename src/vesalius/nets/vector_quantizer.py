"""A codebook of vectors: each token becomes the nearest of them (arXiv:1711.00937).

Letters: B batch, L tokens, D numbers of a token, N codes, M rows of data.
"""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, distributed, nn
from torch.nn import functional

from vesalius.nets.quantizer import Quantized, Quantizer, QuantizerConfig, code_statistics
from vesalius.seeding import generator

_DECAY = 0.99
"""Of the moving average of how often codes are used; a usage is forgotten within some hundred steps."""
_DEAD = 0.03
"""Codes used less than this share of an even use are dead."""
_KEPT_ROWS = 8192
_ROUNDS = 10
"""Of k-means."""
_CHUNK = 4096


class VectorCodes(QuantizerConfig):
    """A learned codebook; with `l2_norm` vectors and codes lie on the unit sphere, as in TiTok L-32, B-64 and S-128."""

    codes: int = Field(default=4096, ge=2, description="vectors in the codebook")
    dim: int = Field(default=12, ge=1, description="numbers of a vector")
    l2_norm: bool = Field(default=False, description="whether vectors and codes are scaled to length 1")
    commitment: float = Field(default=0.25, ge=0, description="weight of the loss that draws vectors to their codes")

    @property
    def width(self) -> int:
        return self.dim

    def make(self) -> VectorQuantizer:
        return VectorQuantizer(self)


class VectorQuantizer(Quantizer):
    """The nearest vector of a codebook.

    The loss is the mean squared distance from the code to the vector (moves the code) plus `commitment` times the same
    (moves the vector). While it trains it counts the use of each code in a moving average, `usage_N`.
    """

    usage_N: Tensor

    def __init__(self, config: VectorCodes) -> None:
        super().__init__()
        self.codes, self._l2_norm, self._commitment = config.codes, config.l2_norm, config.commitment
        spread = torch.empty(config.codes, config.dim).uniform_(-1 / config.codes, 1 / config.codes)
        self.codebook_ND = nn.Parameter(spread)
        self.register_buffer("usage_N", torch.full((config.codes,), 1 / config.codes))
        self._recent_MD: Tensor | None = None

    def forward(self, y_BLE: Tensor) -> Quantized:
        with torch.autocast(y_BLE.device.type, enabled=False):
            y_BLD = self._scaled(y_BLE.float())
            codes_BL = self._nearest(y_BLD)
            z_BLD = self.lookup(codes_BL)
            loss = functional.mse_loss(z_BLD, y_BLD.detach()) + self._commitment * functional.mse_loss(
                y_BLD, z_BLD.detach()
            )
            if self.training:
                self._count(codes_BL, y_BLE.detach().float().flatten(0, -2))
            return Quantized(y_BLD + (z_BLD - y_BLD).detach(), codes_BL, loss)

    def continuous(self, y_BLE: Tensor) -> Quantized:
        with torch.autocast(y_BLE.device.type, enabled=False):
            y_BLD = self._scaled(y_BLE.float())
            return Quantized(
                y_BLD, self._nearest(y_BLD.detach()), 0 * self.codebook_ND.sum()
            )  # a gradient in every step

    def lookup(self, codes_BL: Tensor) -> Tensor:
        return self._scaled(functional.embedding(codes_BL, self.codebook_ND).float())

    @torch.no_grad()
    def start(self, y_NE: Tensor, *names: int | str) -> None:
        """Set the codebook to the means of groups of similar rows (k-means); it counts as evenly used then.

        Args:
            y_NE: rows, best several for each code; fewer are repeated with a little noise.
            names: for the draw of the first means.

        Raises:
            ValueError: there is no row.
        """
        draw = generator(*names)
        rows_MD = self._scaled(y_NE.detach().float().flatten(0, -2))
        if len(rows_MD) < self.codes:
            rows_MD = self._scaled(_drawn(rows_MD, self.codes, draw))
        means_ND = _drawn(rows_MD, self.codes, draw)
        for _ in range(_ROUNDS):
            nearest_M = _nearest_rows(rows_MD, means_ND)
            counts_N = torch.bincount(nearest_M, minlength=self.codes)
            sums_ND = torch.zeros_like(means_ND).index_add_(0, nearest_M, rows_MD)
            means_ND = self._scaled(sums_ND / counts_N.clamp(min=1)[:, None])
            empty = counts_N == 0
            means_ND[empty] = _drawn(rows_MD, int(empty.sum()), draw)
        self.codebook_ND.copy_(means_ND)
        self.usage_N.fill_(1 / self.codes)

    @torch.no_grad()
    def revive(self, *names: int | str) -> int:
        """Put each dead code on a vector of the last training batch; it then counts as evenly used.

        All processes of a run make the same draw from the rows of the first one.
        """
        dead_N = self.usage_N < _DEAD / self.codes
        if self._recent_MD is None or not bool(dead_N.any()):
            return 0
        rows_MD = self._recent_MD
        if _several():
            distributed.broadcast(rows_MD, 0)
        count = int(dead_N.sum())
        self.codebook_ND[dead_N] = _drawn(rows_MD, count, generator(*names))
        self.usage_N[dead_N] = 1 / self.codes
        return count

    def statistics(self) -> dict[str, float]:
        """Measure the recent use of the codes: `code_statistics`, where a dead one counts as not used."""
        return code_statistics(self.usage_N * (self.usage_N >= _DEAD / self.codes))

    def _scaled(self, rows: Tensor) -> Tensor:
        return functional.normalize(rows, dim=-1) if self._l2_norm else rows

    def _nearest(self, y_BLD: Tensor) -> Tensor:
        return _nearest_rows(y_BLD.flatten(0, -2), self._scaled(self.codebook_ND.float())).view(y_BLD.shape[:-1])

    def _count(self, codes_BL: Tensor, rows_MD: Tensor) -> None:
        counts_N = torch.bincount(codes_BL.flatten(), minlength=self.codes).float()
        if _several():
            distributed.all_reduce(counts_N)
        self.usage_N.mul_(_DECAY).add_(counts_N / counts_N.sum(), alpha=1 - _DECAY)
        self._recent_MD = rows_MD[:_KEPT_ROWS].clone()


def _nearest_rows(rows_MD: Tensor, codes_ND: Tensor) -> Tensor:
    """Return the number of the nearest code for each row; the first of equally near ones."""
    length_N = codes_ND.square().sum(-1)
    if torch.compiler.is_compiling() or rows_MD.shape[0] <= _CHUNK:  # an exported net takes any number of rows
        return (length_N - 2 * rows_MD @ codes_ND.T).argmin(-1)
    return torch.cat([(length_N - 2 * rows @ codes_ND.T).argmin(-1) for rows in torch.split(rows_MD, _CHUNK)])


def _drawn(rows_MD: Tensor, count: int, draw: np.random.Generator) -> Tensor:
    """Draw rows, different ones as far as there are; repeated ones get a little noise."""
    if not len(rows_MD):
        raise ValueError("no rows to draw codes from")
    order = np.concatenate([draw.permutation(len(rows_MD)) for _ in range(count // len(rows_MD) + 1)])[:count]
    drawn = rows_MD[torch.from_numpy(order).to(rows_MD.device)].clone()
    if count > len(rows_MD):
        noise = torch.from_numpy(draw.standard_normal(tuple(drawn.shape)).astype(np.float32))
        scale = rows_MD.std() if rows_MD.numel() > 1 else rows_MD.new_ones(())
        drawn[len(rows_MD) :] += 0.01 * scale * noise[len(rows_MD) :].to(drawn.device)
    return drawn


def _several() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
