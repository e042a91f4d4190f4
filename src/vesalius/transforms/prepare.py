"""From a scan to the array that transforms and nets take: the deterministic part, whose result may be cached.

Letters: B pictures, C channel, T time, I J K voxel axes, J rows and I columns of a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from vesalius.config import Config
from vesalius.errors import GeometryError, UsageError
from vesalius.scan.colours import in_rgb
from vesalius.scan.geometry import spacing_mm
from vesalius.scan.intensity import Intensity
from vesalius.scan.label_values import NotLabelsError, read_labels
from vesalius.scan.orient import reorient
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.resample import Interpolation, regrid, to_grid
from vesalius.scan.scan import Scan
from vesalius.transforms.normalize import Windows
from vesalius.transforms.shown import shown, squared
from vesalius.transforms.transform import AnyTransform, Chain, Sample, Transform, digest_of
from vesalius.transforms.view import Display, Plane, to_view

Layout = Literal["CTIJK", "CIJK", "BCJI", "CJI"]
CtWindow = Literal["wide", "brain-subdural-bone"]

SAME_PLACE_MM = 1e-2
"""Corners of two grids that lie closer count as the same place."""
_LABELS = np.iinfo(np.int16)
_MEAN_HU, _STD_HU = 65.1084213, 178.0166321
"""Statistics of MedDINOv3's training data."""


def _fixed(transform: Transform) -> Transform:
    if transform.is_random:
        raise ValueError("a random transform cannot prepare a scan, because the result is cached")
    return transform


Step_mm = Annotated[float, Field(gt=0)] | None
Step = Annotated[AnyTransform, AfterValidator(_fixed)]


