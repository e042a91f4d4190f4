"""Where the voxels are: the picture, the slices with their breath-hold shifts, and the window round the heart.

Letters: I columns (x to the right), J rows (y down), K slices from base to apex, A angles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vesalius.phantom.cine.heart import ANGLES, RV_WALL_MM, Heart
from vesalius.phantom.cine.options import CineOptions
from vesalius.scan.geometry import Affine

_MARGIN_MM = 22.0
"""What the window holds beyond the heart: fat and the edge of the organs."""


@dataclass(frozen=True, eq=False)
class Grid:
    """The voxel centres of a phantom and, in a window round the heart, their place relative to the LV axis.

    Args:
        size: columns and rows of a picture.
        spacing_mm: distance of voxel centres in a picture.
        thickness_mm: distance of the slices; they touch each other.
        z_K: depth of the middle of each slice in mm below the valve plane at end-diastole.
        axis_K2: where the LV axis meets each slice: x and y in mm from the middle of the picture.
        shift_K3: how far the breath hold moved the heart in each slice: x, y, z in mm.
        window: columns and rows of the window.
        radius_KIJ: distance from the LV axis in mm, in the window.
        angle_KIJ: entry of the tables of angles, in the window.
    """

    size: int
    spacing_mm: float
    thickness_mm: float
    z_K: NDArray[np.float64]
    axis_K2: NDArray[np.float64]
    shift_K3: NDArray[np.float64]
    window: tuple[slice, slice]
    radius_KIJ: NDArray[np.float32]
    angle_KIJ: NDArray[np.intp]

    @property
    def slices(self) -> int:
        return len(self.z_K)

    @property
    def voxel_mm3(self) -> float:
        return self.spacing_mm**2 * self.thickness_mm

    def places_mm(self) -> NDArray[np.float64]:
        """Return the x (or y) of the voxel centres from the middle of the picture, shape (size,)."""
        return _places_mm(self.size, self.spacing_mm)


def build_grid(heart: Heart, options: CineOptions, draw: np.random.Generator, place: float = 1.0) -> Grid:
    """Draw slices from above the valves to below the apex, each shifted slightly by its breath hold.

    `place` is a factor on the distance of the heart from the middle of the picture.
    """
    spacing = draw.uniform(*options.fov_mm) / options.size
    thickness = draw.uniform(*options.thickness_mm)
    ending = round(heart.shortening_mm / thickness)
    first = _first_labelled_mm(heart.shortening_mm, thickness, ending, draw) - thickness
    end = heart.length_mm + heart.thickness_mm + thickness * draw.uniform(0.0, 0.6)
    count = max(math.ceil((end - first) / thickness), 4)
    shift = draw.normal(0.0, 1.0, (count, 3)) * options.shift_mm * np.array([1.0, 1.0, 0.5])
    shift = np.clip(shift, -0.3 * thickness, 0.3 * thickness)
    shift[: ending + 2, 2] = 0  # so that no slice crosses the valve plane by its breath hold
    z = first + thickness * np.arange(count) - shift[:, 2]
    lean = draw.normal(0.0, 0.04, 2)
    axis = place * draw.uniform(-8.0, 8.0, 2) + z[:, None] * lean + shift[:, :2]
    size = options.size
    places = _places_mm(size, spacing)
    reach = math.sqrt(heart.radius_mm2) + 2 * heart.thickness_mm + _MARGIN_MM
    left = reach + heart.rv_depth_mm[0] * 2.2 + RV_WALL_MM
    window = (_span(places, axis[:, 0].min() - left, axis[:, 0].max() + reach),
              _span(places, axis[:, 1].min() - left, axis[:, 1].max() + left))  # fmt: skip
    x = places[window[0]][None, :, None] - axis[:, 0, None, None]
    y = places[window[1]][None, None, :] - axis[:, 1, None, None]
    radius, angle = polar(x, y)
    return Grid(size, spacing, thickness, z, axis, shift, window, radius, angle)


def polar(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Return the radius in mm and the entry in the tables of angles."""
    angle = (np.arctan2(y, x) + math.pi) * (ANGLES / (2 * math.pi))
    return np.sqrt(x * x + y * y).astype(np.float32), np.minimum(angle.astype(np.intp), ANGLES - 1)


def draw_affine(grid: Grid, draw: np.random.Generator) -> Affine:
    """Draw the affine (voxel centre to RAS+ mm) of a usual, slightly tilted short axis; k points to the apex."""
    to_apex = np.array([-0.66, 0.64, -0.4]) + draw.normal(0, 0.05, 3)
    to_apex /= np.linalg.norm(to_apex)
    column = np.array([-0.72, -0.69, 0.05]) + draw.normal(0, 0.05, 3)
    column -= to_apex * (column @ to_apex)
    column /= np.linalg.norm(column)
    row = np.cross(column, to_apex)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([column, row, to_apex], axis=1) * [grid.spacing_mm, grid.spacing_mm, grid.thickness_mm]
    middle = np.array([-30.0, 20.0, 0.0]) + draw.normal(0, 8.0, 3)
    corner = np.array([(grid.size - 1) / 2, (grid.size - 1) / 2, (grid.slices - 1) / 2])
    affine[:3, 3] = middle - affine[:3, :3] @ corner
    return affine


def _first_labelled_mm(shortening: float, thickness: float, ending: int, draw: np.random.Generator) -> float:
    """Return the depth of the highest slice such that `ending` slices leave the ventricles during systole.

    The valve plane lies near the border of two slices both at end-diastole and at end-systole, so that what whole
    slices count too much or too little is small at both and the walls move as the ejection fraction says.
    """
    spare = shortening / thickness - ending
    return thickness * (0.5 + spare / 2 + draw.uniform(-0.12, 0.12))


def _places_mm(size: int, spacing: float) -> NDArray[np.float64]:
    return np.asarray((np.arange(size) - (size - 1) / 2) * spacing, np.float64)


def _span(places: NDArray[np.float64], low: float, high: float) -> slice:
    return slice(int(np.searchsorted(places, low)), int(np.searchsorted(places, high, side="right")))
