"""A slice stack: each slice has a place of its own in the world; slices may be tilted or unevenly spaced.

A DICOM series is read as a stack first. A *grid* (one affine for all voxels) exists only where the positions
allow one; else `SliceStack.grid_problem` gives the reason. Conventions as in `vesalius.scan.geometry`:
RAS+ mm, voxel centres, (i, j, k) with i along a row (column index), j down the rows, k along the normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import GeometryError
from vesalius.scan.geometry import Affine, check_affine

PARALLEL_COSINE = 1 - 1e-4
"""Two directions less than about 0.8 degrees apart count as equal."""
GAP_TOLERANCE = 0.01
"""Gaps may differ by this fraction of the median gap, or by GAP_TOLERANCE_MM if that is more."""
GAP_TOLERANCE_MM = 0.01
TILT_TOLERANCE_DEGREES = 0.2
"""Angle between the slice normal and the direction in which the slices are stacked."""

MAKE_A_GRID = "make one with vesalius convert --resample"


@dataclass(frozen=True, eq=False)
class SliceStack:
    """Geometry of K slices.

    Args:
        origins_K3: world position (RAS+ mm) of the centre of pixel (0, 0) of each slice.
        steps_i_K3: world vector (mm) from pixel (i, j) to (i + 1, j) of each slice.
        steps_j_K3: world vector (mm) from pixel (i, j) to (i, j + 1) of each slice.
        thickness_mm: nominal slice thickness where the file states it; the third step of a single slice.

    Example:
        >>> origins = np.array([[0, 0, 0], [0, 0, 2], [0, 0, 5]])
        >>> stack = SliceStack(origins, np.tile([1.0, 0, 0], (3, 1)), np.tile([0, 1.0, 0], (3, 1)))
        >>> stack.grid_problem
        'the gaps between slices are uneven (2.00 / 3.00 mm)'
    """

    origins_K3: NDArray[np.float64]
    steps_i_K3: NDArray[np.float64]
    steps_j_K3: NDArray[np.float64]
    thickness_mm: float | None = None

    def __len__(self) -> int:
        return len(self.origins_K3)

    @cached_property
    def normal(self) -> NDArray[np.float64]:
        """Unit normal of the first slice, i x j: the direction in which k should grow."""
        normal = np.cross(self.steps_i_K3[0], self.steps_j_K3[0])
        return normal / np.linalg.norm(normal)

    @cached_property
    def heights_mm(self) -> NDArray[np.float64]:
        """Position of each slice along the normal, shape (K,)."""
        return self.origins_K3 @ self.normal

    @cached_property
    def gaps_mm(self) -> NDArray[np.float64]:
        """Distances between neighbouring slices along the normal, shape (K - 1,)."""
        return np.diff(self.heights_mm)

    @cached_property
    def tilt_degrees(self) -> float:
        """Angle between the normal and the line from the first to the last slice (gantry tilt); 0 for one slice."""
        run = self.origins_K3[-1] - self.origins_K3[0]
        length = np.linalg.norm(run)
        if len(self) < 2 or length == 0:
            return 0.0
        return float(np.degrees(np.arccos(np.clip(abs(run @ self.normal) / length, 0, 1))))

    @cached_property
    def is_parallel(self) -> bool:
        """True where all slices share one orientation and one pixel spacing."""
        for steps in (self.steps_i_K3, self.steps_j_K3):
            lengths = np.linalg.norm(steps, axis=1)
            if not np.allclose(lengths, lengths[0], rtol=1e-3):
                return False
            if (steps @ steps[0] < PARALLEL_COSINE * lengths * lengths[0]).any():
                return False
        return True

    @cached_property
    def duplicates(self) -> tuple[tuple[int, int], ...]:
        """Pairs of neighbouring slices (k, k + 1) at the same position."""
        if not self.is_parallel:
            return ()
        return tuple((k, k + 1) for k in np.flatnonzero(np.abs(self.gaps_mm) <= GAP_TOLERANCE_MM).tolist())

    @cached_property
    def grid_problem(self) -> str | None:
        """Reason why the slices do not lie on one grid, or None."""
        if not self.is_parallel:
            return "the slices differ in orientation or pixel spacing"
        if self.duplicates:
            first = self.duplicates[0]
            return f"{len(self.duplicates)} duplicate slice position(s), the first at slices {first[0]} and {first[1]}"
        if len(self) < 2:
            return None
        reasons = []
        if self.tilt_degrees > TILT_TOLERANCE_DEGREES:
            reasons.append(f"the slices are stacked at {self.tilt_degrees:.1f} degrees to their normal (gantry tilt)")
        uneven = self._uneven_gaps()
        if uneven:
            reasons.append(uneven)
        return " and ".join(reasons) or None

    def _uneven_gaps(self) -> str | None:
        median = float(np.median(self.gaps_mm))
        allowed = max(GAP_TOLERANCE * median, GAP_TOLERANCE_MM)
        off = np.flatnonzero(np.abs(self.gaps_mm - median) > allowed)
        if not off.size:
            return None
        k, gap = int(off[0]), float(self.gaps_mm[off[0]])
        multiple = round(gap / median)
        if multiple >= 2 and abs(gap - multiple * median) <= allowed * multiple and off.size <= len(self) // 4:
            count, sizes = multiple - 1, f"gap {gap:.2f} mm, else {median:.2f} mm"
            return f"{count} slice(s) missing between slices {k} and {k + 1} ({sizes})"
        shown = sorted({round(float(gap), 2) for gap in self.gaps_mm})
        text = " / ".join(f"{gap:.2f}" for gap in shown[:4]) + (" / ..." if len(shown) > 4 else "")
        return f"the gaps between slices are uneven ({text} mm)"

    def affine(self) -> Affine:
        """Return the affine of the grid that the slices lie on: (i, j, k) to RAS+ mm of the voxel centre.

        Raises:
            GeometryError: there is no such grid; the message holds `grid_problem`.
        """
        if self.grid_problem:
            fix = MAKE_A_GRID if self.is_parallel and not self.duplicates else None
            raise GeometryError(f"no single grid: {self.grid_problem}", fix=fix)
        matrix = np.eye(4)
        matrix[:3, 0] = self.steps_i_K3[0]
        matrix[:3, 1] = self.steps_j_K3[0]
        if len(self) > 1:
            matrix[:3, 2] = (self.origins_K3[-1] - self.origins_K3[0]) / (len(self) - 1)
        else:
            matrix[:3, 2] = self.normal * (self.thickness_mm or 1.0)
        matrix[:3, 3] = self.origins_K3[0]
        return check_affine(matrix)