class Prepare(Config):
    """Grid, orientation, spacing, values, view, size, in this order; a step that is None or empty is skipped.

    Images become float32, masks int16. X-rays stored inverted (MONOCHROME1) are turned so that bone is bright, YBR
    and palettes become RGB. With `intensity` "shown" the values are the levels of `vesalius.transforms.shown`, and
    pixels that the file says are not square become so in layouts of pictures.
    """

    resample: bool = Field(default=False, description="resample slices that are tilted or unevenly spaced to a grid")
    orient: str | None = Field(default=None, description="three letters such as RAS: axes are permuted and flipped")
    spacing_mm: tuple[Step_mm, Step_mm, Step_mm] | None = Field(
        default=None, description="new spacing along i, j, k; null along an axis keeps that of the scan"
    )
    non_finite: float | None = Field(
        default=None, description="replacement of NaN and infinite values; None refuses them"
    )
    intensity: Literal["real", "shown"] = Field(
        default="real",
        description="real: values in their unit, such as HU; shown: levels from 0 black to 1 white by the window or "
        "lookup table of the file, else the range of 8-bit values or of the scan",
    )
    values: tuple[Step, ...] = Field(default=(), description="transforms of all values of the scan, such as zscore")
    layout: Layout = Field(
        default="CTIJK", description="axes of the result: scan, static volume, pictures, one picture"
    )
    plane: Plane = Field(default="native", description="view of the pictures")
    display: Display = Field(default="radiological", description="which side of a picture shows the patient's right")
    steps: tuple[Step, ...] = Field(default=(), description="transforms of the result, picture by picture")

    def __call__(self, scan: Scan | Sequence[Scan]) -> NDArray[np.float32]:
        """Return the prepared image of a scan, or of several on one grid (modalities), whose channels are joined.

        Raises:
            GeometryError: there is no grid where one is needed, or the scans do not share one.
            UsageError: values that are no image, NaN, or a step that does not fit.
        """
        image: NDArray[np.float32] = self.sample(scan).image
        return image

    def sample(
        self,
        scan: Scan | Sequence[Scan],
        masks: Mapping[str, Scan] | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> Sample:
        """Return the prepared image with its masks, which go the same way by nearest neighbour.

        Raises:
            GeometryError: as `__call__`; or a mask that is not on the grid of the image.
            UsageError: as `__call__`; or a mask that holds no labels.
        """
        scans = [scan] if isinstance(scan, Scan) else list(scan)
        for name, mask in (masks or {}).items():
            _check_same_grid(scans[0], mask, f"mask {name!r}", one_frame=True)
        for other in scans[1:]:
            _check_same_grid(scans[0], other, "another scan of the case")
        parts = [self.placed(given) for given in scans]
        array_CTIJK = np.concatenate([self._real(part) for part in parts]) if len(parts) > 1 else self._real(parts[0])
        array_CTIJK = _as_float32(Chain(transforms=self.values).apply(array_CTIJK))
        if array_CTIJK.shape[1:] != parts[0].shape[1:]:
            raise UsageError("a transform of the values changed the voxels", fix="move it to steps")
        image = self._laid_out(parts[0], array_CTIJK)
        labels = {
            name: self._laid_out(part, _labels(part, name))
            for name, part in (
                (name, self.placed(replace(mask, display_state=scans[0].display_state), "nearest"))
                for name, mask in (masks or {}).items()
            )
        }
        return self._stepped(Sample(image, labels, facts or {}))

    def placed(self, scan: Scan, interpolation: Interpolation = "linear") -> Scan:
        """Return the scan on the grid of the result: its affine is that of layouts with axes I, J, K.

        Raises:
            GeometryError: there is no grid where one is needed.
            UsageError: values that are no image.
        """
        if interpolation == "linear":
            scan = in_rgb(scan)
        if scan.dtype.kind not in "biuf":
            raise UsageError(f"values of type {scan.dtype} are no image", fix="leave the scan out")
        if self.resample and scan.grid_problem:
            if interpolation == "nearest":
                raise GeometryError("a mask on slices without a grid cannot be resampled", fix="convert both before")
            scan = to_grid(scan)
        if self.orient is not None:
            scan = reorient(scan, self.orient)
        if self.spacing_mm is None:
            return scan
        i, j, k = (new or old for new, old in zip(self.spacing_mm, spacing_mm(scan.affine), strict=True))
        return regrid(scan, (i, j, k), interpolation)

    def channel_count(self, given: int) -> int:
        """Return the channels of the result for scans with `given` channels together."""
        return Chain(transforms=(*self.values, *self.steps)).channel_count(given)

    @property
    def window(self) -> tuple[float, float] | None:
        """Values that are black and white through the first window, or as levels; None: neither is prepared.

        Example:
            >>> ct_slices("brain-subdural-bone").window
            (0.0, 80.0)
        """
        levels = (0.0, 1.0) if self.intensity == "shown" else None
        return next((step.first for step in (*self.values, *self.steps) if isinstance(step, Windows)), levels)

    def digest(self) -> str:
        """Return 64 hexadecimal digits that change with every value."""
        return digest_of(self)

    def _real(self, scan: Scan) -> NDArray[np.float32]:
        values = scan.values()
        finite = np.isfinite(values)
        if not finite.all():
            if self.non_finite is None:
                fix = "replace them in the file, or set non_finite where a preparation is configured"
                raise UsageError("the scan holds NaN or infinite values", fix=fix)
            values = np.where(finite, values, np.float32(self.non_finite))
        if self.intensity == "shown":
            return shown(scan, _as_float32(values))
        if scan.colour == "inverted":
            values = values.min() + values.max() - values
        return _as_float32(values)

    def _laid_out(self, scan: Scan, array_CTIJK: NDArray[Any]) -> NDArray[Any]:
        """Return the array in the configured layout; B comes first for pictures."""
        if self.layout == "CTIJK":
            return array_CTIJK
        if self.layout == "CIJK":
            if array_CTIJK.shape[1] != 1:
                raise UsageError(f"the scan has {array_CTIJK.shape[1]} frames, a volume CIJK has one", fix="take CTIJK")
            return array_CTIJK[:, 0]
        colour = scan.colour if len(array_CTIJK) == scan.shape[0] else "channels"
        of_array = replace(scan, pixels=ArrayPixels(array_CTIJK), intensity=Intensity(), colour=colour, native=None)
        x_BCJI = to_view(of_array, self.plane, self.display).astype(array_CTIJK.dtype, copy=False)
        rows, columns = x_BCJI.shape[2:]
        if min(rows, columns) < 2:
            raise UsageError(f"a picture of {columns} x {rows} pixels shows nothing", fix="leave it out")
        if self.intensity == "shown":
            x_BCJI = squared(x_BCJI, scan.display_state.pixel_aspect, labels=array_CTIJK.dtype.kind != "f")
        if self.layout == "BCJI":
            return x_BCJI
        if len(x_BCJI) != 1:
            raise UsageError(f"the scan has {len(x_BCJI)} pictures, CJI is one", fix="take BCJI")
        return x_BCJI[0]

    def _stepped(self, sample: Sample) -> Sample:
        chain = Chain(transforms=self.steps)
        if self.layout != "BCJI":
            changed = chain.apply_to(sample)
            masks = {name: np.ascontiguousarray(mask) for name, mask in changed.masks.items()}
            return replace(changed, image=_as_float32(changed.image), masks=masks)
        pictures = [
            chain.apply_to(Sample(picture, {name: mask[n] for name, mask in sample.masks.items()}))
            for n, picture in enumerate(sample.image)
        ]
        if len({picture.image.shape for picture in pictures}) > 1:
            raise UsageError("the pictures came out in different sizes", fix="end with a fixed size, e.g. center_fit")
        masks = {name: np.stack([picture.masks[name] for picture in pictures]) for name in sample.masks}
        image = np.stack([picture.image for picture in pictures]) if pictures else sample.image
        return replace(sample, image=_as_float32(image), masks=masks)


def ct_slices(window: CtWindow = "wide", side: int = 224) -> Prepare:
    """Return the preparation of axial CT slices as squares of three channels, for encoders that expect colours.

    Args:
        window: wide: HU clipped to -1000 and 1000 and standardized, three equal channels, as MedDINOv3
            (arXiv:2509.02379) was trained; brain-subdural-bone: a channel for each of these windows, from -1 to 1.
        side: pixels of the square.
    """
    size = {"name": "resize", "size": [side, side]}
    steps: tuple[dict[str, Any], ...]
    if window == "wide":
        standardize = {"name": "standardize", "clip": [-1000, 1000], "mean": [_MEAN_HU], "std": [_STD_HU]}
        steps = (standardize, size, {"name": "repeat", "channels": 3})
    else:
        to_one = {"name": "standardize", "mean": [0.5], "std": [0.5]}
        steps = ({"name": "windows", "windows": window}, size, to_one)
    return Prepare.build(layout="BCJI", plane="axial", steps=steps)


def xrays(side: int) -> Prepare:
    """Return the preparation of X-rays, as a viewer shows them, as squares of three equal channels from -1 to 1."""
    steps = (*_square_from_minus_one(side), {"name": "repeat", "channels": 3})
    return Prepare.build(layout="BCJI", intensity="shown", steps=steps)


def colour_pictures(side: int) -> Prepare:
    """Return the preparation of pictures in colour as squares of three channels from -1 to 1."""
    return Prepare.build(layout="BCJI", intensity="shown", steps=_square_from_minus_one(side))


def _square_from_minus_one(side: int) -> tuple[dict[str, Any], ...]:
    return {"name": "standardize", "mean": [0.5], "std": [0.5]}, {"name": "resize", "size": [side, side]}


def _as_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, dtype=np.float32)


