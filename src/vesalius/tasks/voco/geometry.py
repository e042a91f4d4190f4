"""Where the crops of VoCo lie, and how far they overlap: data of the configuration.

Letters: R random crops, K base crops, N all crops (random ones first), A the three axes.
"""

from __future__ import annotations

from itertools import product
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from vesalius.config import Config
from vesalius.errors import UsageError
from vesalius.tasks.voco.crops import CropChanges, Drawn, Positive, Size, overlaps

Shape = tuple[int, int, int]


class BaseGrid(Config):
    """A grid of base crops that tiles the volume, and random crops whose overlap with each base crop is predicted.

    The published geometries: 4 x 4 x 1 crops of 96^3 resized to 64^3 in volumes of 384 x 384 x 96 (2024), 3 x 3 x 1 of
    64^3 in 192 x 192 x 64 (2025).

    Example:
        >>> grid = BaseGrid(grid=(2, 2, 1), crop=(32, 32, 16))
        >>> grid.volume, grid.count, grid.labels([[16, 0, 0]]).tolist()
        ((64, 64, 16), 4, [[0.5, 0.0, 0.5, 0.0]])
    """

    grid: Size = Field(default=(4, 4, 1), description="base crops along i, j, k")
    crop: Size = Field(default=(96, 96, 96), description="voxels of a crop in the volume; the third axis may be frames")
    resized: Size | None = Field(default=None, description="size that the net sees; none: that of the crop")
    overlap: Literal["area", "volume"] = Field(
        default="area", description="labels by the plane of i and j alone, as published, or by all three axes"
    )
    random: int = Field(default=2, ge=1, description="random crops of a volume")
    changes: CropChanges = CropChanges()

    @model_validator(mode="after")
    def _labels_that_sum_to_one(self) -> BaseGrid:
        if self.count < 2:
            raise ValueError("grid has one crop: there is nothing to tell apart")
        if self.overlap == "area" and self.grid[2] > 1:
            raise ValueError("several layers along k need overlap: volume")
        if self.changes.quarter_turn and self.seen[0] != self.seen[1]:
            raise ValueError("quarter turns need equal sides i and j; set changes.quarter_turn to 0")
        if self.changes.quarter_turn and self.crop[0] != self.crop[1]:
            raise ValueError("quarter turns need a crop with equal sides i and j; set changes.quarter_turn to 0")
        return self

    @property
    def volume(self) -> Shape:
        """Voxels that the grid covers."""
        i, j, k = (count * side for count, side in zip(self.grid, self.crop, strict=True))
        return i, j, k

    @property
    def count(self) -> int:
        """Number of base crops, K."""
        return self.grid[0] * self.grid[1] * self.grid[2]

    @property
    def seen(self) -> Size:
        """Size of a crop that the net sees."""
        return self.resized or self.crop

    def check(self, shape: Shape) -> None:
        """Raise UsageError unless the grid tiles a volume of this shape (along i and j where labels are areas)."""
        free = self.overlap == "area"
        if shape[:2] != self.volume[:2] or (shape[2] < self.volume[2] if free else shape[2] != self.volume[2]):
            what = f"the grid covers {_times(self.volume)} voxels, the volume has {_times(shape)}"
            fix = "end prepare or augment with a center_fit or random_crop of that size, or change the grid"
            raise UsageError(what, where="method.geometry", fix=fix)

    def base(self, shape: Shape) -> list[list[int]]:
        """Return the first voxels of the base crops, (K, A), i slowest; along k centred in the volume."""
        above = (shape[2] - self.volume[2]) // 2
        cells = product(*(range(count) for count in self.grid))
        return [[i * self.crop[0], j * self.crop[1], above + k * self.crop[2]] for i, j, k in cells]

    def labels(self, first_RA: list[list[int]], shape: Shape | None = None) -> np.ndarray:
        """Return the overlap of each random crop with each base crop, (R, K); every row sums to 1."""
        return overlaps(first_RA, self.base(shape or self.volume), self.crop, axes=2 if self.overlap == "area" else 3)

    def draw(self, generator: np.random.Generator, shape: Shape) -> Drawn:
        """Return random and base crops with their changes, and `labels` (R, K)."""
        most = [side - crop + 1 for side, crop in zip(shape, self.crop, strict=True)]
        random = generator.integers(0, most, (self.random, 3)).tolist()
        drawn = self.changes.draw(generator, random + self.base(shape))
        return {**drawn, "labels": self.labels(random, shape).astype(np.float32)}


class NeighbourCrops(Config):
    """One main crop and overlapping neighbours, as in the description of UME.

    A neighbour is shifted from the main crop along all three axes, by random amounts for which both share the fraction
    `overlap` of their volume before rounding to voxels. Where the volume ends it is pushed back, which enlarges the
    overlap.
    """

    crop: Size = Field(default=(64, 64, 32), description="voxels of a crop; the third axis may be frames")
    resized: Size | None = Field(default=None, description="size that the net sees; none: that of the crop")
    count: Positive = Field(default=4, description="neighbours of the main crop")
    overlap: float = Field(default=0.25, gt=0, lt=1, description="share of the volume in common with the main crop")
    changes: CropChanges = CropChanges(flip=0, quarter_turn=0)

    @property
    def seen(self) -> Size:
        """Size of a crop that the net sees."""
        return self.resized or self.crop

    def check(self, shape: Shape) -> None:
        """Raise UsageError where a crop does not fit."""
        if any(side < crop for side, crop in zip(shape, self.crop, strict=True)):
            what = f"a crop of {_times(self.crop)} voxels does not fit into a volume of {_times(shape)}"
            raise UsageError(what, where="method.geometry", fix="take smaller crops, or pad the volumes")

    def draw(self, generator: np.random.Generator, shape: Shape) -> Drawn:
        """Return the main crop, then its neighbours, with their changes, and `labels` (count,)."""
        crop, room = np.array(self.crop), np.array(shape) - np.array(self.crop)
        main = generator.integers(0, room + 1)
        share = self.overlap ** generator.dirichlet((1, 1, 1), self.count)
        move = np.rint((1 - share) * crop) * generator.choice((-1, 1), (self.count, 3))
        is_outside = (main + move < 0) | (main + move > room)
        first = np.clip(main + np.where(is_outside, -move, move), 0, room)
        drawn = self.changes.draw(generator, np.concatenate([main[None], first]))
        return {**drawn, "labels": overlaps(main[None], first, crop)[0].astype(np.float32)}


def _times(sizes: Shape) -> str:
    return " x ".join(map(str, sizes))
