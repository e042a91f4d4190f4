"""Scan: one scan with its pixels, its place in the world, its time and its intensity map.

Letters: C channel, T time, I J K voxel axes (J rows, I columns of a picture).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from vesalius.arguments import checked
from vesalius.errors import GeometryError, UsageError, VesaliusError
from vesalius.memory import check_memory
from vesalius.named import Table
from vesalius.scan.display_state import NOTHING_STATED, DisplayState
from vesalius.scan.geometry import Affine, check_affine, orientation, spacing_mm
from vesalius.scan.grid import StackGrid
from vesalius.scan.intensity import Intensity
from vesalius.scan.native import Native
from vesalius.scan.pixels import ALL, ArrayPixels, Pixels
from vesalius.scan.stack import MAKE_A_GRID, SliceStack

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TMeaning = Literal["time", "diffusion", "echo", "unknown"]
Colour = Literal["grey", "inverted", "rgb", "ybr", "palette", "channels"]
_DRAWN = Table(
    "view of a scan",
    {"figure": "vesalius.report.scan_picture:scan_figure", "html": "vesalius.report.scan_picture:scan_html"},
)
"""Drawn by a floor above, which is imported when a scan is shown."""
Space = Literal["unknown", "scanner", "aligned", "talairach", "mni", "template"]


@dataclass(frozen=True, eq=False)
class Scan:
    """One scan of shape (C, T, I, J, K), read lazily.

    Args:
        pixels: stored values, read on demand.
        geometry: a 4x4 affine (voxel centre to RAS+ mm), a SliceStack, or None where the file states no geometry.
        intensity: map from stored to real values.
        frame_ms: start of each frame in ms, or None where the unit or the spacing in time is unknown.
        t_meaning: meaning of the T axis; only "time" enters temporal measures.
        modality: "MR", "CT", "US", ... as the file states it, else "unknown".
        colour: meaning of C: one "grey" channel ("inverted" for MONOCHROME1), "rgb", "ybr" (YBR_FULL), "palette"
            indices, or other "channels".
        palette_N3: colours of the indices of a "palette", None where they are unknown.
        spaces: world that the affine leads to, as NIfTI names them ("aligned": to another scan; "unknown": not even the
            directions of the axes are known); two where the sform and the qform of one place name different worlds, ()
            where the source names none.
        display_state: how the source wants it shown: window, padding, shape of a pixel.
        problems: caveats, one sentence each.
        native: what is needed to write the scan back as the kind of file it came from, or None.

    Example:
        >>> scan = Scan.from_array(np.zeros((4, 5, 6), np.int16), np.diag([1.0, 1.0, 2.5, 1.0]), modality="CT")
        >>> scan.shape, scan.spacing_mm, scan.orientation
        ((1, 1, 4, 5, 6), (1.0, 1.0, 2.5), 'RAS')
        >>> scan
        <Scan CT (C 1, T 1, I 4, J 5, K 6) int16, 1 x 1 x 2.5 mm, RAS>
        >>> scan.values(k=slice(0, 2)).shape, np.asarray(scan).dtype
        ((1, 1, 4, 5, 2), dtype('float32'))
    """

    pixels: Pixels
    geometry: Affine | SliceStack | None = None
    intensity: Intensity = field(default_factory=Intensity)
    frame_ms: tuple[float, ...] | None = None
    t_meaning: TMeaning = "unknown"
    modality: str = "unknown"
    colour: Colour = "grey"
    palette_N3: NDArray[np.unsignedinteger[Any]] | None = None
    spaces: tuple[Space, ...] = ()
    display_state: DisplayState = NOTHING_STATED
    problems: tuple[str, ...] = ()
    native: Native | None = None

    @classmethod
    @checked
    def from_array(cls, array_CTIJK: ArrayLike, affine: ArrayLike | None = None, **facts: object) -> Scan:
        """Return a scan of an array (C, T, I, J, K), or (I, J, K) for one static channel, with the fields `facts`."""
        array = np.asarray(array_CTIJK)
        if array.ndim == 3:
            array = array[None, None]
        if array.ndim != 5:
            raise GeometryError(f"an array of shape {array.shape} is not (C, T, I, J, K) or (I, J, K)")
        geometry = None if affine is None else check_affine(affine)
        unknown = [name for name in facts if name not in cls.__dataclass_fields__]
        if unknown:
            fix = f"a scan has {', '.join(cls.__dataclass_fields__)}"
            raise UsageError("no such field of a scan", where=unknown[0], fix=fix)
        return replace(cls(ArrayPixels(array), geometry), **facts)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis} {count}" for axis, count in zip("CTIJK", self.shape, strict=True))
        facts = [f"({axes}) {self.dtype.name}"]
        if self.spacing_mm is not None:
            facts.append(f"{' x '.join(f'{step:.3g}' for step in self.spacing_mm)} mm, {self.orientation}")
        facts += [self.intensity.unit] if self.intensity.unit else []
        facts += [] if self.shape[1] == 1 else [f"T is {self.t_meaning}"]
        facts += [f"{len(self.problems)} caveat{'s' * (len(self.problems) > 1)}"] if self.problems else []
        return f"<Scan {'' if self.modality == 'unknown' else f'{self.modality} '}{', '.join(facts)}>"

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the real values (C, T, I, J, K), so that `np.asarray(scan)` is `scan.values()`."""
        if copy is False:
            raise ValueError("the values of a scan are read from its file, which is a copy")
        return self.values(dtype=np.float32 if dtype is None else dtype)

    @checked
    def plot(self, window: tuple[float, float] | None = None, *, t: int | None = None) -> Figure:
        """Draw the middle slices of one frame, each with the sides of the patient or the names of its axes.

        Args:
            window: real values shown black and white; None: the usual ones of the kind of scan.
            t: the frame; None: the middle one.

        Returns:
            A figure of matplotlib, which a notebook shows and `savefig` writes.

        Raises:
            UsageError: no such frame, or a window that is not from low to high.
            InputError: the real values are unknown.
        """
        return _DRAWN.get("figure")(self, window, t=t)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the facts, the middle slices, and a player where there are several frames."""
        return _DRAWN.get("html")(self)

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(C, T, I, J, K)."""
        return self.pixels.shape

    @property
    def voxels(self) -> int:
        """Number of stored values: C x T x I x J x K."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored dtype, byte order included."""
        return self.pixels.dtype

    @checked
    def stored(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        """Read the stored values of the frames `t` and slices `k`, shape (C, t, I, J, k)."""
        return self.pixels.read(t, k)

    @checked
    def values(self, t: slice = ALL, k: slice = ALL, dtype: DTypeLike = np.float32) -> NDArray[np.floating]:
        """Read the real values (HU where known) of the frames `t` and slices `k`, shape (C, t, I, J, k)."""
        c, times, i, j, depth = self.shape
        voxels = c * len(range(times)[t]) * i * j * len(range(depth)[k])
        scaled = 0 if self.intensity.is_identity else 2 * np.dtype(np.float64).itemsize
        check_memory(voxels * (self.dtype.itemsize + scaled + np.dtype(dtype).itemsize))
        return self.intensity.part(t, k).to_real(self.stored(t, k), dtype)

    def resident(self) -> Scan:
        """Return the scan with its pixels in memory, unless reading a slice costs no more than its own bytes."""
        return self if self.pixels.direct else replace(self, pixels=ArrayPixels(self.stored()))

    @property
    def affine(self) -> Affine:
        """The 4x4 affine of the voxel grid: (i, j, k) to RAS+ mm of the voxel centre.

        Raises:
            GeometryError: the scan states no geometry, or its slices do not lie on one grid (the reason is given).
        """
        if self.geometry is None:
            raise GeometryError("the file states no geometry")
        if isinstance(self.geometry, SliceStack):
            if self.geometry.grid_problem:
                raise GeometryError(f"no single grid: {self.geometry.grid_problem}", fix=self.grid_fix)
            return self.geometry.affine()
        return self.geometry

    @property
    def grid_problem(self) -> str | None:
        """Reason why there is no affine, or None."""
        if self.geometry is None:
            return "the file states no geometry"
        return self.geometry.grid_problem if isinstance(self.geometry, SliceStack) else None

    @property
    def grid_fix(self) -> str | None:
        """How to make a grid where there is none, or None where that is impossible; reads slices that share a place."""
        try:
            self.stack_grid()
        except VesaliusError:
            return None
        return MAKE_A_GRID

    def stack_grid(self) -> StackGrid:
        """Return the grid to which `vesalius.scan.resample.to_grid` resamples the slice stack.

        Raises:
            GeometryError: no slice stack; slices that are not parallel or not rectangular, or differ at one position.
        """
        if not isinstance(self.geometry, SliceStack):
            raise GeometryError("the file states no geometry, so no grid can be made")
        _, _, columns, rows, _ = self.shape
        return StackGrid(self.geometry, columns, rows, lambda k: self.values(k=slice(k, k + 1), dtype=np.float64))

    @property
    def spacing_mm(self) -> tuple[float, float, float] | None:
        """Voxel spacing along i, j, k in mm, or None where there is no grid."""
        return None if self.grid_problem else spacing_mm(self.affine)

    @property
    def orientation(self) -> str | None:
        """Three letters such as "RAS", or None where there is no grid."""
        return None if self.grid_problem else orientation(self.affine)
