"""Where the labels of a scan lie: a box about all of its label maps, kept among the facts of its case.

Letters: I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_mask

_KEYS = tuple(f"labels_{axis}_{end}" for axis in "ijk" for end in ("from", "to"))
"""Names of the facts: shares of the length of an axis."""


@dataclass(frozen=True)
class LabelBox:
    """First voxel and the one after the last along each axis."""

    i: tuple[int, int]
    j: tuple[int, int]
    k: tuple[int, int]

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre along I and J."""
        return sum(self.i) / 2, sum(self.j) / 2


def with_boxes(cohort: Cohort, masks: Sequence[str]) -> Cohort:
    """Return the cohort with a box about the nonzero voxels of these masks among the facts of each case that has some.

    Raises:
        InputError: a mask cannot be read.
    """
    return replace(cohort, cases=tuple(_with_box(cohort, case, masks) for case in cohort))


def box_of(facts: Mapping[str, Any], shape: Sequence[int]) -> LabelBox | None:
    """Return the box in voxels of an array of this shape (I, J, K); None where none is known."""
    if any(key not in facts for key in _KEYS):
        return None
    ends = [round(float(facts[key]) * shape[number // 2]) for number, key in enumerate(_KEYS)]
    return LabelBox((ends[0], ends[1]), (ends[2], ends[3]), (ends[4], ends[5]))


def _with_box(cohort: Cohort, case: Case, masks: Sequence[str]) -> Case:
    lows, highs, shape = [], [], None
    for name in masks:
        if name not in case.masks:
            continue
        labels_IJK = np.asarray(open_mask(cohort, case, name).stored())[0].any(0)
        shape = labels_IJK.shape
        places = np.argwhere(labels_IJK)
        if len(places):
            lows.append(places.min(0))
            highs.append(places.max(0) + 1)
    if shape is None or not lows:
        return case
    ends = np.stack([np.min(lows, 0), np.max(highs, 0)], 1) / np.array(shape)[:, None]
    box = {key: float(share) for key, share in zip(_KEYS, ends.ravel(), strict=True)}
    return case.model_copy(update={"facts": {**case.facts, **box}})
