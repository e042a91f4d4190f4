"""Plausibility check before a cine model is used: can a scan be a short-axis cine MR?

A net for hearts finds a heart in a head, too. A scan that cannot be a cine is refused; an unusual one is a warning. The
limits lie well beyond the usual protocol, that of Kramer et al. 2020, doi:10.1186/s12968-020-00607-1.
Letters: T time, I J K voxel axes, slices along K.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError
from vesalius.scan.scan import Scan
from vesalius.tasks.predictor import Plausibility

_FIX = "give a short-axis cine MR"
_AIR_HU, _LEAST_AIR = (-1150.0, -850.0), 0.02
_LEAST_VALUES = 24
"""Whole numbers with fewer different values are a label map."""
_STEP_MS, _BEAT_MS = 200.0, 3000.0
"""Frames farther apart than the first, and together longer than the second, show no beat."""
_LONG_BEAT_MS = 2000.0
"""30 beats a minute."""
_FIELD_MM = (80.0, 600.0)
"""A heart is about 120 mm across, and cines are cut to it; no bore is wider than the second."""
_LEAST_PIXELS = 48
"""For an unknown size of a pixel."""
_PIXEL_MM, _SLICE_MM = (0.5, 4.0), (4.0, 15.0)
_MOST_SLICES = 30
_THICKER = 1.5
"""Slices of a stack are at least so many pixels thick, the voxels of a functional MR of the head are not."""


def check_cine_mr(scan: Scan) -> Plausibility:
    """Check that a scan can be a short-axis cine MR, or a frame of one.

    Raises:
        InputError: it cannot be.
    """
    channels, frames = scan.shape[:2]
    if scan.modality not in ("MR", "unknown"):
        raise InputError(f"is {scan.modality}, the model was made for cine MR", fix=_FIX)
    if channels != 1:
        raise InputError(f"has {channels} channels, a cine MR has one", fix=_FIX)
    if scan.t_meaning not in ("time", "unknown"):
        raise InputError(f"has {frames} frames of {scan.t_meaning}, not of time", fix=_FIX)
    warnings = [] if scan.modality == "MR" else ["the file does not say that it is MR"]
    warnings += [*_check_time(scan), *_check_place(scan), *_check_values(scan)]
    spacing_mm = scan.spacing_mm
    numbers: dict[str, float] = {"frames": frames, "slices": scan.shape[4]}
    if spacing_mm is not None:
        fields = zip(scan.shape[2:4], spacing_mm[:2], strict=True)
        numbers |= {"field_mm": round(min(n * step for n, step in fields)), "slice_mm": round(spacing_mm[2], 2)}
    return Plausibility(numbers, tuple(warnings))


def _check_time(scan: Scan) -> list[str]:
    frames = scan.shape[1]
    if frames == 1:
        return ["one frame, and nothing says that it is of a cine"]
    if scan.frame_ms is None:
        return []  # the scan reports that
    step_ms = float(np.median(np.diff(scan.frame_ms)))
    lasts_ms = step_ms * frames
    if step_ms > _STEP_MS and lasts_ms > _BEAT_MS:
        what = f"its frames lie {step_ms:.0f} ms apart and last {lasts_ms / 1000:.0f} s, those of a beat 20 to 100 ms"
        raise InputError(what, fix=_FIX)
    if lasts_ms > _LONG_BEAT_MS:
        return [f"the frames last {lasts_ms / 1000:.1f} s, more than a beat: EF is not that of a beat"]
    return []


def _check_place(scan: Scan) -> list[str]:
    frames, *sizes, slices = scan.shape[1:]
    spacing_mm = scan.spacing_mm
    if spacing_mm is None or np.allclose(spacing_mm, 1.0, rtol=0, atol=1e-4):
        if min(sizes) < _LEAST_PIXELS or slices > _MOST_SLICES:
            size = " x ".join(map(str, (*sizes, slices)))
            raise InputError(f"has {size} voxels of unknown or 1 mm size: no short-axis stack", fix=_FIX)
        if spacing_mm is None:
            return []  # no volumes then, which is reported with them
        return ["voxels of exactly 1 x 1 x 1 mm, as in files that lost their size: volumes in mL may be far off"]
    field_mm = [n * step for n, step in zip(sizes, spacing_mm, strict=False)]
    shown = f"{field_mm[0]:.0f} x {field_mm[1]:.0f} mm"
    if min(field_mm) < _FIELD_MM[0]:
        raise InputError(f"shows {shown}, too little for a heart", fix=_FIX)
    thin = spacing_mm[2] < _SLICE_MM[0]
    is_volume = slices > _MOST_SLICES and thin and spacing_mm[2] < _THICKER * max(spacing_mm[:2])
    if is_volume or (frames == 1 and (thin or slices > _MOST_SLICES)):
        what = (
            f"has {slices} slices {spacing_mm[2]:.3g} mm apart and {'one frame' if frames == 1 else f'{frames} frames'}"
        )
        raise InputError(f"{what}: no short-axis stack", fix=_FIX)
    return [*_unusual(shown, max(field_mm), spacing_mm, slices)]


def _unusual(shown: str, field_mm: float, spacing_mm: tuple[float, float, float], slices: int) -> Iterator[str]:
    """Properties that cines rarely have."""
    if field_mm > _FIELD_MM[1]:
        yield f"the field of view is {shown}, unusual for a cine"
    if min(spacing_mm[:2]) < _PIXEL_MM[0] or max(spacing_mm[:2]) > _PIXEL_MM[1]:
        yield f"pixels of {spacing_mm[0]:.2g} x {spacing_mm[1]:.2g} mm, unusual for a cine"
    if slices > 1 and not _SLICE_MM[0] <= spacing_mm[2] <= _SLICE_MM[1]:
        yield f"slices lie {spacing_mm[2]:.3g} mm apart, those of a short-axis stack about 8 to 10"
    if slices > _MOST_SLICES:
        yield f"{slices} slices, a short-axis stack has 6 to 16"


def _check_values(scan: Scan) -> list[str]:
    frames = scan.shape[1]
    chosen = sorted({0, frames // 3, 2 * frames // 3})
    frames_shown = [scan.values(t=slice(t, t + 1)) for t in chosen]
    values = np.concatenate([frame[np.isfinite(frame)] for frame in frames_shown])
    if not values.size or values.min() == values.max():
        raise InputError("holds one value everywhere", fix=_FIX)
    is_air = (values >= _AIR_HU[0]) & (values <= _AIR_HU[1])
    if scan.intensity.unit == "HU" or is_air.mean() >= _LEAST_AIR:
        raise InputError(f"holds values from {values.min():.0f} to {values.max():.0f} like HU: CT, not MR", fix=_FIX)
    if _is_label_map(values):
        raise InputError(f"holds {len(np.unique(values))} different whole numbers: a label map, no image", fix=_FIX)
    if len(chosen) > 1 and all(np.array_equal(frames_shown[0], frame, equal_nan=True) for frame in frames_shown[1:]):
        return ["all frames are equal: nothing beats"]
    return []


def _is_label_map(values_N: NDArray[np.floating]) -> bool:
    return bool((values_N == np.round(values_N)).all()) and len(np.unique(values_N)) < _LEAST_VALUES
