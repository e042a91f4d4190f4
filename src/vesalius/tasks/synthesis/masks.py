"""Label maps that pictures are made from, and the part of them that a picture shows.

Letters: J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Box, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_mask
from vesalius.errors import InputError, VesaliusError
from vesalius.scan.label_values import NotLabelsError, label_map, read_labels
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.label_values import LARGEST
from vesalius.transforms.resize import resized_labels

Labels = NDArray[np.int16]
Part = tuple[slice, slice]
"""Rows and columns of a label map."""
_LEAST = 0.5
"""Share of a box that a picture shows at least where it keeps the box."""


def mask_of_file(path: Path) -> Labels:
    """Read a label map (J, I) from a picture or a file with one slice.

    Raises:
        InputError: it cannot be read, has several slices or channels, or values that are no labels.
    """
    return _flat(label_map(open_scan(path)), str(path))


def mask_of_case(cohort: Cohort, case: Case, name: str) -> Labels:
    """Read the label map `name` (J, I) of a case; raises as `mask_of_file`."""
    try:
        scan = open_mask(cohort, case, name)
    except VesaliusError as error:
        raise InputError(f"its mask {case.masks[name]} {error.what}", where=f"case {case.id}", fix=error.fix) from error
    return _flat(scan, f"case {case.id}")


def part_of(shape: tuple[int, int], size: tuple[int, int], area: float, place: tuple[float, float]) -> Part:
    """Return the part of a label map that a picture of a size shows.

    Args:
        shape: rows and columns of the label map.
        size: rows and columns of the picture, which give the aspect of the part.
        area: of the largest part of this aspect, in (0, 1].
        place: where the part lies, as shares of the way down and to the right.

    Example:
        >>> np.arange(8).reshape(2, 4)[part_of((2, 4), (16, 16), 1.0, (0.0, 1.0))].tolist()
        [[2, 3], [6, 7]]
    """
    rows, columns = shape
    scale = min(rows / size[0], columns / size[1]) * area**0.5
    tall, wide = (max(1, round(side * scale)) for side in size)
    top, left = round(place[0] * (rows - tall)), round(place[1] * (columns - wide))
    return slice(top, top + tall), slice(left, left + wide)


def boxes_in(boxes: Iterable[Box], part: Part, shape: tuple[int, int]) -> tuple[Box, ...]:
    """Return the boxes of a picture as the part of it has them; those of which it shows less than half are left out.

    Args:
        boxes: in shares of the whole picture.
        part: rows and columns of the label map.
        shape: rows and columns of the whole label map.

    Example:
        >>> whole = Box(label="disc", left=0.5, top=0.0, right=0.75, bottom=1.0)
        >>> [box.left for box in boxes_in([whole], (slice(0, 2), slice(2, 4)), (2, 4))]
        [0.0]
    """
    (rows, columns), kept = part, []
    for box in boxes:
        left, right = (_along(share, columns, shape[1]) for share in (box.left, box.right))
        top, bottom = (_along(share, rows, shape[0]) for share in (box.top, box.bottom))
        seen = (min(right, 1) - max(left, 0)) / (right - left), (min(bottom, 1) - max(top, 0)) / (bottom - top)
        if min(seen) > 0 and seen[0] * seen[1] >= _LEAST:
            sides = {"left": left, "top": top, "right": right, "bottom": bottom}
            kept.append(Box(label=box.label, **{name: min(max(side, 0.0), 1.0) for name, side in sides.items()}))
    return tuple(kept)


def _along(share: float, part: slice, whole: int) -> float:
    """A place in shares of a whole side, in shares of a part of it."""
    return (share * whole - part.start) / (part.stop - part.start)


def at_size(mask_JI: Labels, size: tuple[int, int]) -> NDArray[np.unsignedinteger]:
    """Return a label map in the size of its picture, by nearest neighbour, of the smallest unsigned type."""
    labels_JI = resized_labels(mask_JI[None], list(size))[0]
    return labels_JI.astype(np.uint8 if labels_JI.max() <= np.iinfo(np.uint8).max else np.uint16)


def _flat(scan: Scan, where: str) -> Labels:
    _, frames, _, _, slices = scan.shape
    if frames * slices != 1:
        what = f"a mask of a picture has one slice, this one has {frames * slices}"
        raise InputError(what, where=where, fix="take one slice of it")
    try:
        labels_CTIJK = read_labels(scan, 0, LARGEST.max)
    except NotLabelsError as error:
        raise InputError(f"the mask {error}", where=where, fix="give a label map") from error
    return np.ascontiguousarray(labels_CTIJK[0, 0, :, :, 0].T.astype(np.int16))
