"""Reading the label map of a unit on its own grid.

Letters: I J K voxel axes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_mask
from vesalius.errors import InputError
from vesalius.scan.label_values import NotLabelsError, read_labels
from vesalius.tasks.segment.labels import LabelValues

_LABELS = np.iinfo(np.int16)


def read_classes(units: Cohort, case: Case, values: LabelValues) -> NDArray[np.int8]:
    """Class numbers of the label map of a unit, shape (I, J, K).

    Raises:
        InputError: it cannot be read, has several frames, or holds a value that is no label or belongs to no class.
    """
    mask = open_mask(units, case, MASK)
    if mask.shape[:2] != (1, 1):
        raise InputError(f"a label map of shape {mask.shape} (C, T, I, J, K) is no volume", where=f"case {case.id}")
    try:
        labels_IJK = read_labels(mask, _LABELS.min, _LABELS.max)[0, 0]
    except NotLabelsError as error:
        raise InputError(f"a mask {error}", where=f"case {case.id}", fix="give a label map") from error
    return values.classes(labels_IJK.astype(np.int16), where=f"case {case.id}")
