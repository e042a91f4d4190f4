"""The place of the voxels by a NIfTI header: by sform, by qform, or by pixdim alone.

The sform is preferred, as in most readers. Where sform and qform name different places, or sform and pixdim different
spacings, a note says how they differ and which is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from vesalius.errors import GeometryError, InputError
from vesalius.scan.geometry import Affine, check_affine, spacing_mm
from vesalius.scan.nifti.header import spatial_unit
from vesalius.scan.note import Contradiction
from vesalius.scan.reading import SpacingFrom
from vesalius.scan.scan import Space

SPACES: tuple[Space, ...] = ("unknown", "scanner", "aligned", "talairach", "mni", "template")
"""Names of the transform codes 0 to 5."""
_TO_MM = {"meter": 1000.0, "micron": 0.001}
_SPACING = 2e-3
"""Spacings with a smaller relative difference count as equal: pixdim is often rounded."""
_DEGREES = 0.5
"""Axes less far apart count as parallel: a quaternion of float32 is not exact."""
_ORIGIN = 0.1
"""Origins closer than this share of the smallest spacing count as equal."""


@dataclass(frozen=True)
class Placed:
    """The place of the voxels, as in Scan; no affine where even the spacing is unknown."""

    affine: Affine | None
    spaces: tuple[Space, ...]
    problems: tuple[str, ...]


def place(header: Any, spacing_from: SpacingFrom | None = None) -> Placed:
    """Return the place by sform, else qform, else the spacing alone, in mm; broken ones are skipped and noted.

    Args:
        header: nibabel header.
        spacing_from: spacing to use where sform and pixdim differ; by default that of the sform, with a contradiction
            among the problems. "pixdim" keeps the directions and the origin of the sform.

    Raises:
        InputError: `spacing_from` is "pixdim" and pixdim states no spacing.
    """
    unit, problems = spatial_unit(header)
    if unit in _TO_MM:
        problems.append(f"the header states lengths in {unit}s; they are converted to mm")
    to_mm = _TO_MM.get(unit, 1.0)
    forms = _forms(header, to_mm, problems)
    spacing = to_mm * np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64))
    if "sform" in forms:
        return _by_sform(header, forms, spacing, spacing_from, problems)
    if "qform" in forms:
        return Placed(forms["qform"], ("unknown", _space(header, "qform")), tuple(problems))
    problems.append("neither sform nor qform is stated: the orientation is unknown, only the spacing is used")
    try:
        return Placed(check_affine(np.diag([*spacing, 1.0])), ("unknown",), tuple(problems))
    except GeometryError:
        return Placed(None, (), (*problems, "the voxel spacing is zero or not finite"))


def _forms(header: Any, to_mm: float, problems: list[str]) -> dict[str, Affine]:
    forms = {}
    for name in ("sform", "qform"):
        if int(header[f"{name}_code"]) > 0:
            try:
                matrix = np.array(header.get_sform() if name == "sform" else header.get_qform(), dtype=np.float64)
                matrix[:3] *= to_mm
                forms[name] = check_affine(matrix)
            except (GeometryError, ValueError, ArithmeticError, HeaderDataError) as error:
                reason = error.what if isinstance(error, GeometryError) else "it is not a rotation"
                problems.append(f"the {name} is unusable: {reason}")
    return forms


def _by_sform(
    header: Any,
    forms: dict[str, Affine],
    spacing: NDArray[np.float64],
    spacing_from: SpacingFrom | None,
    problems: list[str],
) -> Placed:
    sform, qform = forms["sform"], forms.get("qform")
    space = _space(header, "sform")
    apart = [] if qform is None else _apart(sform, qform)
    if apart:
        other = _space(header, "qform")
        words, used = "; ".join(apart), "the sform is used, as in most readers"
        what = f"sform ({space}) and qform ({other}) disagree: {words}; {used}"
        problems.append(Contradiction(what, "warning", f"sform and qform disagree; {used}"))
    affine, scaled = _scaled(sform, spacing, "pixdim and qform" if qform is not None else "pixdim", spacing_from)
    stated = _space(header, "qform")
    agree = not apart and not scaled and qform is not None
    other = stated if agree or stated == "unknown" else space  # only one place is written, so both get its space
    return Placed(affine, (space,) if other == space else (space, other), (*problems, *scaled))


def _space(header: Any, name: str) -> Space:
    return SPACES[int(header[f"{name}_code"])]


def _apart(sform: Affine, qform: Affine) -> list[str]:
    directions = [matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0) for matrix in (sform, qform)]
    angles = np.degrees(np.arccos(np.clip((directions[0] * directions[1]).sum(0), -1, 1)))
    mirrored = [axis for axis, angle in zip("ijk", angles, strict=True) if angle > 180 - 45]
    turned = float(np.minimum(angles, 180 - angles).max())
    words = [f"axis {' and '.join(mirrored)} mirrored"] if mirrored else []
    if turned > _DEGREES:
        words.append(f"axes up to {turned:.3g} degrees apart")
    distance = float(np.linalg.norm(sform[:3, 3] - qform[:3, 3]))
    if distance > _ORIGIN * min(*spacing_mm(sform), *spacing_mm(qform)):
        words.append(f"origins {distance:.3g} mm apart")
    return words


def _scaled(
    sform: Affine, spacing: NDArray[np.float64], other: str, spacing_from: SpacingFrom | None
) -> tuple[Affine, list[str]]:
    """Return the sform with the chosen spacing, and notes where there are two spacings."""
    lengths = np.array(spacing_mm(sform))
    if not np.isfinite(spacing).all() or not spacing.all():
        if spacing_from == "pixdim":
            fix = "pass --spacing-from sform, or leave it out"
            raise InputError(f"pixdim states no spacing ({_mm(spacing)})", fix=fix)
        return sform, [f"pixdim states no spacing ({_mm(spacing)}): the sform's {_mm(lengths)} is used"]
    if (np.abs(lengths - spacing) <= _SPACING * np.maximum(lengths, spacing)).all():
        return sform, []
    if spacing_from == "pixdim":
        scaled = sform.copy()
        scaled[:3, :3] *= spacing / lengths
        return check_affine(scaled), [
            f"the spacing is {_mm(spacing)} by pixdim, as chosen; {_mm(lengths)} by the sform"
        ]
    if spacing_from == "sform":
        return sform, [f"the spacing is {_mm(lengths)} by the sform, as chosen; {_mm(spacing)} by {other}"]
    times = math.prod(spacing) / math.prod(lengths)
    what = f"two spacings: {_mm(lengths)} by the sform, {_mm(spacing)} by {other} (volumes {times:.3g} times as large)"
    used = "the sform's is used, choose with --spacing-from sform or pixdim"
    kind = f"two spacings in the header, volumes and distances depend on it: {used}"
    return sform, [Contradiction(f"{what}; {used}", "error", kind)]


def _mm(steps: NDArray[np.float64]) -> str:
    return " x ".join(f"{step:.4g}" for step in steps) + " mm"
