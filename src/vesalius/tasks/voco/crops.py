"""Crops of volumes: where they lie, how they are turned, and one operation that cuts, resizes and turns all of a batch.

Places are in voxels from the corner of the volume. The third axis k is depth, or time in crops of a cine.

Letters: B volumes, N crops of a volume, A the three axes, C channel, I J K voxels of a volume, i j k of a resized crop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from torch import Tensor, nn

from vesalius.config import Config

Positive = Annotated[int, Field(ge=1)]
Size = tuple[Positive, Positive, Positive]
Drawn = dict[str, NDArray[Any]]
"""Numbers of one volume by name; the crops of a volume are `first` (N, A), `flip` (N, A), `turn` (N,), `shift` (N,)."""


class CropChanges(Config):
    """Random changes of each crop on its own. Orientation says where a crop lies: set both to 0 to keep it."""

    flip: float = Field(default=0.2, ge=0, le=1, description="probability of a flip, for each axis")
    quarter_turn: float = Field(default=0.2, ge=0, le=1, description="probability of 1 to 3 quarter turns in the plane")
    shift: float = Field(default=0.1, ge=0, description="largest change of all values, added")
    shift_p: float = Field(default=0.1, ge=0, le=1, description="probability of that change")

    def draw(self, generator: np.random.Generator, first_NA: ArrayLike) -> Drawn:
        """Return the crops at these places with drawn changes."""
        first = np.asarray(first_NA, np.float32)
        count = len(first)
        is_turned = generator.random(count) < self.quarter_turn
        is_shifted = generator.random(count) < self.shift_p
        return {
            "first": first,
            "flip": generator.random((count, 3)) < self.flip,
            "turn": is_turned * generator.integers(1, 4, count),
            "shift": (is_shifted * generator.uniform(-self.shift, self.shift, count)).astype(np.float32),
        }


def overlaps(one_NA: ArrayLike, other_MA: ArrayLike, size: ArrayLike, axes: int = 3) -> NDArray[np.float64]:
    """Return the share of a crop that each pair has in common, (N, M).

    Args:
        one_NA: first voxels of crops.
        other_MA: first voxels of others of equal size.
        size: of all of them.
        axes: 3: of the volume; 2: of the area of the plane, wherever they lie along the third axis.

    Example:
        >>> overlaps([[2, 0, 5]], [[0, 0, 0], [4, 4, 0]], (4, 4, 4), axes=2)
        array([[0.5, 0. ]])
    """
    one, other, sides = (np.asarray(numbers, np.float64) for numbers in (one_NA, other_MA, size))
    apart_NMA = np.abs(one[:, None] - other[None])[..., :axes]
    shares: NDArray[np.float64] = np.clip(1 - apart_NMA / sides[:axes], 0, 1).prod(-1)
    return shares


def cut_crops(x_BCIJK: Tensor, drawn: Mapping[str, Tensor], size: Size, resized: Size) -> Tensor:
    """Return the crops of all volumes, (B, N, C, i, j, k), in one sampling operation on the device of the volumes.

    Values between voxels are linear; a crop that keeps its size gets the voxels themselves (to rounding). A crop is
    flipped, then turned, then shifted; turns need equal sides i and j.

    Args:
        x_BCIJK: the volumes.
        drawn: `first`, `flip`, `turn` and `shift` of `CropChanges.draw`, stacked along B.
        size: of a crop in the volume.
        resized: of the result.
    """
    count = drawn["first"].shape[1]
    steps = [(torch.arange(side, device=x_BCIJK.device) + 0.5) / side - 0.5 for side in resized]
    u_ijkA = torch.stack(torch.meshgrid(*steps, indexing="ij"), -1)
    angle_BN = drawn["turn"].float() * (math.pi / 2)
    cos, sin = (turned.round()[..., None, None, None] for turned in (angle_BN.cos(), angle_BN.sin()))
    i, j, k = u_ijkA.unbind(-1)
    u_BNijkA = torch.stack([cos * i + sin * j, cos * j - sin * i, k.expand_as(cos * i)], -1)
    sign_BNA = 1 - 2 * drawn["flip"].float()
    sides = x_BCIJK.new_tensor(size, dtype=torch.float32)
    voxels = (u_BNijkA * sign_BNA[:, :, None, None, None] + 0.5) * sides - 0.5
    voxels = voxels + drawn["first"][:, :, None, None, None].float()
    lengths = x_BCIJK.new_tensor(x_BCIJK.shape[2:], dtype=torch.float32)
    places = ((2 * voxels + 1) / lengths - 1).flip(-1).flatten(1, 2)  # (B, N * i, j, k, A), axes as KJI
    cut = nn.functional.grid_sample(
        x_BCIJK.float(), places, mode="bilinear", padding_mode="border", align_corners=False
    )
    volumes, channels = x_BCIJK.shape[:2]
    crops = cut.reshape(volumes, channels, count, *resized).transpose(1, 2)
    return crops + drawn["shift"].float()[:, :, None, None, None, None]
