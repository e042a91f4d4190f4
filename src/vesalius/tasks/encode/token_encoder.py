"""A tokenizer of scans as an encoder: one vector for each slice, of what the tokens of its whole cycle stand for.

Letters: K slices, T frames, J rows, I columns, G groups of tokens, L places, D width of a place, N numbers of a row.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from vesalius.codec.still import STILL, decoded_mean
from vesalius.errors import InputError, UsageError
from vesalius.nets.tokenizer import Size, Tokenizer
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.motion import motion_rows, motion_width
from vesalius.tasks.encode.options import Pool, Window
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.transforms.contract import InputContract, read_contract
from vesalius.weights.saved import TOKENIZER, Part, from_pretrained

_PERCENTILES = (0.1, 99.9)
_FINE = 6
"""The quality is the one after this part of the ladder, from the best."""
_ROWS = "tokens: motion in windows, or mean and root mean square"


class TokenEncoder:
    """A tokenizer with the preparation of its images.

    Where tokens are amplitudes of motion in cells, the row of a slice is that of `motion_rows`. For others, e.g. codes,
    it holds for each number of a place its mean and its root mean square over the places and frames of the slice;
    tokens of a whole study give one row. Both come from what a file of tokens holds: tokens, and the coded mean picture
    where the tokenizer rests on it.

    Args:
        part: tokenizer with its weights.
        contract: preparation of its images, of any layout: it is asked for pictures.
        device: where it runs.

    Raises:
        InputError: the net is of another kind.
    """

    precision: Literal["fp32"] = "fp32"
    pool: Pool
    """What becomes of the rows of a case where nothing else is asked for."""

    def __init__(self, part: Part, contract: InputContract, device: str | torch.device = "cpu") -> None:
        if not isinstance(part.net, Tokenizer):
            raise InputError("is not a tokenizer", where=part.path, fix="name a model of the task tokenize")
        pictures = contract.prepare.model_copy(update={"layout": "BCJI"})
        self.part, self.contract = part, contract.model_copy(update={"prepare": pictures})
        self.device = torch.device(device)
        self._net = part.net.to(self.device).requires_grad_(False)
        self._quality = self._net.qualities[len(self._net.qualities) // _FINE]
        self.pool = "stack" if self._net.amplitudes else "mean"

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str | torch.device = "cpu") -> TokenEncoder:
        """Load the tokenizer of a model folder, a run folder, or a name of the zoo.

        Raises:
            InputError: no such model, or it has no tokenizer.
            CorruptFileError: it is damaged.
        """
        model = from_pretrained(name, only=TOKENIZER)
        return cls(model.parts[TOKENIZER], read_contract(model.folder), device)

    def prepared_by(self, contract: InputContract) -> TokenEncoder:
        """Return the same tokenizer with another preparation of its images."""
        return TokenEncoder(self.part, contract, self.device)

    def through(self, window: Window) -> TokenEncoder:
        """Return the tokenizer itself; it has no windows.

        Raises:
            UsageError: a window was asked for.
        """
        if window != "as-trained":
            raise UsageError("a tokenizer takes whole scans, not CT slices", where="--window", fix="leave it out")
        return self

    def at_side(self, side: int | None) -> TokenEncoder:
        """Return the tokenizer itself; it takes scans at the size that it was trained for.

        Raises:
            UsageError: another side was asked for.
        """
        if side is not None:
            raise UsageError("a tokenizer takes scans of its own size", where="--resize", fix="leave it out")
        return self

    @property
    def folder(self) -> Path:
        """The model folder."""
        return self.part.path.parent

    @property
    def width(self) -> int:
        """Numbers in a vector, N."""
        return motion_width(self._net.width) if self._net.amplitudes else 2 * self._net.width

    def digest(self) -> str:
        """64 hexadecimal digits for weights, sizes and quality: all that decides about vectors besides the input."""
        sizes = self.part.config.model_dump_json(exclude_defaults=True)
        facts = (self.part.digest, sizes, str(self._quality), str(STILL), _ROWS)
        return hashlib.sha256("\n".join(facts).encode()).hexdigest()

    def endpoint_widths(self) -> tuple[int, ...]:
        """Raise UsageError: a tokenizer has no block groups."""
        raise UsageError("a tokenizer has no block groups", where="--endpoints", fix="leave it out")

    def slices(self, scan: Scan) -> Slices:
        """Return the slices of all frames of a scan. Raises as `Slices.of_frames` does."""
        return Slices.of_frames(scan, self.contract.prepare)

    @torch.no_grad()
    def rows(
        self,
        slices: Slices,
        choice: SliceConfig,
        batch: int | None = None,  # noqa: ARG002 - a scan is coded at once
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return a vector for each chosen slice, (B, N), and the numbers of the slices in the first frame.

        Raises:
            UsageError: several channels, values that are all the same, or vectors that are not finite.
        """
        x_KTJI = self._cycle(slices)
        k = len(x_KTJI)
        mean_KJI = self._mean(x_KTJI) if self._net.takes_mean else None
        tokens_GLM = self._net.encode(x_KTJI, mean_KJI, self._quality)
        values_GLD = self._net.values(tokens_GLM, self._quality).float()
        if not values_GLD.isfinite().all():
            raise UsageError("the tokenizer gives vectors that are not finite", fix="check the weights")
        if self._net.amplitudes and mean_KJI is not None:
            rows_KN = self._of_motion(values_GLD, mean_KJI, self._net.grid(_size(x_KTJI)))
        else:
            rows_KN = _of_codes(values_GLD, k)
        if len(rows_KN) == 1:
            return rows_KN, np.array([k // 2])
        numbers = choice.of_values(slices.values_BCJI[:k])
        return rows_KN[numbers], numbers

    def _mean(self, x_KTJI: Tensor) -> Tensor:
        """Return the means of slices over time as a decoder sees them."""
        return torch.from_numpy(decoded_mean(x_KTJI.mean(1).cpu().numpy(), STILL)).to(self.device)

    def _of_motion(self, values_KLD: Tensor, mean_KJI: Tensor, grid_RC: tuple[int, int]) -> NDArray[np.float32]:
        mean_KRC = functional.adaptive_avg_pool2d(mean_KJI, grid_RC)
        squares_KRC = functional.adaptive_avg_pool2d(mean_KJI.square(), grid_RC)
        mean_KPRC = torch.stack([mean_KRC, (squares_KRC - mean_KRC.square()).clamp(min=0).sqrt()], 1)
        values_KRCD = values_KLD.reshape(len(values_KLD), *grid_RC, -1)
        return motion_rows(values_KRCD.cpu().numpy(), mean_KPRC.cpu().numpy())

    def _cycle(self, slices: Slices) -> Tensor:
        """Return the scan from 0 to 1, x_KTJI."""
        _, c, j, i = slices.values_BCJI.shape
        if c != 1:
            raise UsageError(f"the scan has {c} channels, a tokenizer takes one", fix="leave the scan out")
        low, high = np.percentile(slices.values_BCJI, _PERCENTILES)
        if not low < high:
            raise UsageError("the scan is all of one value", fix="leave the scan out")
        x_TKJI = slices.values_BCJI.reshape(slices.frames, -1, j, i)
        scaled_TKJI = np.clip((x_TKJI - low) / (high - low), 0, 1).astype(np.float32)
        return torch.from_numpy(np.ascontiguousarray(scaled_TKJI.transpose(1, 0, 2, 3))).to(self.device)


def _size(x_KTJI: Tensor) -> Size:
    slices, frames, rows, columns = x_KTJI.shape
    return slices, frames, rows, columns


def _of_codes(values_GLD: Tensor, slices: int) -> NDArray[np.float32]:
    groups = values_GLD.shape[0]
    per_slice_KLD = values_GLD.reshape(slices if groups % slices == 0 else 1, -1, values_GLD.shape[-1])
    rows_KN: NDArray[np.float32] = (
        torch.cat([per_slice_KLD.mean(1), per_slice_KLD.square().mean(1).sqrt()], 1).cpu().numpy()
    )
    return rows_KN
