"""The two transformers of TiTok: from patches to latent tokens, and from latent tokens to patches (arXiv:2406.07550).

Letters: B batch, C channel, P patches row by row, W width, L latent tokens, D numbers of a token, E numbers that the
encoder emits for one.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from vesalius.nets.anchors import Grid, anchor_maps

Width = Literal["micro", "small", "base", "large"]
SIZES: dict[Width, tuple[int, int, int]] = {
    "micro": (128, 4, 4),
    "small": (512, 8, 8),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
}
"""Width, blocks and heads; micro is for CPUs, the others are the published ones."""
Order = Literal["transposed", "reshaped"]


class Sequence(NamedTuple):
    """Sizes that encoder and decoder share.

    Args:
        size: of the transformer.
        patch: pixels of a patch along each axis.
        grid: patches along each axis for which positions are learned; those of other grids are interpolated.
        latents: L.
        anchors: grids of cells that tokens are tied to; none for free tokens.
    """

    size: Width
    patch: tuple[int, ...]
    grid: Grid
    latents: int
    anchors: tuple[Grid, ...] = ()


class Block(nn.Module):
    """Attention and two layers, each behind a norm and added to what came in. y_BLW to y_BLW."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, y_BLW: Tensor) -> Tensor:
        parts = self.qkv(self.norm1(y_BLW)).unflatten(-1, (3, self._heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        y_BLW = y_BLW + self.proj(mixed.transpose(1, 2).flatten(2))
        return y_BLW + self.fc2(functional.gelu(self.fc1(self.norm2(y_BLW))))


class LatentEncoder(nn.Module):
    """x_BC.. to y_BLE: patches, a token for the whole and latent tokens attend to each other; the latter are kept.

    Args:
        sizes: of the sequence.
        inputs: channels.
        emits: E.
        order: how the last layer reads the tokens. "reshaped" mixes numbers of different tokens: the memory of (L, W)
            is read as (W, L). The published L-32, B-64 and S-128 were trained so.
    """

    def __init__(self, sizes: Sequence, inputs: int, emits: int, order: Order = "transposed") -> None:
        super().__init__()
        width, depth, heads = SIZES[sizes.size]
        self._sizes, self._order = sizes, order
        self.patches = _patches(inputs, width, sizes.patch)
        self.whole_1W = _drawn(1, width)
        self.positions_PW = _drawn(math.prod(sizes.grid) + 1, width)
        self.latents_LW, self.latent_positions_LW = _drawn(sizes.latents, width), _drawn(sizes.latents, width)
        self.norm_before, self.norm_after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.out = nn.Linear(width, emits)
        self.apply(initialize)

    def forward(self, x_BCJI: Tensor) -> Tensor:
        y = self.patches(x_BCJI)
        grid = tuple(y.shape[2:])
        y_BPW = y.flatten(2).transpose(1, 2)
        count = y_BPW.shape[0]  # not len, which an exporter takes for a constant
        positions_PW = interpolated(self.positions_PW, self._sizes.grid, grid)
        whole_B1W = (self.whole_1W + positions_PW[:1]).expand(count, -1, -1)
        y_BPW = y_BPW + positions_PW[1:]
        latents_BLW = (self.latents_LW + self.latent_positions_LW).expand(count, -1, -1)
        if self._sizes.anchors:
            pool_LP = torch.from_numpy(anchor_maps(self._sizes.anchors, grid)[0]).to(y_BPW.device)
            latents_BLW = latents_BLW + pool_LP @ y_BPW
        y_BLW = self.norm_before(torch.cat([whole_B1W, y_BPW, latents_BLW], 1))
        for block in self.blocks:
            y_BLW = block(y_BLW)
        y_BLW = self.norm_after(y_BLW[:, -self._sizes.latents :])
        if self._order == "reshaped":
            y_BLW = y_BLW.reshape(count, -1, self._sizes.latents).transpose(1, 2)
        y_BLE: Tensor = self.out(y_BLW)
        return y_BLE


class LatentDecoder(nn.Module):
    """z_BLD to y_BPW, for any prefix of the tokens: as many learned mask tokens as patches take from latent tokens.

    Args:
        sizes: of the sequence.
        dim: D.
    """

    def __init__(self, sizes: Sequence, dim: int) -> None:
        super().__init__()
        width, depth, heads = SIZES[sizes.size]
        self._sizes = sizes
        self.into = nn.Linear(dim, width)
        self.whole_1W, self.mask_1W = _drawn(1, width), _drawn(1, width)
        self.positions_PW = _drawn(math.prod(sizes.grid) + 1, width)
        self.latent_positions_LW = _drawn(sizes.latents, width)
        self.norm_before, self.norm_after = nn.LayerNorm(width), nn.LayerNorm(width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.apply(initialize)

    def forward(
        self, z_BLD: Tensor, grid: Grid, places_BPW: Tensor | None = None, whole_BW: Tensor | None = None
    ) -> Tensor:
        """Decode.

        Args:
            z_BLD: all tokens, or the first of them.
            grid: patches along each axis.
            places_BPW: what is known of each patch besides, added to its mask token.
            whole_BW: what is known of the whole, added to its token and to every patch.
        """
        latents_BLW = self.into(z_BLD)
        count, length = latents_BLW.shape[:2]
        positions_PW = interpolated(self.positions_PW, self._sizes.grid, grid)
        whole_B1W = (self.whole_1W + positions_PW[:1]).expand(count, -1, -1)
        y_BPW = (self.mask_1W + positions_PW[1:]).expand(count, -1, -1)
        if self._sizes.anchors:
            spread_PL = torch.from_numpy(anchor_maps(self._sizes.anchors, grid)[1]).to(y_BPW.device)
            y_BPW = y_BPW + spread_PL[:, :length] @ latents_BLW
        if places_BPW is not None:
            y_BPW = y_BPW + places_BPW
        if whole_BW is not None:
            y_BPW, whole_B1W = y_BPW + whole_BW[:, None], whole_B1W + whole_BW[:, None]
        latents_BLW = latents_BLW + self.latent_positions_LW[:length]
        y_BLW = self.norm_before(torch.cat([whole_B1W, y_BPW, latents_BLW], 1))
        for block in self.blocks:
            y_BLW = block(y_BLW)
        y_BPW = self.norm_after(y_BLW[:, 1 : 1 + math.prod(grid)])
        return y_BPW


class PixelHead(nn.Module):
    """y_BPW to x_BC..: the pixels of each patch, then a convolution over its border.

    Departure: the convolution begins as the identity, which trains faster.
    """

    def __init__(self, width: int, patch: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self._patch, self._channels = patch, channels
        self.pixels = nn.Linear(width, math.prod(patch) * channels)
        self.last = (nn.Conv2d if len(patch) == 2 else nn.Conv3d)(channels, channels, 3, padding=1)
        self.apply(initialize)
        nn.init.dirac_(self.last.weight)

    def forward(self, y_BPW: Tensor, grid: Grid) -> Tensor:
        axes = len(grid)
        parts = self.pixels(y_BPW).unflatten(1, grid).unflatten(-1, (*self._patch, self._channels))
        pairs = [axis for pair in range(axes) for axis in (1 + pair, 1 + axes + pair)]
        x = parts.permute(0, 1 + 2 * axes, *pairs)
        sides = tuple(side * pixels for side, pixels in zip(grid, self._patch, strict=True))
        x_BCJI: Tensor = self.last(x.reshape(y_BPW.shape[0], self._channels, *sides))
        return x_BCJI


class CodeHead(nn.Module):
    """y_BPW to logits_BNP of the code that a VQGAN gives each patch."""

    def __init__(self, width: int, codes: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(width, 2 * width), nn.Linear(2 * width, codes)
        self.apply(initialize)

    def forward(self, y_BPW: Tensor) -> Tensor:
        logits_BNP: Tensor = self.last(self.first(y_BPW).tanh()).transpose(1, 2)
        return logits_BNP


def interpolated(positions_PW: Tensor, learned: Grid, grid: Grid) -> Tensor:
    """Return the positions of another grid of patches; the first row, that of the whole, stays as it is."""
    if learned == grid:
        return positions_PW
    whole_1W, places_PW = positions_PW[:1], positions_PW[1:]
    map_1WHW = places_PW.T.reshape(1, -1, *learned).float()
    smooth = functional.interpolate(
        map_1WHW, grid, mode="bicubic" if len(grid) == 2 else "trilinear", align_corners=False
    )
    return torch.cat([whole_1W, smooth[0].flatten(1).T.to(whole_1W.dtype)])


def initialize(module: nn.Module) -> None:
    """Draw the weights of a layer as the published code does; for `nn.Module.apply`."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.Conv3d):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _drawn(rows: int, width: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(rows, width) * width**-0.5)


def _patches(inputs: int, width: int, patch: tuple[int, ...]) -> nn.Conv2d | nn.Conv3d:
    if len(patch) == 2:
        return nn.Conv2d(inputs, width, (patch[0], patch[1]), (patch[0], patch[1]))
    sides = patch[0], patch[1], patch[2]
    return nn.Conv3d(inputs, width, sides, sides)
