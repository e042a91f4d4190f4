"""Between the values of label maps and the classes of a net (0 is the background, the others in their order)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.errors import InputError
from vesalius.objectives.dice_ce import NOT_LABELLED
from vesalius.tasks.third_axis import NO_LABEL

Values = Annotated[tuple[Annotated[int, Field(gt=0, lt=1 << 15)], ...], Field(min_length=1)]
MapValues = Literal["classes", "objects"]
MAP_VALUES_WORDS = "what a value of a label map names: a class, or one of many objects, all of the only class"
LARGEST = np.iinfo(np.int16)
"""Range of the values of a label map."""
_UNKNOWN = -2


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
            self._table[1 : LARGEST.max + 1] = 1
        self._table[[NO_LABEL, *ignored]] = NOT_LABELLED
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
