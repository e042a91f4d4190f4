"""From a scan to pictures in an anatomical view: permuted and flipped, never resampled.

Letters: B pictures, C channel, J rows, I columns of a picture (not the voxel axes i, j, k of the scan).

Axial: anterior at the top. Coronal and sagittal: superior at the top. Radiological axial and coronal pictures show the
patient's right on their left side, neurological ones on their right; a sagittal picture has anterior on its left in
both. Slices are counted from inferior to superior, posterior to anterior, left to right. Of an oblique grid the
anatomical plane nearest to each voxel axis is taken.

Native: the slices as stored. Upright: the stored slices, flipped so that the patient's left or back is on the right,
front or head at the top; projections without a place are flipped as the file states the directions of their rows and
columns, else not at all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import GeometryError
from vesalius.scan.geometry import Affine, axis_map, spacing_mm
from vesalius.scan.pixels import ALL
from vesalius.scan.scan import Scan
from vesalius.scan.stack import SliceStack

Plane = Literal["axial", "coronal", "sagittal", "native", "upright"]
Display = Literal["radiological", "neurological"]

_R, _A, _S = 0, 1, 2
"""World axes."""
_WANTED: dict[str, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    "axial": ((_R, -1), (_A, -1), (_S, 1)),
    "coronal": ((_R, -1), (_S, -1), (_A, 1)),
    "sagittal": ((_A, -1), (_S, -1), (_R, 1)),
}
"""plane -> world direction in which columns, rows and slices grow (radiological)."""
_SLICES = (0, 1, 2)
"""Axes of a view whose pictures are the slices of the scan."""
_CODES = (("L", "R"), ("P", "A"), ("I", "S"))


@dataclass(frozen=True)
class View:
    """How the voxel axes of a scan lie in its pictures.

    Args:
        axes: voxel axis (0 i, 1 j, 2 k) that runs along the columns, down the rows, through the slices.
        steps: +1 where the voxel index grows that way, -1 where it falls.
        count: pictures of one frame.
        spacing_mm: distance between neighbouring rows and columns, None where unknown.
        edges: letters of the patient's side at the left, right, top and bottom edge, None where unknown.
        projection_aspect: row spacing over column spacing of a projection, which has no spacing in the patient.
    """

    axes: tuple[int, int, int]
    steps: tuple[int, int, int]
    count: int
    spacing_mm: tuple[float, float] | None
    edges: tuple[str, str, str, str] | None
    projection_aspect: float = 1.0

    @property
    def pixel_aspect(self) -> float:
        """Row spacing over column spacing: how much taller than wide a pixel is; 1 where unknown."""
        return self.projection_aspect if self.spacing_mm is None else self.spacing_mm[0] / self.spacing_mm[1]

    def turn(self, slice_IJ: NDArray[Any]) -> NDArray[Any]:
        """Turn a slice (I, J) of the scan into a picture (J, I) of its native or upright view.

        Raises:
            ValueError: the pictures of this view are not the slices of the scan.
        """
        if self.axes != _SLICES:
            raise ValueError(f"pictures along the voxel axes {self.axes} are not the slices of the scan")
        return slice_IJ[:: self.steps[0], :: self.steps[1]].T


def to_view(
    scan: Scan, plane: Plane, display: Display = "radiological", *, k: slice = ALL, t: slice = ALL
) -> NDArray[np.float32]:
    """Return real values of a scan as pictures x_BCJI; B runs over the slices of the first frame, then of the next.

    Args:
        scan: a scan on a grid, or any scan for "native", "upright" and the plane in which its parallel slices lie.
        plane: see the module.
        display: which side of a picture shows the patient's right.
        k: slices of the view, counted as in the module's text.
        t: frames.

    Raises:
        GeometryError: the view needs a geometry that the scan does not have.
    """
    view = view_of(scan, plane, display)
    along_i, along_j, along_k = view.axes
    numbers = range(view.count)[:: view.steps[2]][k]
    values = _slab(scan, t, numbers) if along_k == 2 else np.take(scan.values(t), list(numbers), axis=2 + along_k)
    x_TKCJI = values.transpose(1, 2 + along_k, 0, 2 + along_j, 2 + along_i)
    x_TKCJI = x_TKCJI[..., :: view.steps[1], :: view.steps[0]]
    return np.ascontiguousarray(x_TKCJI.reshape(-1, *x_TKCJI.shape[2:]), dtype=np.float32)


def view_of(scan: Scan, plane: Plane, display: Display = "radiological") -> View:
    """Return how `to_view` turns a scan, without reading a pixel. Raises as `to_view` does."""
    if plane in ("native", "upright"):
        stored = None if scan.geometry is None else _directions(scan)
        if stored is None:
            return _projection(scan, plane)
        return _view(scan, stored, _SLICES, (1, 1, 1) if plane == "native" else _upright(*_ends(stored)))
    directions = _directions(scan, plane)
    world_axes = axis_map(directions)
    axes, steps = [], []
    for position, (world, sign) in enumerate(_WANTED[plane]):
        if display == "neurological" and world == _R and position == 0:
            sign = -sign
        axis = next(axis for axis in range(3) if world_axes[axis][0] == world)
        axes.append(axis)
        steps.append(sign * world_axes[axis][1])
    return _view(scan, directions, (axes[0], axes[1], axes[2]), (steps[0], steps[1], steps[2]))


def _ends(directions: Affine) -> tuple[str, str]:
    """Return the letters of the sides that rows and columns of a slice run towards."""
    columns, rows, _ = (_CODES[world][sign > 0] for world, sign in axis_map(directions))
    return columns, rows


def _upright(along_row: str, down: str) -> tuple[int, int, int]:
    """Return steps along i and j; an axis along the body's length keeps its direction along the columns."""
    return -1 if along_row in "RA" else 1, -1 if down in "ASH" else 1, 1