def _labels(scan: Scan, name: str) -> NDArray[np.int16]:
    try:
        return read_labels(scan, _LABELS.min, _LABELS.max).astype(np.int16)
    except NotLabelsError as error:
        raise UsageError(f"mask {name!r} {error}", fix="give a label map") from error


def _check_same_grid(scan: Scan, other: Scan, what: str, *, one_frame: bool = False) -> None:
    """Raise GeometryError unless both have the same voxels in the same places; `one_frame`: of all frames or of one."""
    same_frames = other.shape[1] == scan.shape[1] or (one_frame and other.shape[1] == 1)
    if scan.shape[2:] != other.shape[2:] or not same_frames:
        raise GeometryError(f"{what} has shape {other.shape[1:]} (T, I, J, K), the image {scan.shape[1:]}")
    if scan.grid_problem or other.grid_problem:
        return
    apart = grid_distance_mm(scan, other)
    if apart > SAME_PLACE_MM:
        raise GeometryError(f"{what} lies up to {apart:.3g} mm beside the image", fix="resample it to the image's grid")


def grid_distance_mm(scan: Scan, other: Scan) -> float:
    """Return the largest distance along a world axis between corners of two grids with equal voxel counts."""
    corners = np.array([[*corner, 1] for corner in product(*((0, size - 1) for size in scan.shape[2:]))])
    return float(np.abs(corners @ (scan.affine - other.affine).T).max())
