"""Plausibility check of head CT: is a scan a head CT in HU? It runs before a model for head CT predicts.

A prediction for another kind of scan, or for values with another zero, looks like any other result; so such scans are
refused. Letters: B slices from below upwards, J rows, I columns.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vesalius.errors import InputError, UsageError
from vesalius.scan.intensity import Intensity
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan
from vesalius.tasks.predictor import Plausibility
from vesalius.transforms.view import to_view, view_of

OFFSET_HU = -1024.0
"""Offset that templates and some converters drop: their air is 0."""
_AIR_HU = (-1150.0, -850.0)
_SOFT_HU = (0.0, 80.0)
_BONE_HU = 300.0
_LEAST_AIR = 0.02
"""Share of the voxels that must be air; a cropped head has less around it, but sinuses and background remain."""
_LEAST_ENCLOSED_CM2 = 25.0
"""Least soft tissue surrounded by bone, in the slice with most of it. A spinal canal has 3, a brain 100 to 180."""
_GAP_MM = 6.0
"""Gaps in the bone up to twice this are bridged: foramina, thin bone blurred in thick slices."""
_STRETCH_FROM, _STRETCH_TO, _STRETCH = 900.0, 1100.0, 11.0
"""Cormack units, in which templates of the SPM Clinical Toolbox come: HU + 1024, and of that the part from 900 to 1100
(-124 to 76 HU) is stretched; seen in such a template, whose ventricles lie at 2250 to 2320 and not at 1030."""
_FIELD_MM = (100.0, 400.0)
_SHORT_MM = 60.0
_MOST_SLICES, _MOST_PIXELS = 40, 192


def check_head_ct(scan: Scan) -> Plausibility:
    """Check that a scan can be a head CT in HU.

    Raises:
        InputError: it cannot.
        UsageError: its values seem to be HU with another zero; `shifted` corrects that.
        GeometryError: there are no axial slices.
    """
    if scan.modality not in ("CT", "unknown"):
        raise InputError(f"is {scan.modality}, the model was made for CT", fix="give a head CT")
    if scan.shape[0] != 1 or scan.shape[1] != 1:
        raise InputError(f"has {scan.shape[0]} channels and {scan.shape[1]} frames, a head CT has one of each")
    hu_BJI, spacing_mm = _few(scan)
    finite = hu_BJI[np.isfinite(hu_BJI)]
    if not finite.size or finite.min() == finite.max():
        raise InputError("holds one value everywhere", fix="give a head CT")
    air = _share(hu_BJI, _AIR_HU)
    if air < _LEAST_AIR:
        _refuse_without_air(hu_BJI, spacing_mm, air)
    enclosed = _enclosed_cm2(hu_BJI, spacing_mm)
    if enclosed < _LEAST_ENCLOSED_CM2:
        if _enclosed_cm2(_unstretched(hu_BJI - OFFSET_HU), spacing_mm) >= _LEAST_ENCLOSED_CM2:
            what = "its soft tissue is stretched as in Cormack units: no HU, whatever is added"
            raise InputError(what, fix="give a head CT in HU")
        what = f"no slice shows a brain: at most {enclosed:.0f} cm2 of 0 to 80 HU are surrounded by bone"
        raise InputError(what, fix="give a head CT with its skull")
    return Plausibility({"air": round(air, 4), "enclosed_cm2": round(enclosed, 1)}, _warnings(scan))


def shifted(scan: Scan, intercept: float) -> Scan:
    """Return the scan with a number added to every value, as CT in HU."""
    values = scan.values() + np.float32(intercept)
    return replace(scan, pixels=ArrayPixels(values), intensity=Intensity(unit="HU"), native=None)


def _few(scan: Scan) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Return real values of some axial slices, thinned out, and their pixel spacing along rows and columns."""
    view = view_of(scan, "axial")
    x_BJI = to_view(scan, "axial")[:, 0]
    every = max(1, -(-len(x_BJI) // _MOST_SLICES))
    step = max(1, -(-max(x_BJI.shape[1:]) // _MOST_PIXELS))
    down, across = view.spacing_mm or (1.0, 1.0)
    return x_BJI[every // 2 :: every, ::step, ::step], (down * step, across * step)


def _refuse_without_air(hu_BJI: NDArray[Any], spacing_mm: tuple[float, float], air: float) -> None:
    """Raise the error that helps most."""
    moved = hu_BJI + OFFSET_HU
    fix = f"pass --intercept {OFFSET_HU:.0f}"
    if _share(moved, _AIR_HU) < _LEAST_AIR:
        raise InputError(f"has no air near -1000 HU ({100 * air:.1f} % of the voxels)", fix="give a head CT in HU")
    if _enclosed_cm2(moved, spacing_mm) >= _LEAST_ENCLOSED_CM2:
        raise UsageError("its air is near 0 and not near -1000: HU with another zero", where="--intercept", fix=fix)
    if _enclosed_cm2(_unstretched(hu_BJI), spacing_mm) >= _LEAST_ENCLOSED_CM2:
        what = "its air is near 0 and its soft tissue is stretched as in Cormack units: no HU"
        raise InputError(what, fix=f"give a head CT in HU ({fix} only where nothing but the zero is off)")
    what = "its air is near 0 and not near -1000, so it is MR, or CT with another zero or scale"
    raise InputError(what, fix=f"give a head CT in HU; where it is HU + {-OFFSET_HU:.0f}, {fix}")


def _unstretched(units_BJI: NDArray[Any]) -> NDArray[np.float32]:
    """HU of Cormack units."""
    stretched = np.clip(units_BJI, _STRETCH_FROM, _STRETCH_FROM + _STRETCH * (_STRETCH_TO - _STRETCH_FROM))
    inner = (stretched - _STRETCH_FROM) * (1 - 1 / _STRETCH)
    return (units_BJI - inner + OFFSET_HU).astype(np.float32)


def _share(hu_BJI: NDArray[Any], ends: tuple[float, float]) -> float:
    return float(((hu_BJI >= ends[0]) & (hu_BJI <= ends[1])).mean())


def _enclosed_cm2(hu_BJI: NDArray[Any], spacing_mm: tuple[float, float]) -> float:
    """Area of soft tissue within rings of bone, in the slice that has most."""
    areas = [0.0]
    reach = [max(1, round(_GAP_MM / spacing)) for spacing in spacing_mm]
    around = np.ones((2 * reach[0] + 1, 2 * reach[1] + 1), bool)
    pad = ((reach[0], reach[0]), (reach[1], reach[1]))
    for hu_JI in hu_BJI:
        bone = np.pad(hu_JI > _BONE_HU, pad)
        closed = ndimage.binary_closing(bone, around)
        inside = ndimage.binary_fill_holes(closed) & ~bone
        inside = inside[reach[0] : -reach[0], reach[1] : -reach[1]]
        soft = inside & (hu_JI >= _SOFT_HU[0]) & (hu_JI <= _SOFT_HU[1])
        areas.append(float(soft.sum()) * spacing_mm[0] * spacing_mm[1] / 100)
    return max(areas)


def _warnings(scan: Scan) -> tuple[str, ...]:
    view = view_of(scan, "axial")
    warnings = []
    if scan.modality == "unknown":
        warnings.append("the file does not say that it is CT")
    if view.spacing_mm is not None:
        sizes = [scan.shape[2 + axis] for axis in (view.axes[1], view.axes[0])]
        field = [size * spacing for size, spacing in zip(sizes, view.spacing_mm, strict=True)]
        if min(field) < _FIELD_MM[0] or max(field) > _FIELD_MM[1]:
            warnings.append(f"the field of view is {field[0]:.0f} x {field[1]:.0f} mm, unusual for a head")
    spacing = scan.spacing_mm
    if spacing is not None and spacing[view.axes[2]] * view.count < _SHORT_MM:
        warnings.append(f"{view.count} slices cover {spacing[view.axes[2]] * view.count:.0f} mm, less than a brain")
    return tuple(warnings)
