"""Between the values of label maps and the classes of a net (0 is the background, the others in their order)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vesalius.errors import InputError
from vesalius.objectives.dice_ce import NOT_LABELLED

_UNKNOWN = -2


class LabelValues:
    """The values of the classes.

    Args:
        labels: class -> its values in label maps, the first of which is written.
        ignored: values of voxels that nobody labelled.
    """

    def __init__(self, labels: Mapping[str, Sequence[int]], ignored: Sequence[int] = ()) -> None:
        self.names = tuple(labels)
        self._table = np.full(1 << 16, _UNKNOWN, np.int8)
        self._table[0] = 0
        for number, values in enumerate(labels.values(), start=1):
            self._table[list(values)] = number
        self._table[list(ignored)] = NOT_LABELLED
        self._written = np.array([0, *(values[0] for values in labels.values())])

    def classes(self, mask: NDArray[np.int16], where: str) -> NDArray[np.int8]:
        """Class numbers of a label map of any shape.

        Raises:
            InputError: the map holds a value that belongs to no class.
        """
        found = self._table[mask]
        unknown = found == _UNKNOWN
        if unknown.any():
            values = ", ".join(str(value) for value in np.unique(mask[unknown])[:5])
            raise InputError(f"a mask holds {values}, which data.labels does not name", where=where)
        return found

    def written(self, classes: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
        """The label map to write, of the smallest unsigned type that holds the values."""
        values = self._written[classes]
        return values.astype(np.uint8 if self._written.max() <= np.iinfo(np.uint8).max else np.uint16)


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
