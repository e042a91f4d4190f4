"""Which frames of a study are end-diastole and end-systole, and what readers drew there.

Letters: I J K voxel axes. Classes are numbers of the judge: 0 is the background.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError
from vesalius.metrics.cardiac import ed_es_frames
from vesalius.metrics.cycle import cycle_ends
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.results import FramesFrom
from vesalius.tasks.evaluate.codec.studies import Study, read_mask

Classes = NDArray[np.integer]


def read_masks(study: Study, scan: Scan, classes: Callable[[NDArray[np.int16], str], Classes]) -> dict[int, Classes]:
    """The reference masks by frame, counted from 0; empty where there are none.

    Args:
        study: the study.
        scan: its scan.
        classes: class numbers of the values of a mask, and what to call the mask.

    Raises:
        InputError: a mask cannot be read, lies on another grid or holds a value that the judge does not know.
    """
    found: dict[int, Classes] = {}
    for frame, path in study.masks_by_frame.items():
        labels_IJK = read_mask(path)
        if labels_IJK.shape != scan.shape[2:]:
            raise InputError("the masks lie on another grid")
        found[frame] = classes(labels_IJK.astype(np.int16), "the masks")
    return found


def ends(
    study: Study,
    scan: Scan,
    masks: Mapping[int, Classes],
    cavity: Sequence[int],
    segment: Callable[[int], Classes],
) -> tuple[int, int, FramesFrom]:
    """Frames of end-diastole and end-systole, from 0, and how they are known.

    Info.cfg says it; else they are the ends of the volume curve of the reference masks, else of the judge's: smoothed
    where there are frames enough, as the extremes of noisy volumes lie too far apart (`metrics.cycle`).

    Args:
        study: the study.
        scan: its scan.
        masks: reference masks by frame.
        cavity: numbers of the cavity; empty where the judge has none.
        segment: the judge's classes of a frame of the original.

    Raises:
        InputError: T is not known to be time, there is no such frame, or a frame without a cavity.
    """
    frames = scan.shape[1]
    if study.diastole is not None and study.systole is not None:
        if max(study.diastole, study.systole) >= frames:
            raise InputError(f"Info.cfg names a frame beyond the {frames} of the scan")
        return study.diastole, study.systole, "Info.cfg"
    if not cavity:
        raise InputError("no ED and ES frames are named, and the judge names no cavity to find them by")
    drawn = [frame for frame, mask in sorted(masks.items()) if frame < frames and np.isin(mask, cavity).any()]
    if len(drawn) > 1:
        sizes_T = [np.isin(masks[t], cavity).sum() if t in drawn else 0 for t in range(frames)]
        ed, es, *_ = cycle_ends(sizes_T)
        return ed, es, "masks"
    if frames < 2 or scan.t_meaning != "time":
        raise InputError("T is not known to be time, and no ED and ES frames are named")
    is_cavity_TIJK = np.stack([np.isin(segment(t), cavity) for t in range(frames)])
    return *ed_es_frames(is_cavity_TIJK.astype(np.uint8), 1), "judge"
