"""Voxels move: flips, quarter turns, rotation, scaling and shifting about the center, elastic deformation."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, check_floating, contiguous, library, positions
from vesalius.transforms.sampling import Outside, along, at, spline_matrix
from vesalius.transforms.transform import Params, PositiveRange, Transform

_AXES_PATTERN = "^(IJ|IJK|JK|IK)$"


class Flip(Transform):
    """Each of some axes is reversed with a probability, independently. For x_CJI, x_CIJK and x_CTIJK of any dtype.

    Leave I out where left and right must not be exchanged.

    >>> Flip(axes="I").apply(np.array([[[1, 2, 3]]]), "I")
    array([[[3, 2, 1]]])
    """

    axes: str = Field(default="I", pattern="^I?J?K?$", min_length=1, description="letters of the axes, in this order")
    p: float = Field(default=0.5, ge=0, le=1, description="probability for each axis")

    def draw(self, generator: np.random.Generator) -> Params:
        return "".join(axis for axis in self.axes if generator.random() < self.p)

    def apply(self, x: Array, params: Params = None) -> Array:
        """Reverse the axes named by `params`."""
        positions(x, self.axes)
        return contiguous(library(x).flip(x, positions(x, params))) if params else x

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return self.apply(mask, params)


class QuarterTurn(Transform):
    """A turn by 0, 90, 180 or 270 degrees in a plane of two axes of one length. For all layouts of any dtype."""

    plane: str = Field(
        default="IJ", pattern="^(IJ|JI|IK|KI|JK|KJ)$", description="turned from the first axis to the second"
    )

    def draw(self, generator: np.random.Generator) -> Params:
        return int(generator.integers(4))

    def apply(self, x: Array, params: Params = None) -> Array:
        """Turn by `params` quarters.

        Raises:
            UsageError: the two axes differ in length.
        """
        axes = positions(x, self.plane)
        if x.shape[axes[0]] != x.shape[axes[1]]:
            raise UsageError(f"shape {tuple(x.shape)} is not square in {self.plane}", fix="crop or pad it first")
        return contiguous(library(x).rot90(x, params, axes)) if params else x

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return self.apply(mask, params)


class Deformation(Transform):
    """Base of transforms that move voxels: images by linear interpolation, masks by nearest neighbour."""

    outside: Outside = Field(
        default="edge", description='value beyond the picture, or "edge": the nearest voxel; labels get 0'
    )

    def apply(self, x: Array, params: Params = None) -> Array:
        check_floating(x)
        return self._moved(x, params, self.outside, order=1)

    def apply_mask(self, mask: Array, params: Params = None) -> Array:
        return self._moved(mask, params, "edge" if self.outside == "edge" else 0, order=0)

    @abstractmethod
    def _moved(self, x: Array, params: Params, outside: Outside, *, order: int) -> Array: ...


class Affine(Deformation):
    """A rotation, a scaling and a shift over two or three axes about the center; the size is kept.

    For floating x_CJI, x_CIJK and x_CTIJK, all frames alike (masks: any dtype). Positive degrees turn from the first
    axis of a plane towards the second; a scale above 1 enlarges.

    >>> Affine(degrees=90).apply(np.array([[[1.0, 2.0], [3.0, 4.0]]]), ((90.0,), 1.0, (0.0, 0.0))).round()
    array([[[3., 1.],
            [4., 2.]]])
    """

    axes: str = Field(
        default="IJ", pattern=_AXES_PATTERN, description="letters of the axes; IJK turns in all three planes"
    )
    degrees: float = Field(default=0.0, ge=0, le=180, description="largest rotation in each plane, drawn on both sides")
    scale: PositiveRange = Field(default=(1.0, 1.0), description="smallest and largest factor, the same for all axes")
    shift: float = Field(
        default=0.0, ge=0, le=1, description="largest shift as a share of each axis, drawn on both sides"
    )
    voxel: tuple[Annotated[float, Field(gt=0)], ...] | None = Field(
        None, description="size of a voxel along each axis, where they differ"
    )

    def draw(self, generator: np.random.Generator) -> Params:
        """Return (degrees of each plane, factor, shift of each axis as a share of it)."""
        count = len(self.axes)
        degrees = generator.uniform(-self.degrees, self.degrees, math.comb(count, 2))
        factor = math.exp(generator.uniform(math.log(self.scale[0]), math.log(self.scale[1])))
        shifts = generator.uniform(-self.shift, self.shift, count)
        return tuple(map(float, degrees)), factor, tuple(map(float, shifts))

    def _moved(self, x: Array, params: Params, outside: Outside, *, order: int) -> Array:
        degrees, factor, shifts = params
        matrix = self._backward(degrees, factor)
        axes = positions(x, self.axes)
        centers = [(x.shape[axis] - 1) / 2 for axis in axes]
        steps = [
            np.arange(x.shape[axis]) - center - share * x.shape[axis]
            for axis, center, share in zip(axes, centers, shifts, strict=True)
        ]
        grid = np.meshgrid(*steps, indexing="ij", sparse=True)
        places = [sum(weight * step for weight, step in zip(row, grid, strict=True)) for row in matrix]
        places = [place + center for place, center in zip(places, centers, strict=True)]
        return _sampled_at(x, axes, places, outside, order)

    def _backward(self, degrees: tuple[float, ...], factor: float) -> NDArray[np.float64]:
        """Matrix from steps about the center of the result to steps about the center of the input, in voxels."""
        count = len(self.axes)
        if self.voxel is not None and len(self.voxel) != count:
            raise UsageError(f"voxel {self.voxel} does not fit the axes {self.axes}", fix="give one size for each")
        forward = np.eye(count) * factor
        for (first, second), angle in zip(itertools.combinations(range(count), 2), degrees, strict=True):
            turn = np.eye(count)
            cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            turn[[first, first, second, second], [first, second, first, second]] = cosine, -sine, sine, cosine
            forward = turn @ forward
        size = np.diag(self.voxel or (1.0,) * count)
        return np.linalg.inv(size) @ np.linalg.inv(forward) @ size


class Elastic(Deformation):
    """Each voxel is moved by a cubic B-spline field over two or three axes; the size is kept.

    For floating x_CJI, x_CIJK and x_CTIJK, all frames alike (masks: any dtype). The control points move at most 0.4 of
    their distance, so the picture never folds.
    """

    axes: str = Field(default="IJ", pattern=_AXES_PATTERN, description="letters of the axes")
    spans: int = Field(default=6, ge=1, le=64, description="intervals between control points along each axis")
    strength: float = Field(default=0.2, ge=0, le=0.4, description="largest move of a control point, in intervals")

    def draw(self, generator: np.random.Generator) -> Params:
        """Return the seed of the field."""
        return int(generator.integers(1 << 63))

    def _moved(self, x: Array, params: Params, outside: Outside, *, order: int) -> Array:
        axes = positions(x, self.axes)
        lengths, count = [x.shape[axis] for axis in axes], len(axes)
        control = np.random.Generator(np.random.PCG64(params)).uniform(-1, 1, (count, *(self.spans + 3,) * count))
        field = control * self.strength / self.spans
        for axis, length in enumerate(lengths, start=1):
            field = along(field, axis, spline_matrix(length, self.spans))
        grid = np.meshgrid(*map(np.arange, lengths), indexing="ij", sparse=True)
        places = [step + share * length for step, share, length in zip(grid, field, lengths, strict=True)]
        return _sampled_at(x, axes, places, outside, order)


def _sampled_at(
    x: Array, axes: tuple[int, ...], places: list[NDArray[np.float64]], outside: Outside, order: int
) -> Array:
    """Return `sampling.at` for axes in any order and place."""
    order_of = sorted(range(len(axes)), key=lambda n: axes[n])
    ascending = tuple(axes[n] for n in order_of)
    whole = np.broadcast_arrays(*places)
    turned = [whole[n].transpose(order_of) for n in order_of]
    if ascending[-1] - ascending[0] == len(ascending) - 1:
        return at(x, ascending, turned, outside, order=order)
    moveaxis, ends = library(x).moveaxis, tuple(range(x.ndim - len(axes), x.ndim))
    return moveaxis(at(moveaxis(x, ascending, ends), ends, turned, outside, order=order), ends, ascending)
