"""What a segmenter is worth: each label map of a cohort predicted on the grid of its image and compared.

Letters: I J K voxel axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import groups
from vesalius.cohort.read import open_image
from vesalius.errors import VesaliusError
from vesalius.metrics.overlap import dice
from vesalius.metrics.surface import hd95_mm
from vesalius.report.overlay import Outlined
from vesalius.scan.part import part
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.labels import LabelValues
from vesalius.tasks.segment.maps import read_classes
from vesalius.tasks.segment.settings import SegmentSettings

_ML = 1e-3
"""Of a cubic millimetre."""


class Finds(Protocol):
    """A segmenter as far as measuring it needs one."""

    settings: SegmentSettings

    def classes(self, scans: Mapping[str, Scan], t: int = 0) -> NDArray[np.integer]: ...


@dataclass(frozen=True)
class Measured:
    """One class of one label map.

    Args:
        unit: id of the label map.
        patient: number of the patient in the cohort (no name leaves the manifest).
        map: "mask", or the name of the frame ("ED").
        name: of the class or region.
        dice: NaN where the class is in neither map.
        hd95_mm: NaN where it is missing in one of them, or nobody knows the spacing.
        found_ml: volume that was found; NaN where nobody knows the spacing.
        truth_ml: volume of the reference, the same.
    """

    unit: str
    patient: int
    map: str
    name: str
    dice: float
    hd95_mm: float
    found_ml: float
    truth_ml: float


@dataclass(frozen=True, eq=False)
class Unit:
    """One label map, measured.

    Args:
        rows: one for each class.
        picture: the slice with most of the labels.
    """

    rows: tuple[Measured, ...]
    picture: Outlined


def measure(
    segmenter: Finds,
    units: Cohort,
    images: tuple[str, ...],
    *,
    absent: Literal["background", "unknown"] = "background",
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Case, Unit | VesaliusError]]:
    """Predict and compare, one label map after the other; what cannot be read gives its error.

    Args:
        segmenter: finds the classes.
        units: the label maps (`units.units`).
        images: names of the images it takes.
        absent: under "unknown" a class that a reference does not hold is left out of its rows.
        progress: told how far it is.
    """
    patients = {case.id: number for number, cases in enumerate(groups(units).values(), 1) for case in cases}
    for number, case in enumerate(units, start=1):
        try:
            yield case, _measured(segmenter, units, case, images, patients[case.id], absent)
        except VesaliusError as error:
            yield case, error
        progress(f"{number} of {len(units)} label maps measured")


def _measured(segmenter: Finds, units: Cohort, case: Case, images: tuple[str, ...], patient: int, absent: str) -> Unit:
    settings = segmenter.settings
    t = case.frames.get(MASK, 0)
    scans = {name: open_image(units, case, name) for name in images}
    image = part(scans[images[0]], t=t)
    truth_IJK = read_classes(units, case, LabelValues(settings.labels, settings.ignored))
    found_IJK = np.where(truth_IJK < 0, 0, segmenter.classes(scans, t))
    spacing_mm = image.spacing_mm
    voxel_ml = math.nan if spacing_mm is None else math.prod(spacing_mm) * _ML
    names = tuple(settings.labels)
    rows = []
    for name, members in _classes(settings).items():
        numbers = [1 + names.index(one) for one in members]
        found, truth = np.isin(found_IJK, numbers), np.isin(truth_IJK, numbers)
        if absent == "unknown" and not truth.any():
            continue
        row = Measured(
            unit=case.id,
            patient=patient,
            map=case.id.rpartition("/")[2] if case.frames else MASK,
            name=name,
            dice=dice(found, truth, (1,))[1],
            hd95_mm=math.nan if spacing_mm is None else hd95_mm(found, truth, spacing_mm, (1,))[1],
            found_ml=float(found.sum()) * voxel_ml,
            truth_ml=float(truth.sum()) * voxel_ml,
        )
        rows.append(row)
    return Unit(tuple(rows), _picture(image, truth_IJK, found_IJK, spacing_mm or (1.0, 1.0, 1.0)))


def _classes(settings: SegmentSettings) -> dict[str, tuple[str, ...]]:
    """What is measured: the regions, or each class where there are none."""
    return dict(settings.regions) or {name: (name,) for name in settings.labels}


def _picture(
    image: Scan, truth_IJK: NDArray[np.integer], found_IJK: NDArray[np.integer], spacing_mm: tuple[float, float, float]
) -> Outlined:
    k = int((truth_IJK > 0).sum((0, 1)).argmax())
    picture_JI = image.values(k=slice(k, k + 1))[0, 0, :, :, 0].T
    return Outlined("", picture_JI, truth_IJK[..., k].T, found_IJK[..., k].T, (spacing_mm[1], spacing_mm[0]))
