"""From pixels to the patches of a diffusion transformer and back, with the mask where it enters by channels.

Letters: B batch, C channel, M classes of the mask, J rows, I columns, L patches, D width, F channels of the stem,
X values of a patch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from vesalius.nets.next_dit import NextDiT

_LayerT = TypeVar("_LayerT", nn.Linear, nn.Conv2d)


class Stem(nn.Module, ABC):
    """From pixels to patches and back; between the two, it may keep pixels."""

    @abstractmethod
    def enter(self, x_BCJI: Tensor, mask_BMJI: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return patches (B, L, D) of the picture and its mask, and the pixels that `leave` takes."""

    @abstractmethod
    def leave(self, patches_BLD: Tensor, pixels: Tensor, condition_BD: Tensor, rows: int, columns: int) -> Tensor:
        """Return the picture (B, C, J, I) of so many rows and columns of patches."""


class PatchStem(Stem):
    """Patches are projected to the width and back; the mask is further channels with weights that begin at 0."""

    def __init__(self, config: NextDiT) -> None:
        super().__init__()
        self.patch, self.channels = config.patch, config.inputs
        area = config.patch**2
        self.project = nn.Linear(config.inputs * area, config.width)
        masks = config.stem_masks * area
        self.project_mask = zeroed(nn.Linear(masks, config.width, bias=False)) if masks else None
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        self.scale = zeroed(nn.Linear(config.condition_width, config.width))
        self.unproject = zeroed(nn.Linear(config.width, area * config.inputs * (2 if config.learns_sigma else 1)))

    def enter(self, x_BCJI: Tensor, mask_BMJI: Tensor | None) -> tuple[Tensor, Tensor]:
        patches_BLD = self.project(patchified(x_BCJI, self.patch))
        if mask_BMJI is not None and self.project_mask is not None:
            patches_BLD = patches_BLD + self.project_mask(patchified(mask_BMJI, self.patch))
        return patches_BLD, x_BCJI

    def leave(self, patches_BLD: Tensor, pixels: Tensor, condition_BD: Tensor, rows: int, columns: int) -> Tensor:
        del pixels
        values_BLX = self.unproject(_scaled(patches_BLD, self.scale, condition_BD))
        return unpatchified(values_BLX, self.patch, rows, columns)[:, : self.channels]


class ConvStem(Stem):
    """Convolutions of pixels before the patches, and a refinement of pixels that sees them again at the end."""

    def __init__(self, config: NextDiT) -> None:
        super().__init__()
        channels = config.stem_channels
        self.patch = config.patch
        self.picture = nn.Conv2d(config.inputs, channels, 3, padding=1)
        masks = config.stem_masks
        self.mask = zeroed(nn.Conv2d(masks, channels, 3, padding=1, bias=False)) if masks else None
        self.project = nn.Conv2d(channels, config.width, config.patch, config.patch)
        self.scale = zeroed(nn.Linear(config.condition_width, config.width))
        self.unproject = nn.Linear(config.width, channels * config.patch**2)
        self.refine = nn.ModuleList(Refinement(channels, config.condition_width) for _ in range(config.refinements))
        self.out = zeroed(nn.Conv2d(channels, config.inputs, 3, padding=1))

    def enter(self, x_BCJI: Tensor, mask_BMJI: Tensor | None) -> tuple[Tensor, Tensor]:
        pixels_BFJI = self.picture(x_BCJI.contiguous(memory_format=torch.channels_last))
        if mask_BMJI is not None and self.mask is not None:
            pixels_BFJI = pixels_BFJI + self.mask(mask_BMJI.contiguous(memory_format=torch.channels_last))
        return self.project(functional.silu(pixels_BFJI)).flatten(2).transpose(1, 2), pixels_BFJI

    def leave(self, patches_BLD: Tensor, pixels: Tensor, condition_BD: Tensor, rows: int, columns: int) -> Tensor:
        values_BLX = self.unproject(_scaled(patches_BLD, self.scale, condition_BD))
        pixels_BFJI = pixels + unpatchified(values_BLX, self.patch, rows, columns)
        for block in self.refine:
            pixels_BFJI = block(pixels_BFJI, condition_BD)
        out: Tensor = self.out(functional.silu(pixels_BFJI))
        return out


class Refinement(nn.Module):
    """x + conv(silu(conv(silu(x)) (1 + scale) + shift)); scale and shift come from time and text."""

    def __init__(self, channels: int, condition_width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulation = zeroed(nn.Linear(condition_width, 2 * channels))

    def forward(self, x_BFJI: Tensor, condition_BD: Tensor) -> Tensor:
        changes = self.modulation(functional.silu(condition_BD))[:, :, None, None]
        scale, shift = changes.to(x_BFJI.dtype).chunk(2, 1)
        inner = self.first(functional.silu(x_BFJI)) * (1 + scale) + shift
        out: Tensor = x_BFJI + self.second(functional.silu(inner))
        return out


def patchified(x_BCJI: Tensor, patch: int) -> Tensor:
    """Return patches row by row, (B, L, C * patch * patch): channels, then rows, then columns of a patch."""
    batch, channels, rows, columns = x_BCJI.shape
    x = x_BCJI.reshape(batch, channels, rows // patch, patch, columns // patch, patch)
    return x.permute(0, 2, 4, 1, 3, 5).reshape(batch, -1, channels * patch * patch)


def unpatchified(values_BLX: Tensor, patch: int, rows: int, columns: int) -> Tensor:
    """Return the picture of patches whose numbers are rows, columns, then channels, as published weights have them."""
    x = values_BLX.reshape(len(values_BLX), rows, columns, patch, patch, -1)
    return x.permute(0, 5, 1, 3, 2, 4).reshape(len(values_BLX), -1, rows * patch, columns * patch)


def zeroed(layer: _LayerT) -> _LayerT:
    """Set the weights of a layer to 0."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


def _scaled(patches_BLD: Tensor, scale: nn.Linear, condition_BD: Tensor) -> Tensor:
    """LayerNorm without weights, times 1 + a scale of time and text."""
    normed = functional.layer_norm(patches_BLD, patches_BLD.shape[-1:], eps=1e-6)
    return normed * (1 + scale(functional.silu(condition_BD))[:, None].to(normed.dtype))
