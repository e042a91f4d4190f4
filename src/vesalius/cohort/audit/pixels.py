"""One pass over the pixels of a case: their faults, and fingerprints to find duplicates.

Letters: C channel, T time, I J K voxel axes; A B axes of a thumbnail.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from vesalius.cohort.audit.finding import Finding, Level, gathered
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_image, open_mask
from vesalius.errors import VesaliusError
from vesalius.scan.label_values import NotLabelsError, read_labels
from vesalius.scan.note import level_of, lost_lines
from vesalius.scan.scan import Scan
from vesalius.transforms.prepare import SAME_PLACE_MM, grid_distance_mm

THUMB = 32
"""Pixels along a side of a thumbnail."""
_FINE_PIXELS = 2.0
"""Sigma: thumbnails keep finer structure only, at equal contrast everywhere, because all heads look alike coarsely."""
_FLAT = 0.1
"""Share of the mean contrast below which a place counts as flat."""


@dataclass
class Looked:
    """Findings and fingerprints of one case.

    Args:
        case: the case.
        findings: its faults.
        prints: image name -> digest of its real values and their shape.
        thumb: thumbnail of the first image, of zero mean and unit length; None if nothing varies.
        shape: (C, T, I, J, K) of the first image, None if unreadable.
        spacing_mm: spacing of the first image, None where unknown.
        modality: modality of the first image.
        values: label values of its masks.
    """

    case: Case
    findings: list[Finding] = field(default_factory=list)
    prints: dict[str, str] = field(default_factory=dict)
    thumb: NDArray[np.float32] | None = None
    shape: tuple[int, ...] | None = None
    spacing_mm: tuple[float, ...] | None = None
    modality: str = "unknown"
    values: frozenset[int] = frozenset()

    def add(self, level: Level, code: str, text: str) -> None:
        """Add a fault of this case."""
        self.findings += gathered(level, code, [self.case.id], text)


def missing_files(cohort: Cohort, case: Case) -> Iterator[Finding]:
    """Yield paths of a case without a file or with an empty file."""
    gone = {
        name: _state(cohort, path)
        for name, path in [*case.images.items(), *((f"mask {n}", p) for n, p in case.masks.items())]
    }
    no_image = [name for name in case.images if gone[name]]
    has_mask = any(not gone[f"mask {name}"] for name in case.masks)
    for name, state in gone.items():
        if not state:
            continue
        if name in no_image and has_mask:
            yield from gathered("error", "mask-without-image", [case.id], f"the mask exists, image {name!r} {state}")
        else:
            code = "missing-image" if name in no_image else "missing-mask"
            yield from gathered("error", code, [case.id], f"{name!r} {state}")


def _state(cohort: Cohort, path: str) -> str:
    file = cohort.path(path)
    try:
        if not file.exists():
            return "does not exist"
        return "is an empty file" if file.is_file() and file.stat().st_size == 0 else ""
    except OSError:
        return "cannot be reached"


def look(cohort: Cohort, case: Case) -> Looked:
    """Read the images and masks of a case once."""
    seen = Looked(case)
    first: Scan | None = None
    for name in case.images:
        if _state(cohort, case.images[name]):
            continue
        try:
            scan = open_image(cohort, case, name).resident()
            values = scan.values()
        except VesaliusError as error:
            seen.add("error", "unreadable-image", f"image {name!r} cannot be read: {error.what}")
            continue
        _check_image(seen, name, scan, values)
        if first is None:
            first = scan
            seen.thumb, seen.shape, seen.spacing_mm = thumbnail(values), scan.shape, scan.spacing_mm
            seen.modality = scan.modality
        else:
            _compare(seen, "image", name, scan, first)
    for name in case.masks:
        if not _state(cohort, case.masks[name]):
            _check_mask(seen, cohort, name, first)
    return seen


def _check_image(seen: Looked, name: str, scan: Scan, values: NDArray[np.floating]) -> None:
    seen.prints[name] = hashlib.blake2b(
        np.ascontiguousarray(values).tobytes() + repr(values.shape).encode(), digest_size=16
    ).hexdigest()
    finite = np.isfinite(values)
    if not finite.all():
        seen.add("error", "not-finite", f"image {name!r} holds {int((~finite).sum())} NaN or infinite values")
    inside = values[finite]
    if not inside.size or inside.min() == inside.max():
        seen.add("error", "constant-image", f"image {name!r} has the same value everywhere")
    for problem in scan.problems:
        _add_problem(seen, f"image {name!r}", problem)


def _add_problem(seen: Looked, what: str, problem: str) -> None:
    if lost_lines([problem]):
        seen.add("error", "unreadable-file", f"{what}: {problem}")
        return
    level = level_of(problem)
    seen.add(level, "scan-problem" if level == "note" else "header-contradicts-itself", f"{what}: {problem}")


def _check_mask(seen: Looked, cohort: Cohort, name: str, first: Scan | None) -> None:
    try:
        scan = open_mask(cohort, seen.case, name).resident()
    except VesaliusError as error:
        seen.add("error", "unreadable-mask", f"mask {name!r} cannot be read: {error.what}")
        return
    if first is not None:
        _compare(seen, "mask", name, scan, first)
        frame = seen.case.frames.get(name)
        if frame is not None and frame >= first.shape[1]:
            text = f"mask {name!r} belongs to frame {frame}, the image has {first.shape[1]}"
            seen.add("error", "frame-out-of-range", text)
    for problem in scan.problems:
        if first is None or problem not in first.problems:
            _add_problem(seen, f"mask {name!r}", problem)
    try:
        values = frozenset(np.unique(read_labels(scan, 0, np.iinfo(np.int32).max)).tolist())
    except NotLabelsError as error:
        seen.add("error", "mask-not-labels", f"mask {name!r} {error}")
        return
    seen.values |= values
    if values == {0}:
        seen.add("warning", "empty-mask", f"mask {name!r} is 0 everywhere")


def _compare(seen: Looked, kind: str, name: str, scan: Scan, first: Scan) -> None:
    """Compare the grid of a mask or further image with that of the first image."""
    if scan.shape[2:] != first.shape[2:]:
        size, other = ("x".join(map(str, each.shape[2:])) for each in (scan, first))
        seen.add("error", f"{kind}-grid-differs", f"{kind} {name!r} has {size} voxels, the image {other}")
    elif scan.grid_problem is None and first.grid_problem is None:
        away = grid_distance_mm(scan, first)
        if away > SAME_PLACE_MM:
            seen.add("error", f"{kind}-grid-differs", f"{kind} {name!r} lies up to {away:.3g} mm off the image")


def thumbnail(values_CTIJK: NDArray[np.floating]) -> NDArray[np.float32] | None:
    """Return a thumbnail of the fine structure of an image, as a vector of zero mean and unit length.

    Means over channels and time, then over each voxel axis of volumes, are resized to `THUMB` pixels. None if
    nothing varies.
    """
    image_IJK = np.nan_to_num(values_CTIJK, nan=0.0, posinf=0.0, neginf=0.0).mean(axis=(0, 1), dtype=np.float64)
    axes = [axis for axis in range(3) if image_IJK.shape[axis] > 1]
    flat = range(3) if len(axes) == 3 else [next(axis for axis in (2, 1, 0) if axis not in axes or len(axes) < 2)]
    parts = []
    for axis in flat:
        picture_AB = _shrunk(image_IJK.mean(axis=axis))
        fine_AB = picture_AB - gaussian_filter(picture_AB, _FINE_PIXELS)
        contrast_AB = np.sqrt(gaussian_filter(fine_AB**2, _FINE_PIXELS))
        parts.append((fine_AB / (contrast_AB + _FLAT * contrast_AB.mean() + np.finfo(float).tiny)).ravel())
    vector = np.concatenate(parts)
    vector -= vector.mean()
    length = np.linalg.norm(vector)
    return None if image_IJK.min() == image_IJK.max() or not length else (vector / length).astype(np.float32)


def _shrunk(picture_AB: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average (or, if it is small, repeat) to `THUMB` by `THUMB` pixels."""
    for axis in (0, 1):
        size = picture_AB.shape[axis]
        sums = np.concatenate([np.zeros_like(picture_AB.take([0], axis)), picture_AB.cumsum(axis)], axis)
        ends = np.linspace(0, size, THUMB + 1)
        low = np.minimum(ends.astype(int), size - 1)
        part = (ends - low).reshape([-1 if other == axis else 1 for other in (0, 1)])
        at = sums.take(low, axis) + part * picture_AB.take(low, axis)
        picture_AB = np.diff(at, axis=axis) * (THUMB / size)
    return picture_AB
