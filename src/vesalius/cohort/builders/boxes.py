"""From pictures with boxes to one case for each box: a square region around it. Nothing is copied."""

from __future__ import annotations

from collections import defaultdict

from pydantic import Field, model_validator

from vesalius.cohort.case import IMAGE, Box, Case
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config
from vesalius.scan.open import open_scan
from vesalius.scan.region import Region

_MARGIN = 0.1


class BoxOptions(Config):
    """Size of the square around a box."""

    margin: float | None = Field(
        default=None,
        ge=0,
        le=10,
        description=f"space on each side, as a share of the longer side of the box (unit=box; default {_MARGIN})",
    )
    side: int | None = Field(
        default=None, ge=1, description="side of all squares in pixels, so that sizes stay comparable (unit=box)"
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> BoxOptions:
        if self.margin is not None and self.side is not None:
            raise ValueError("margin and side exclude each other")
        return self


def box_cases(cohort: Cohort, options: BoxOptions) -> Cohort:
    """Return one case for each box of each picture; the label of the box is the class, 1 of all labels that occur.

    A square that would reach beyond the picture is moved inside, and cut where the picture is too small. The case keeps
    patient and split of its picture, and its study is the picture where it names none. Facts are the width and height
    of the box in pixels.

    Args:
        cohort: cases with one image called `image`.
        options: size of the squares.

    Raises:
        InputError: a picture cannot be read.
    """
    classes = sorted({box.label for case in cohort for box in case.boxes})
    cases: list[Case] = []
    again = contradicting = 0
    for case in cohort:
        _, _, columns, rows, _ = open_scan(cohort.path(case.images[IMAGE]), case.how).shape
        labels_of: dict[Region, set[str]] = defaultdict(set)
        for box in case.boxes:
            labels_of[_square(box, columns, rows, options)].add(box.label)
        again += len(case.boxes) - sum(map(len, labels_of.values()))
        contradicting += sum(len(labels) > 1 for labels in labels_of.values())
        for number, box in enumerate(case.boxes, 1):
            region = _square(box, columns, rows, options)
            if len(labels_of.pop(region, ())) == 1:
                cases.append(_case(case, number, box, region, classes, (columns, rows)))
    notes = [f"boxes that repeat another one, left out: {again}"] if again else []
    notes += [f"places whose boxes have several labels, left out: {contradicting}"] if contradicting else []
    return Cohort(tuple(cases), cohort.root, (*cohort.notes, *notes))


def _case(case: Case, number: int, box: Box, region: Region, classes: list[str], size: tuple[int, int]) -> Case:
    columns, rows = size
    return Case(
        id=f"{case.id}-{number:03d}",
        patient=case.patient,
        study=case.study or case.id,
        images={IMAGE: f"{case.images[IMAGE]}#{region.text}"},
        labels={name: float(name == box.label) for name in classes},
        facts={
            "box_width_px": round((box.right - box.left) * columns),
            "box_height_px": round((box.bottom - box.top) * rows),
        },
        split=case.split,
    )


def _square(box: Box, columns: int, rows: int, options: BoxOptions) -> Region:
    left, right = box.left * columns, box.right * columns
    top, bottom = box.top * rows, box.bottom * rows
    margin = _MARGIN if options.margin is None else options.margin
    side = options.side or max(1, round(max(right - left, bottom - top) * (1 + 2 * margin)))
    x, width = _within((left + right) / 2, side, columns)
    y, height = _within((top + bottom) / 2, side, rows)
    return Region(x, y, width, height)


def _within(centre: float, side: int, length: int) -> tuple[int, int]:
    """Return start and length of an interval of a side, moved or cut so that it lies within a length."""
    side = min(side, length)
    return min(max(0, round(centre - side / 2)), length - side), side
