"""Label maps of pictures as places: for each class the share of a pixel that it covers.

Letters: M classes, J rows, I columns.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vesalius.tasks.label_values import LabelValues


def shares_of(labels_JI: NDArray[np.integer], values: LabelValues, where: str) -> NDArray[np.float32]:
    """Return 0 or 1 for each class and pixel, (M, J, I).

    Args:
        labels_JI: values of the label map.
        values: of the classes.
        where: name of the label map, for errors.

    Raises:
        InputError: a value that belongs to no class.

    Example:
        >>> values = LabelValues({"disc": (1,), "lesion": (2, 3)})
        >>> shares_of(np.array([[0, 1, 3]]), values, "mask").tolist()
        [[[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]]
    """
    classes_JI = values.classes(labels_JI.astype(np.int16), where)
    numbers = np.arange(1, len(values.names) + 1)
    return (classes_JI == numbers[:, None, None]).astype(np.float32)
