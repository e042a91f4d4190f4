"""Flips and quarter turns: voxels move, values stay."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from vesalius.errors import UsageError
from vesalius.transforms.arrays import Array, contiguous, library, positions
from vesalius.transforms.transform import Params, Transform


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
    """A turn by 0, 90, 180 or 270 degrees in a plane of two axes of one length. For all layouts of any dtype.

    >>> QuarterTurn().apply(np.array([[[1, 2], [3, 4]]]), 2)
    array([[[4, 3],
            [2, 1]]])
    """

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
