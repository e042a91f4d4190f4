"""Label maps that pictures are made from, and the part of them that a picture shows.

Letters: J rows, I columns.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_mask
from vesalius.errors import InputError
from vesalius.scan.label_values import NotLabelsError, label_map, read_labels
from vesalius.scan.open import open_scan
from vesalius.scan.scan import Scan
from vesalius.tasks.label_values import LARGEST
from vesalius.transforms.resize import resized_labels

Labels = NDArray[np.int16]


def mask_of_file(path: Path) -> Labels:
    """Read a label map (J, I) from a picture or a file with one slice.

    Raises:
        InputError: it cannot be read, has several slices or channels, or values that are no labels.
    """
    return _flat(label_map(open_scan(path)), str(path))


def mask_of_case(cohort: Cohort, case: Case, name: str) -> Labels:
    """Read the label map `name` (J, I) of a case; raises as `mask_of_file`."""
    return _flat(open_mask(cohort, case, name), f"case {case.id}")


def part_of(mask_JI: Labels, size: tuple[int, int], area: float, place: tuple[float, float]) -> Labels:
    """Return the part of a label map that a picture of a size shows, in the resolution of the map.

    Args:
        mask_JI: the label map.
        size: rows and columns of the picture, which give the aspect of the part.
        area: of the largest part of this aspect, in (0, 1].
        place: where the part lies, as shares of the way down and to the right.

    Example:
        >>> part_of(np.arange(8, dtype=np.int16).reshape(2, 4), (16, 16), 1.0, (0.0, 1.0)).tolist()
        [[2, 3], [6, 7]]
    """
    rows, columns = mask_JI.shape
    scale = min(rows / size[0], columns / size[1]) * area**0.5
    tall, wide = (max(1, round(side * scale)) for side in size)
    top, left = round(place[0] * (rows - tall)), round(place[1] * (columns - wide))
    return mask_JI[top : top + tall, left : left + wide]


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
