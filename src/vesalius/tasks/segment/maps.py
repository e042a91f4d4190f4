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
from vesalius.scan.label_values import are_labels
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
    labels_IJK = mask.values(dtype=np.float64)[0, 0]
    if not are_labels(labels_IJK, _LABELS.min, _LABELS.max):
        what = "a mask holds other values than whole numbers of 16 bits"
        raise InputError(what, where=f"case {case.id}", fix="give a label map")
    return values.classes(labels_IJK.astype(np.int16), where=f"case {case.id}")