def _projection(scan: Scan, plane: Plane) -> View:
    """Return the view of a picture without a place in the patient, by what its file states about showing it."""
    ends = scan.display_state.directions
    steps = (1, 1, 1) if plane == "native" or ends is None else _upright(*ends)
    return replace(_view(scan, None, _SLICES, steps), projection_aspect=scan.display_state.pixel_aspect)


def _view(scan: Scan, directions: Affine | None, axes: tuple[int, int, int], steps: tuple[int, int, int]) -> View:
    count = scan.shape[2 + axes[2]]
    if directions is None:
        return View(axes, steps, count, None, None)
    spacing = spacing_mm(directions)
    world_axes = axis_map(directions)
    ends = []
    for axis, step in zip(axes[:2], steps[:2], strict=True):
        world, sign = world_axes[axis]
        grows = sign * step > 0
        ends += [_CODES[world][not grows], _CODES[world][grows]]
    left, right, top, bottom = ends
    return View(axes, steps, count, (spacing[axes[1]], spacing[axes[0]]), (left, right, top, bottom))


def _directions(scan: Scan, plane: Plane = "native") -> Affine:
    """Return the affine, or for parallel slices off a grid an affine with the same directions."""
    stack = scan.geometry
    if not isinstance(stack, SliceStack) or stack.grid_problem is None:
        return scan.affine
    if not stack.is_parallel and plane in _WANTED:
        return scan.affine  # raises, with the reason
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = stack.steps_i_K3[0], stack.steps_j_K3[0]
    down = len(stack) > 1 and stack.heights_mm[-1] < stack.heights_mm[0]
    matrix[:3, 2] = -stack.normal if down else stack.normal
    if plane in _WANTED and axis_map(matrix)[2][0] != _WANTED[plane][2][0]:
        raise GeometryError(f"no {plane} view: {stack.grid_problem}", fix=scan.grid_fix)
    return matrix


def _slab(scan: Scan, t: slice, numbers: range) -> NDArray[Any]:
    """Read the slices `numbers` of the file's K axis as one slab."""
    if not numbers:
        return scan.values(t, slice(0, 0))
    upward = numbers if numbers.step > 0 else numbers[::-1]
    values = scan.values(t, slice(upward.start, upward[-1] + 1, upward.step))
    return values if numbers.step > 0 else values[..., ::-1]
