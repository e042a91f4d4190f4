"""`CyclePrior`: how likely the tokens of cells are, from what is coded before them; trained here, coded as integers.

The bits of a token are "zero?", the sign, "above 1?", "above 2?" and so on to 15, then an escape. A small network turns
what is known around the token into their log odds. All tokens of a study are computed at once here; the file's coder
does it one after the other with the integers of `CyclePrior.tables` (see docs/vsl-format.md), and learns on the way.

Letters: M components, G slices, R rows and C columns of cells, N tokens, F numbers known around a token, S signs of
neighbours, H hidden numbers, O answers, K steps of the tail, Q qualities.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as fn

from vesalius import seeding

FEATURES, OUTPUTS, TAIL, NEIGHBOURS, RELATED = 32, 3, 14, 5, 3
_CLIP, _SIGN_CLIP, _LAST = 255, 15, 16
_FAR = 2815 / 256
_SPANS = (4, 16, 64)
_ACTIVE = (1, 4, 20, 21, 24, 27)
_PLAIN = (
    (1, -2.03, 1.94, 0.64), (4, 0.3, 0.21, 0.64), (5, -1.07, -0.56, 0.02), (9, -0.21, -0.69, -0.79),
    (11, -2.38, 0.98, 0.92), (14, -0.4, 0.52, 0.55), (18, 0.97, -0.44, -0.93), (20, -2.29, 1.57, 0.96),
    (21, -2.1, 1.07, 0.74), (22, -1.11, 1.64, 0.92), (24, -2.76, 1.89, 1.31), (25, -1.35, 0.74, 0.28),
    (27, -2.67, 1.08, 1.79),
)  # fmt: skip
"""A logistic regression: what is known, and its weight in each answer. From cine-sunnybrook and phantoms."""
_PLAIN_LEVEL = (6.33, -3.98, -4.3)


@dataclass(frozen=True)
class CellTokens:
    """Tokens of one study at one quality."""

    tokens_GLM: NDArray[np.int32]
    grid: tuple[int, int]
    """Rows and columns of the cells."""
    quality: int
    weight: float = 1.0
    """How much the study counts in training."""

    def planes(self) -> NDArray[np.int32]:
        """Return tokens_MGRC up to the last component that is not 0 everywhere."""
        groups, _, components = self.tokens_GLM.shape
        planes_MGRC = self.tokens_GLM.transpose(2, 0, 1).reshape(components, groups, *self.grid)
        used = np.flatnonzero(planes_MGRC.any(axis=(1, 2, 3)))
        return np.ascontiguousarray(planes_MGRC[: used[-1] + 1 if len(used) else 0])


@dataclass(frozen=True)
class Rows:
    """Tokens with what is known around each."""

    known_NF: Tensor
    signs_NS: Tensor
    component_N: Tensor
    quality_N: Tensor
    token_N: Tensor
    weight_N: Tensor

    def __len__(self) -> int:
        return len(self.token_N)

    def pick(self, at: Tensor | slice) -> Rows:
        """Return some of the rows."""
        return Rows(*(part[at] for part in self._parts()))

    def _parts(self) -> tuple[Tensor, ...]:
        return self.known_NF, self.signs_NS, self.component_N, self.quality_N, self.token_N, self.weight_N

    @staticmethod
    def join(many: Sequence[Rows]) -> Rows:
        """Return all rows, one behind the other."""
        return Rows(*(torch.cat(parts) for parts in zip(*(rows._parts() for rows in many), strict=True)))


class CyclePrior(nn.Module):
    """Log odds of the bits of tokens; starts as a plain guess that needs no training.

    Args:
        components: the most components of a cell.
        qualities: the settings that tokens may be made with.
        hidden: width of the network.
    """

    related_MR: Tensor
    rates: Tensor

    def __init__(self, components: int, qualities: Sequence[int], hidden: int = 32) -> None:
        super().__init__()
        self.qualities = tuple(int(quality) for quality in qualities)
        self.weights_FH = nn.Parameter(torch.zeros(FEATURES, hidden))
        self.bias_MH = nn.Parameter(torch.zeros(components, hidden))
        self.quality_bias_QH = nn.Parameter(torch.zeros(len(self.qualities), hidden))
        self.out_OH = nn.Parameter(torch.zeros(OUTPUTS, hidden))
        self.level_MO = nn.Parameter(torch.zeros(components, OUTPUTS))
        self.tail_K = nn.Parameter(torch.zeros(TAIL))
        self.signs_MS = nn.Parameter(torch.zeros(components, NEIGHBOURS))
        near = torch.arange(components)[:, None] - torch.arange(1, RELATED + 1)
        self.register_buffer("related_MR", near.clamp(min=-1))
        self.register_buffer("rates", torch.tensor([131, 1311, 1311]))

        self._guess(hidden)

    def _guess(self, hidden: int) -> None:
        """The logistic regression, one hidden number for each weight; the other hidden numbers begin without a say."""
        free = torch.Generator().manual_seed(0)
        with torch.no_grad():
            self.weights_FH.normal_(0, FEATURES**-0.5, generator=free)
            self.level_MO.copy_(torch.tensor(_PLAIN_LEVEL).expand_as(self.level_MO))
            for h, (f, *answers) in enumerate(_PLAIN[:hidden]):
                self.weights_FH[:, h] = 0
                self.weights_FH[f, h] = 1
                self.out_OH[:, h] = torch.tensor(answers)

    def forward(self, rows: Rows) -> Tensor:
        """Return the bits of each token, (N,), with weights rounded as the tables round them."""
        known_NF = rows.known_NF.to(torch.float32)
        weights_FH = _rounded(self.weights_FH, 1024, 1 << 15)
        bias_MH = _rounded(self.bias_MH, 65536, 1 << 26)
        quality_bias_QH = _rounded(self.quality_bias_QH, 65536, 1 << 26)
        before_NH = known_NF / 64 @ weights_FH + bias_MH[rows.component_N] + quality_bias_QH[rows.quality_N]
        hidden_NH = before_NH.clamp(0, 16383 / 256)
        level_MO = _rounded(self.level_MO, 256, 1 << 13)
        odds_NO = hidden_NH @ _rounded(self.out_OH, 1024, 1 << 15).T + level_MO[rows.component_N]
        signs_MS = _rounded(self.signs_MS, 256, 1 << 12)
        sign_N = (signs_MS[rows.component_N] * rows.signs_NS.to(torch.float32)).sum(-1)
        return _bits(rows.token_N, odds_NO, sign_N, _rounded(self.tail_K, 256, 1 << 13))

    def rows(self, study: CellTokens, *, floor: float = 1.0, names: tuple[int | str, ...] = ()) -> Rows:
        """Return the tokens of a study with what is known around each.

        Args:
            study: the tokens.
            floor: below 1, tokens in quiet surroundings are drawn with this chance and count as much more.
            names: of the draw, see `vesalius.seeding`.
        """
        planes_MGRC = study.planes()
        known_FN, signs_NS = known_around(planes_MGRC, self.related_MR.cpu().numpy())
        token_N = planes_MGRC.reshape(-1)
        component_N = np.repeat(np.arange(len(planes_MGRC)), max(1, planes_MGRC[:1].size))
        weight_N = np.full(len(token_N), study.weight, np.float32)
        if floor < 1:
            active_N = known_FN[list(_ACTIVE)].sum(0, dtype=np.int32) / 100
            chance_N = np.clip(active_N * active_N, floor, 1)
            at = np.flatnonzero(seeding.generator(*names).random(len(token_N)) < chance_N)
            known_FN, signs_NS, token_N, component_N = known_FN[:, at], signs_NS[at], token_N[at], component_N[at]
            weight_N = (weight_N[at] / chance_N[at]).astype(np.float32)
        quality_N = torch.full((len(token_N),), self.qualities.index(study.quality))
        return Rows(
            torch.from_numpy(np.ascontiguousarray(known_FN.T)),
            torch.from_numpy(signs_NS),
            torch.from_numpy(component_N),
            quality_N,
            torch.from_numpy(token_N),
            torch.from_numpy(weight_N),
        )

    def relate(self, studies: Sequence[CellTokens]) -> None:
        """Choose for each component the lower ones whose size goes best with its own; before any training."""
        components = len(self.related_MR)
        together_MM = np.zeros((components, components))
        for study in studies:
            size_NM = np.minimum(np.abs(study.tokens_GLM.reshape(-1, components)), 8).astype(np.float64) ** 0.5
            size_NM = size_NM[size_NM.any(axis=1)]
            if len(size_NM):
                size_NM -= size_NM.mean(0)
                spread_M = size_NM.std(0) + 1e-3
                together_MM += (size_NM.T @ size_NM) / len(size_NM) / spread_M[:, None] / spread_M
        for m in range(components):
            best = np.argsort(-together_MM[m, :m], kind="stable")[:RELATED]
            self.related_MR[m] = -1
            self.related_MR[m, : len(best)] = torch.from_numpy(best)

    @torch.no_grad()
    def bits(self, study: CellTokens) -> float:
        """Return the bits of a study without learning on the way, head and rounding up to bytes."""
        rows = self.rows(study)
        return float(sum(self(rows.pick(slice(n, n + 65536))).double().sum() for n in range(0, len(rows), 65536)))

    def tables(self) -> Mapping[str, NDArray[Any]]:
        """Return the integers of `vesalius.codec.token_prior.TokenPrior.of`."""
        return {
            "qualities": np.array(self.qualities, np.int32),
            "weights": _integers(self.weights_FH, 1024, 1 << 15),
            "bias": _integers(self.bias_MH, 65536, 1 << 26),
            "quality_bias": _integers(self.quality_bias_QH, 65536, 1 << 26),
            "out": _integers(self.out_OH, 1024, 1 << 15),
            "level": _integers(self.level_MO, 256, 1 << 13),
            "tail": _integers(self.tail_K, 256, 1 << 13),
            "signs": _integers(self.signs_MS, 256, 1 << 12),
            "related": self.related_MR.cpu().numpy().astype(np.int32),
            "rates": self.rates.cpu().numpy().astype(np.int32),
        }


def fit_prior(
    studies: Sequence[CellTokens],
    *,
    components: int,
    qualities: Sequence[int],
    hidden: int = 32,
    steps: int = 2000,
    batch: int = 16384,
    rate: float = 4e-3,
    floor: float = 0.02,
    seed: int = 0,
) -> CyclePrior:
    """Return a prior trained on tokens: several qualities of each study, and the study turned, zoomed and so on.

    Args:
        studies: tokens; those of large and small files count about alike for each of their bits.
        components: the most components of a cell.
        qualities: all settings of the tokenizer.
        hidden: width of the network.
        steps: of AdamW, with a warm-up and a cosine.
        batch: tokens of a step.
        rate: the highest learning rate.
        floor: tokens in quiet surroundings are drawn with this chance.
        seed: of all draws.
    """
    prior = CyclePrior(components, qualities, hidden)
    prior.relate(studies)
    drawn = [prior.rows(study, floor=floor, names=(seed, "rows", n)) for n, study in enumerate(studies)]
    rows = Rows.join([_counted(part, study) for part, study in zip(drawn, studies, strict=True)])
    del drawn
    order = seeding.generator(seed, "order")
    rows = rows.pick(torch.from_numpy(order.permutation(len(rows))))
    optimizer = torch.optim.AdamW(prior.parameters(), lr=rate, weight_decay=1e-3)
    starts = order.integers(max(1, len(rows) - batch), size=steps)
    for step, start in enumerate(starts.tolist()):
        part = rows.pick(slice(start, start + batch))
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 50) * (0.505 + 0.495 * math.cos(math.pi * step / steps))
        loss = (prior(part) * part.weight_N).sum() / part.weight_N.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return prior


def _counted(rows: Rows, study: CellTokens) -> Rows:
    """Rows whose weight lets a study count with the power 0.3 of its size."""
    share = (float((study.tokens_GLM != 0).sum()) + 50) ** -0.7
    return dataclasses.replace(rows, weight_N=rows.weight_N * share)


def known_around(
    planes_MGRC: NDArray[np.int32], related_MR: NDArray[Any]
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Return known_FN and signs_NS of all tokens; docs/vsl-format.md lists them."""
    count = len(planes_MGRC)
    size_MGRC = np.minimum(np.abs(planes_MGRC), _CLIP).astype(np.int32)
    cells = planes_MGRC[0].size if count else 0
    known = np.empty((FEATURES, *planes_MGRC.shape), np.int16)
    before = np.zeros((count + 1, *planes_MGRC.shape[1:]), np.int32)
    np.cumsum(size_MGRC, 0, out=before[1:])
    whole = before.reshape(count + 1, -1).sum(1, dtype=np.int64)
    m = np.arange(count)
    fast, mid, slow = (before[m] - before[np.maximum(0, m - span)] for span in _SPANS)
    del before
    back, ahead = _moved(mid, -1, 0, 0), _moved(mid, 1, 0, 0)
    known[0], known[1], known[2] = _log(fast), _log(mid), _log(slow)
    known[3], known[4], known[5] = _log(_near(fast)), _log(_near(mid)), _log(_near(slow))
    known[6], known[7], known[8] = _log(_far(mid)), _log(back), _log(ahead)
    known[9] = _log(_near(back) + _near(ahead))
    known[10] = _log(_moved(slow, -1, 0, 0) + _moved(slow, 1, 0, 0))
    del fast, mid, slow, back, ahead
    with_none = np.concatenate([size_MGRC, np.zeros((1, *planes_MGRC.shape[1:]), np.int32)])
    first, second, third = (
        with_none[np.where(related_MR[:count, r] < 0, count, related_MR[:count, r])] for r in range(3)
    )
    known[11], known[12], known[13] = _log(first), _log(second), _log(third)
    known[14], known[16] = _log(_near(first)), _log(_near(second))
    known[15] = _log(_moved(first, -1, 0, 0) + _moved(first, 1, 0, 0))
    means = [64 * (whole[m] - whole[np.maximum(0, m - span)]) // max(1, span * cells) for span in (1, 4, 16)]
    known[17], known[18], known[19] = (_log(mean)[:, None, None, None] for mean in means)
    known[20], known[21] = _log(_moved(size_MGRC, 0, 0, -1)), _log(_moved(size_MGRC, 0, -1, 0))
    known[22] = _log(_moved(size_MGRC, 0, -1, -1) + _moved(size_MGRC, 0, -1, 1))
    known[23] = _log(_moved(size_MGRC, 0, 0, -2) + _moved(size_MGRC, 0, -2, 0))
    last = _moved(size_MGRC, -1, 0, 0)
    known[24], known[25], known[26] = _log(last), _log(_near(last)), _log(_far(last))
    flat = size_MGRC.reshape(count, cells)
    running = np.cumsum(flat, 1, dtype=np.int64) - flat
    known[27] = _log((64 * running + 16 * means[1][:, None]) // (np.arange(cells) + 16)).reshape(size_MGRC.shape)
    inside = np.ones((1, *planes_MGRC.shape[1:]), np.int16)
    for n, (g, r, c) in enumerate(((0, 0, -1), (0, -1, 0), (-1, 0, 0), (1, 0, 0))):
        known[28 + n] = 64 * (1 - _moved(inside, g, r, c))
    value = np.clip(planes_MGRC, -_SIGN_CLIP, _SIGN_CLIP).astype(np.int8)
    places = ((0, 0, -1), (0, -1, 0), (0, -1, -1), (0, -1, 1), (-1, 0, 0))
    signs = np.stack([_moved(value, *place) for place in places], -1)
    return known.reshape(FEATURES, -1), signs.reshape(-1, NEIGHBOURS)


def _log(n: NDArray[Any]) -> NDArray[np.int16]:
    """About 16 log2(1 + n): with n + 1 = 2^e + r, 16 e + floor(16 r / 2^e)."""
    n = np.minimum(n, 65535).astype(np.int64) + 1
    e = np.frexp(n.astype(np.float64))[1].astype(np.int64) - 1
    return (16 * e + ((n << 4 >> e) & 15)).astype(np.int16)


def _moved(x: NDArray[Any], g: int, r: int, c: int) -> NDArray[Any]:
    """The values g slices, r rows and c columns farther on; 0 outside."""
    out = np.zeros_like(x)
    into, out_of = [], []
    for step, size in zip((g, r, c), x.shape[1:], strict=True):
        into.append(slice(max(0, -step), max(0, size - max(0, step))))
        out_of.append(slice(max(0, step), max(0, size - max(0, -step))))
    if all(abs(step) < size for step, size in zip((g, r, c), x.shape[1:], strict=True)):
        out[:, into[0], into[1], into[2]] = x[:, out_of[0], out_of[1], out_of[2]]
    return out


def _near(x: NDArray[Any]) -> NDArray[Any]:
    """Sum over the four sides."""
    return _moved(x, 0, -1, 0) + _moved(x, 0, 1, 0) + _moved(x, 0, 0, -1) + _moved(x, 0, 0, 1)


def _far(x: NDArray[Any]) -> NDArray[Any]:
    """Sum over the four corners."""
    return _moved(x, 0, -1, -1) + _moved(x, 0, 1, -1) + _moved(x, 0, -1, 1) + _moved(x, 0, 1, 1)


def _rounded(x: Tensor, scale: int, most: int) -> Tensor:
    """Round to the steps of a table; the slope stays 1."""
    steps = (x * scale).round().clamp(-most, most - 1) / scale
    return x + (steps - x).detach()


def _integers(x: Tensor, scale: int, most: int) -> NDArray[np.int32]:
    return (x.detach().float() * scale).round().clamp(-most, most - 1).cpu().numpy().astype(np.int32)


def _cost(odds: Tensor, bit: Tensor) -> Tensor:
    """Bits of a bit whose log odds of being 1 are given."""
    odds = odds + (odds.clamp(-_FAR, _FAR) - odds).detach()
    return fn.softplus(torch.where(bit, -odds, odds)) / np.log(2)


def _bits(token_N: Tensor, odds_NO: Tensor, sign_N: Tensor, tail_K: Tensor) -> Tensor:
    """Bits of tokens."""
    size_N = token_N.abs()
    bits_N = _cost(odds_NO[:, 0], size_N == 0)
    some = (size_N > 0).nonzero()[:, 0]
    size_n = size_N[some]
    signs_n = _cost(sign_N[some], token_N[some] > 0)
    bits_N = bits_N.index_add(0, some, signs_n + _cost(odds_NO[some, 1], size_n > 1))
    large = some[size_n > 1]
    size_n = size_N[large][:, None]
    steps_K = torch.arange(2, _LAST, device=token_N.device)
    tail_nK = _cost(odds_NO[large, 2:] + tail_K, size_n > steps_K) * (size_n >= steps_K)
    rest_n = (size_n[:, 0] - (_LAST - 1)).clamp(min=1)
    escape_n = (2 * torch.floor(torch.log2(rest_n.double())) + 1).float() * (size_n[:, 0] >= _LAST)
    return bits_N.index_add(0, large, tail_nK.sum(1) + escape_n)
