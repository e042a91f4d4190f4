"""`CycleTokenizer`: a slice over one heart cycle as integers on cells of 8 x 8 pixels, beside its coded mean.

A cycle becomes a few harmonics, of which the constant one loses the decoded mean; pictures of harmonics become
overlapping cells (`vesalius.nets.lapped`); the numbers of a cell over all harmonics become ordered components, rounded
to multiples of one step: the quality. A network beside the linear synthesis sees its pictures and the mean,
and corrects them in units of the step; fresh, it corrects nothing, so the untrained tokenizer is a linear codec.

Letters: K slices, T frames, J rows, I columns, H channels of harmonics, R rows and C columns of cells, Z numbers of a
cell (H x 8 x 8), M components, G groups (slices), L cells, W width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vesalius.nets.cycle_prior import CyclePrior
from vesalius.nets.cycle_rounding import thrifty
from vesalius.nets.harmonics import harmonic_rows, harmonics_of
from vesalius.nets.lapped import CELL, cells_of, padded, pictures_of
from vesalius.nets.net import Net
from vesalius.nets.tokenizer import Size, Tokenizer

_PIXELS = CELL * CELL
_FINEST, _RUNGS = 1 / 16, 8
QUALITIES = tuple(range(48))
"""From best to worst; 8 of them double the step."""
_TILE, _BLUR = 4, 9
NumberT = TypeVar("NumberT", float, Tensor)


class CycleNet(Net):
    """Sizes of a `CycleTokenizer`."""

    components: int = Field(default=256, ge=1, le=832, description="tokens of a cell of a slice over its cycle")
    harmonics: int = Field(default=6, ge=0, le=16, description="most frequencies that are kept beside the constant")
    width: int = Field(default=80, ge=1, description="of the correcting network")
    depth: int = Field(default=4, ge=0, description="its 3 x 3 convolutions")
    prior_width: int = Field(default=32, ge=1, le=128, description="of the network that predicts tokens when coding")
    dims: ClassVar[None] = None
    inputs: ClassVar[None] = None
    outputs: ClassVar[None] = None
    divisor: ClassVar[int] = 1

    def make(self) -> CycleTokenizer:
        return CycleTokenizer(self)


def step_of(quality: NumberT) -> NumberT:
    """Return the step of a quality (or a tensor of some), in units of orthonormal coefficients of values from 0 to 1.

    >>> step_of(0.0), step_of(8.0), step_of(32.0)
    (0.0625, 0.125, 1.0)
    """
    step: NumberT = _FINEST * 2 ** (quality / _RUNGS)
    return step


class Correction(nn.Module):
    """What the linear synthesis lacks, in steps, on pictures of harmonics; nothing at first.

    It works on tiles of 4 x 4 pixels, so that it is cheap and sees far.

    Args:
        channels: pictures of harmonics.
        width: of the network.
        depth: its 3 x 3 convolutions.
    """

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d((channels + 1) * _TILE * _TILE + 1, width, 1)
        self.around = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)])
        self.leave = nn.Conv2d(width, channels * _TILE * _TILE, 1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x_BHJI: Tensor, mean_BJI: Tensor, level_B: Tensor) -> Tensor:
        """Return corrections_BHJI.

        Args:
            x_BHJI: linear synthesis, in steps.
            mean_BJI: decoded mean, in steps.
            level_B: logarithm of the step to base 2.
        """
        mean_B1JI = mean_BJI[:, None]
        along_B1JI = functional.avg_pool2d(mean_B1JI, (1, _BLUR), 1, (0, _BLUR // 2), count_include_pad=False)
        around_B1JI = functional.avg_pool2d(along_B1JI, (_BLUR, 1), 1, (_BLUR // 2, 0), count_include_pad=False)
        known_BHJI = torch.cat([x_BHJI, torch.asinh(mean_B1JI - around_B1JI)], 1)
        known_BWJI = functional.pixel_unshuffle(known_BHJI, _TILE)
        level_B1JI = level_B[:, None, None, None].expand(-1, 1, *known_BWJI.shape[2:])
        hidden_BWJI = self.enter(torch.cat([known_BWJI, level_B1JI], 1).contiguous(memory_format=torch.channels_last))
        for convolution in self.around:
            hidden_BWJI = hidden_BWJI + convolution(functional.gelu(hidden_BWJI))
        return functional.pixel_shuffle(self.leave(functional.gelu(hidden_BWJI)), _TILE)


class CycleTokenizer(Tokenizer):
    """Tokens of slices over a cycle; see the head of this file.

    Cycles too short for all harmonics have bases of their own, fewer components and no correction.

    Args:
        config: its sizes.
    """

    takes_mean = True
    amplitudes = True
    qualities = QUALITIES

    def __init__(self, config: CycleNet) -> None:
        super().__init__()
        self.harmonics = config.harmonics
        self.components = self.width = min(config.components, (2 * config.harmonics + 1) * _PIXELS)
        for number in range(config.harmonics + 1):
            size = (2 * number + 1) * _PIXELS
            self.register_buffer(f"basis_{number}", torch.eye(size, min(size, self.components)))
        self.correction = Correction(2 * config.harmonics + 1, config.width, config.depth)
        self.prior = CyclePrior(self.components, QUALITIES, config.prior_width)

    def shape(self, size_KTJI: Size) -> tuple[int, int, int]:
        rows, columns = self.grid(size_KTJI)
        return size_KTJI[0], rows * columns, self.basis(size_KTJI[1]).shape[1]

    def grid(self, size_KTJI: Size) -> tuple[int, int]:
        return -(-size_KTJI[2] // CELL), -(-size_KTJI[3] // CELL)

    def basis(self, frames: int) -> Tensor:
        """Return basis_ZM for cycles of so many frames: orthonormal columns, the most useful first."""
        basis: Tensor = getattr(self, f"basis_{harmonics_of(frames, self.harmonics)}")
        return basis

    @torch.no_grad()
    def set_bases(self, bases: Mapping[int, Tensor]) -> None:
        """Set the bases by number of harmonics; each has as many columns as are kept, at least."""
        for number, basis_ZM in bases.items():
            buffer: Tensor = getattr(self, f"basis_{number}")
            buffer.copy_(basis_ZM[:, : buffer.shape[1]])

    @torch.no_grad()
    def encode(self, x_KTJI: Tensor, mean_KJI: Tensor | None, quality: int) -> Tensor:
        """Return tokens_GLM; see `Tokenizer`.

        Raises:
            ValueError: no mean.
        """
        if mean_KJI is None:
            raise ValueError("cycle tokens rest on the decoded means")
        frames = x_KTJI.shape[1]
        rows_HT = harmonic_rows(frames, harmonics_of(frames, self.harmonics)).to(x_KTJI)
        x_KHJI = torch.einsum("ht,ktji->khji", rows_HT, x_KTJI)
        x_KHJI[:, 0] -= frames**0.5 * mean_KJI
        exact_KMRC = self.analysis(x_KHJI) / step_of(quality)
        tokens_KMRC = torch.from_numpy(thrifty(exact_KMRC.float().cpu().numpy(), self.prior, quality))
        return tokens_KMRC.flatten(2).transpose(1, 2).contiguous().to(x_KTJI.device)

    @torch.no_grad()
    def decode(self, tokens_GLM: Tensor, mean_KJI: Tensor | None, size_KTJI: Size, quality: int) -> Tensor:
        """Return x_KTJI within 0 to 1 from all components or the first ones; see `Tokenizer`.

        Raises:
            ValueError: no mean.
        """
        if mean_KJI is None:
            raise ValueError("cycle tokens rest on the decoded means")
        _, frames, rows, columns = size_KTJI
        step = step_of(quality)
        tokens_KML = tokens_GLM.transpose(1, 2).to(mean_KJI.dtype)
        tokens_KMRC = tokens_KML.reshape(*tokens_KML.shape[:2], *self.grid(size_KTJI))
        step_K, frames_K = torch.full_like(mean_KJI[:, 0, 0], step), torch.full_like(mean_KJI[:, 0, 0], frames)
        x_KHJI = step * self.synthesis(tokens_KMRC, padded(mean_KJI[:, None])[:, 0], frames_K, step_K)
        rows_HT = harmonic_rows(frames, harmonics_of(frames, self.harmonics)).to(x_KHJI)
        x_KTJI = torch.einsum("ht,khji->ktji", rows_HT, x_KHJI[:, :, :rows, :columns])
        return (x_KTJI + mean_KJI[:, None]).clamp(0, 1)

    def prefix(self, tokens_GLM: Tensor, count: int) -> Tensor:
        return tokens_GLM[:, :, :count]

    def values(self, tokens_GLM: Tensor, quality: int) -> Tensor:
        return functional.pad(tokens_GLM.float() * step_of(quality), (0, self.width - tokens_GLM.shape[2]))

    def tables(self) -> Mapping[str, NDArray[Any]]:
        return self.prior.tables()

    def analysis(self, x_BHJI: Tensor) -> Tensor:
        """Return components_BMRC of pictures of harmonics, the constant one less the mean; not yet rounded."""
        basis_ZM = self.basis(x_BHJI.shape[1])  # as many frames as channels give these harmonics
        return torch.einsum("bzrc,zm->bmrc", cells_of(padded(x_BHJI)), basis_ZM)

    def synthesis(self, tokens_BMRC: Tensor, mean_BJI: Tensor, frames_B: Tensor, step_B: Tensor) -> Tensor:
        """Return pictures of harmonics x_BHJI in steps, padded to whole cells, of tokens.

        Args:
            tokens_BMRC: all components or the first ones, integers (of floating type).
            mean_BJI: the decoded means, padded to whole cells.
            frames_B: of the cycles; all have the same harmonics.
            step_B: the steps.
        """
        harmonics = harmonics_of(int(frames_B[0]), self.harmonics)
        x_BHJI = self.linear(tokens_BMRC, harmonics)
        return x_BHJI if harmonics < self.harmonics else self.corrected(x_BHJI, mean_BJI, frames_B, step_B)

    def corrected(self, x_BHJI: Tensor, mean_BJI: Tensor, frames_B: Tensor, step_B: Tensor) -> Tensor:
        """Return pictures of all harmonics after the correction; arguments as of `synthesis`, and the linear result."""
        scale_B = frames_B.sqrt() / step_B
        return x_BHJI + self.correction(x_BHJI, mean_BJI * scale_B[:, None, None], step_B.log2())

    def linear(self, tokens_BMRC: Tensor, harmonics: int) -> Tensor:
        """Return pictures of harmonics x_BHJI in steps without the correction."""
        basis_ZM: Tensor = getattr(self, f"basis_{harmonics}")
        return pictures_of(torch.einsum("bmrc,zm->bzrc", tokens_BMRC, basis_ZM[:, : tokens_BMRC.shape[1]]))
