"""Between the values of label maps and the classes of a net (0 is the background, the others in their order).

A unit is one label map and the image, or the frame of a cine, that it lies on.
Letters: I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_mask
from vesalius.errors import InputError, UsageError
from vesalius.objectives.dice_ce import NOT_LABELLED
from vesalius.scan.label_values import NotLabelsError, read_labels
from vesalius.tasks.segment.config import MapValues, SegmentData

_UNKNOWN = -2
_RANGE = np.iinfo(np.int16)


class LabelValues:
    """The values of the classes.

    Args:
        labels: class -> its values in label maps, the first of which is written.
        ignored: values of unlabelled voxels.
        map_values: whether a value of a map names a class, or one of many objects of the only class.

    Example:
        >>> LabelValues({"nucleus": [1]}, map_values="objects").classes(np.array([0, 1, 277], np.int16), "case a")
        array([0, 1, 1], dtype=int8)
    """

    def __init__(
        self, labels: Mapping[str, Sequence[int]], ignored: Sequence[int] = (), map_values: MapValues = "classes"
    ) -> None:
        self.names = tuple(labels)
        self._table = np.full(1 << 16, _UNKNOWN, np.int8)
        self._table[0] = 0
        for number, values in enumerate(labels.values(), start=1):
            self._table[list(values)] = number
        if map_values == "objects":
            self._table[1 : _RANGE.max + 1] = 1
        self._table[list(ignored)] = NOT_LABELLED
        self._written = np.array([0, *(values[0] for values in labels.values())])

    def classes(self, mask: NDArray[np.int16], where: str) -> NDArray[np.int8]:
        """Class numbers of a label map of any shape.

        Raises:
            InputError: the map holds a value that belongs to no class.
        """
        numbers = self._table[mask]
        unknown = numbers == _UNKNOWN
        if unknown.any():
            values = ", ".join(str(value) for value in np.unique(mask[unknown])[:5])
            raise InputError(f"a mask holds {values}, which data.labels does not name", where=where)
        return numbers

    def written(self, classes: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
        """The label map to write, of the smallest unsigned type that holds the values."""
        values = self._written[classes]
        return values.astype(np.uint8 if self._written.max() <= np.iinfo(np.uint8).max else np.uint16)


def units(cohort: Cohort, masks: Sequence[str]) -> Cohort:
    """One case for each label map of each case, with the id ID, or ID/MAP where there are several maps.

    Its mask and frame are renamed to "mask".
    """
    maps = []
    for case in cohort:
        for name in (mask for mask in masks if mask in case.masks):
            change = {
                "id": case.id if len(masks) == 1 else f"{case.id}/{name}",
                "masks": {MASK: case.masks[name]},
                "frames": {MASK: case.frames[name]} if name in case.frames else {},
            }
            maps.append(case.model_copy(update=change))
    return Cohort(tuple(maps), cohort.root, cohort.notes)


def frame_of_units(cohort: Cohort, data: SegmentData) -> str | None:
    """The name of the frame for the loader; None for static images.

    Raises:
        UsageError: some units lie on a frame and some do not.
    """
    with_frame = sum(MASK in case.frames for case in cohort)
    if with_frame not in (0, len(cohort)):
        raise UsageError(
            f"{with_frame} of {len(cohort)} masks lie on a frame of a cine, the others do not",
            where=data.where,
            fix="make two manifests",
        )
    return MASK if with_frame else None


def read_classes(units: Cohort, case: Case, values: LabelValues) -> NDArray[np.int8]:
    """Class numbers of the label map of a unit on the map's grid, shape (I, J, K).

    Raises:
        InputError: it cannot be read, has several frames, or holds a value that is no label or belongs to no class.
    """
    where = f"case {case.id}"
    mask = open_mask(units, case, MASK)
    if mask.shape[:2] != (1, 1):
        raise InputError(f"a label map of shape {mask.shape} (C, T, I, J, K) is no volume", where=where)
    try:
        labels_IJK = read_labels(mask, _RANGE.min, _RANGE.max)[0, 0]
    except NotLabelsError as error:
        raise InputError(f"a mask {error}", where=where, fix="give a label map") from error
    return values.classes(labels_IJK.astype(np.int16), where)


def largest_pieces(classes_IJK: NDArray[np.integer], numbers: Sequence[int]) -> NDArray[np.integer]:
    """The map with only the largest connected piece (faces touch) of each of these classes; the rest is background."""
    kept = classes_IJK.copy()
    for number in numbers:
        pieces, count = ndimage.label(classes_IJK == number)
        if count > 1:
            sizes = np.bincount(pieces.ravel())
            sizes[0] = 0
            kept[(pieces > 0) & (pieces != sizes.argmax())] = 0
    return kept
