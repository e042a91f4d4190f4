"""The units of segmentation: one label map and the image, or the frame of a cine, that it lies on."""

from __future__ import annotations

from collections.abc import Sequence

from vesalius.cohort.case import MASK
from vesalius.cohort.cohort import Cohort
from vesalius.errors import UsageError
from vesalius.tasks.segment.config import SegmentData


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
