"""A predicted label mask measured against a reference: overlap, surface distances and volumes of each class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from vesalius.metrics.overlap import dice
from vesalius.metrics.spread import finite_mean
from vesalius.metrics.surface import surface_distances

PIECE_SHARE = 0.05
"""Of the voxels of a ventricle: smaller pieces are specks."""


@dataclass(frozen=True)
class Measured:
    """One class in one mask, or in one frame of it; unknown values are NaN.

    Args:
        case: display name.
        patient: patient id; never appears in output.
        mask: name of the mask within the case: "mask", "ED", ...
        name: the class.
        dice: overlap; 0 where one mask lacks the class, NaN where both do.
        hd95_mm: 95 % Hausdorff distance; NaN where one mask lacks the class or the spacing is unknown.
        average_mm: average surface distance, the same.
        predicted_ml: volume in the predicted mask; NaN where the size of a voxel is unknown.
        reference_ml: volume in the reference mask.
        frame: frame of the cine, from 0; None where the mask has one frame and its number is unknown.
        structure: what the mask shows, "" where a case has one structure.
        label: the first label of the class.
        predicted_pieces: number of large pieces in the predicted mask (`pieces`).
        reference_pieces: the same in the reference mask.
    """

    case: str
    patient: str
    mask: str
    name: str
    dice: float
    hd95_mm: float
    average_mm: float
    predicted_ml: float
    reference_ml: float
    frame: int | None = None
    structure: str = ""
    label: int = 0
    predicted_pieces: int = 1
    reference_pieces: int = 1

    @property
    def volume_ml(self) -> float:
        """Predicted minus reference volume."""
        return self.predicted_ml - self.reference_ml


def measure_masks(
    predicted: NDArray[Any],
    reference: NDArray[Any],
    classes: Mapping[str, Sequence[int]],
    spacing_mm: Sequence[float] | None,
    voxel_ml: float,
    *,
    case: str = "",
    patient: str = "",
    mask: str = "mask",
    frame: int | None = None,
    structure: str = "",
) -> Iterator[Measured]:
    """Measure each class of a pair of masks of one shape.

    Args:
        predicted: labels, any number of axes.
        reference: labels of the same shape.
        classes: name -> its labels; several labels are measured as one region.
        spacing_mm: distance of voxel centres along each axis; None where it is unknown.
        voxel_ml: volume of a voxel; NaN where it is unknown.
        case: as in `Measured`, like all that follow.
        patient: id.
        mask: name.
        frame: number.
        structure: what the mask shows.

    Example:
        >>> predicted, reference = np.array([[1, 1, 1, 2]]), np.array([[1, 1, 2, 2]])
        >>> for row in measure_masks(predicted, reference, {"both": (1, 2), "right": (2,)}, (1.0, 2.0), 0.5):
        ...     print(row.name, round(row.dice, 2), row.hd95_mm, row.predicted_ml, row.reference_ml)
        both 1.0 0.0 2.0 2.0
        right 0.67 1.9 0.5 1.0
    """
    for name, members in classes.items():
        found, truth = np.isin(predicted, members), np.isin(reference, members)
        distance = None
        if spacing_mm is not None and found.ndim:
            distance = surface_distances(found, truth, spacing_mm, (1,))[1]
        yield Measured(
            case=case,
            patient=patient,
            mask=mask,
            name=name,
            dice=dice(found, truth, (1,))[1],
            hd95_mm=distance.hd95_mm if distance else math.nan,
            average_mm=distance.average_mm if distance else math.nan,
            predicted_ml=np.count_nonzero(found) * voxel_ml,
            reference_ml=np.count_nonzero(truth) * voxel_ml,
            frame=frame,
            structure=structure,
            label=members[0],
        )


def per_patient(rows: Iterable[Measured], patients: Mapping[str, str], measure: str) -> dict[str, float]:
    """Mean of a measure over each patient's masks and frames, NaN for patients without a value.

    Args:
        rows: of one class.
        patients: patient id -> display name.
        measure: a number of `Measured`.
    """
    values: dict[str, list[float]] = {name: [] for name in patients.values()}
    for row in rows:
        values[patients[row.patient]].append(float(getattr(row, measure)))
    return {name: finite_mean(numbers) for name, numbers in values.items()}


def pieces(mask_IJK: ArrayLike) -> int:
    """Number of pieces of a mask that hold 5 % of its voxels or more; pieces that touch at an edge or corner are one.

    Example:
        >>> pieces([[1, 1, 0, 1], [1, 0, 0, 1]])
        2
    """
    mask = np.asarray(mask_IJK, dtype=bool)
    numbered, _ = ndimage.label(mask, np.ones((3,) * mask.ndim))
    sizes = np.bincount(numbered.ravel())[1:]
    return int((sizes >= PIECE_SHARE * sizes.sum()).sum()) if sizes.size else 0
