"""Whether a picture shows the mask that it was made from: Dice and IoU of the mask that a judge finds in it.

Letters: C channel, M classes, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_mask
from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.metrics.overlap import dice
from vesalius.metrics.quick_regions import QuickMethod, quick_region
from vesalius.scan.label_values import NotLabelsError, read_labels
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.images.pictures import Side, Size, Source, box_of, levels, open_picture
from vesalius.tasks.label_values import LARGEST, LabelValues
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.transforms.resize import resized
from vesalius.weights.card import read_card
from vesalius.weights.place import locate
from vesalius.weights.saved import digest_of
from vesalius.wording import Progress, quiet

Classes = NDArray[np.integer]
"""Class numbers, (J, I); 0 is background."""
Levels = NDArray[np.float32]
REGION = "region"
"""The only class of a quick method."""


@dataclass(frozen=True, eq=False)
class StructureJudge:
    """What finds masks in pictures.

    Args:
        name: for tables.
        about: what it is.
        digest: of its weights; "" for a quick method.
        classes: names; number 1 is the first.
        values: values of label maps -> class numbers (J, I), with the name of the map for errors.
        find: levels (C, J, I) -> class numbers (J, I).
        caveats: of its card.
    """

    name: str
    about: str
    digest: str
    classes: tuple[str, ...]
    values: Callable[[NDArray[np.int16], str], Classes]
    find: Callable[[Levels], Classes]
    caveats: tuple[str, ...] = ()

    @classmethod
    def load(cls, name: str, device: str = "cpu") -> StructureJudge:
        """Load a segmenter of pictures.

        Raises:
            InputError: no such model, one for another job, or one of volumes.
            CorruptFileError: it is damaged.
        """
        folder = locate(name)
        segmenter = Segmenter.from_pretrained(folder, device)
        if segmenter.settings.suffix != ".png" or len(segmenter.contract.images) != 1:
            what = "is no segmenter of single pictures"
            raise InputError(what, where=folder, fix="train one with vesalius train segment/nuclei")
        image = segmenter.contract.images[0]

        def find(x_CJI: Levels) -> Classes:
            stored_CIJ = (255 * x_CJI).round().astype(np.uint8).transpose(0, 2, 1)
            scan = Scan.from_array(stored_CIJ[:, None, :, :, None], colour="rgb" if len(x_CJI) == 3 else "grey")
            return np.asarray(segmenter.classes({image: scan})[:, :, 0].T)

        shown = Path(name).resolve().name if Path(name).is_dir() else name
        about = f"The segmenter {shown}. It judges fairly only if it learned from real pictures and saw none of these."
        values, caveats = segmenter.values, tuple(read_card(folder).caveats)
        return cls(shown, about, digest_of(folder)[:16], values.names, values.classes, find, caveats)

    @classmethod
    def quick(cls, method: QuickMethod) -> StructureJudge:
        """Return a quick method: whatever a mask holds is the only class."""
        values = LabelValues({REGION: [1]}, map_values="objects")
        about = (
            f"Quick method: the pixels whose {method if method != 'red' else 'redness'} is above Otsu's threshold of "
            "the picture. It knows no anatomy and takes whatever is bright, red or colourful: no independent judge."
        )

        def find(x_CJI: Levels) -> Classes:
            picture = np.broadcast_to(x_CJI, (3, *x_CJI.shape[1:])).transpose(1, 2, 0)
            return quick_region(picture, method).astype(np.int8)

        return cls(f"quick method: {method}", about, "", (REGION,), values.classes, find)


@dataclass(frozen=True, eq=False)
class Obeyed:
    """A picture, its mask, and what the judge found.

    Args:
        case: display name.
        side: generated or real.
        source: patient, or real picture.
        group: value of the fact that groups are made by.
        dice: class -> Dice; NaN where neither mask holds it.
        picture: 8 bits, (J, I, 3).
        asked: classes of the mask.
        found: classes of the judge.
    """

    case: str
    side: str
    source: Source
    group: str
    dice: dict[str, float]
    picture: NDArray[np.uint8]
    asked: Classes
    found: Classes

    @property
    def iou(self) -> dict[str, float]:
        """Class -> |A and B| / |A or B|."""
        return {name: value / (2 - value) for name, value in self.dice.items()}


def judge_side(
    side: Side, name: str, judge: StructureJudge, size: Size, seen_at: Size, progress: Progress = quiet
) -> tuple[list[Obeyed], dict[str, VesaliusError]]:
    """Judge the pictures of a side that have a mask.

    Args:
        side: the cases.
        name: of the side, in the result.
        judge: finds the masks.
        size: rows and columns that pictures and masks are brought to (the largest box in the middle), and compared at.
        seen_at: rows and columns at which the judge sees the pictures.
        progress: called with a line now and then.

    Raises:
        UsageError: no picture could be judged.
    """
    judged: list[Obeyed] = []
    failed: dict[str, VesaliusError] = {}
    for number, case in enumerate(side.cohort, start=1):
        try:
            x_CJI, asked = _picture(side.cohort, case, size), _asked(side.cohort, case, judge, size)
            found = _at(judge.find(_sized(x_CJI, seen_at)), size, len(judge.classes))
        except VesaliusError as error:
            failed[case.id] = error
            continue
        overlap = dice(found, asked, range(1, len(judge.classes) + 1))
        picture = np.broadcast_to((255 * x_CJI).round().astype(np.uint8), (3, *size)).transpose(1, 2, 0)
        judged.append(
            Obeyed(
                case.id,
                name,
                side.sources[case.id],
                side.groups[case.id],
                {label: overlap[n] for n, label in enumerate(judge.classes, start=1)},
                picture,
                asked,
                found,
            )
        )
        if number % 16 == 0:
            progress(f"{name}: {number} of {len(side.cohort)}" + (f", {len(failed)} failed" if failed else ""))
    if not judged:
        first = next(iter(failed.items()), ("no case", InputError("there is none")))
        raise UsageError(f"no {name} picture could be judged; the first failure: {first[0]}: {first[1].what}")
    return judged, failed


def shrunk(classes_JI: Classes, size: Size, classes: int) -> Classes:
    """Return class numbers at another size: the class with the largest share of each pixel; background wins a tie.

    Example:
        >>> shrunk(np.array([[0, 2, 2, 2], [0, 0, 2, 2]]), (1, 2), 2).tolist()
        [[0, 2]]
    """
    shares = np.stack([(classes_JI == number).astype(np.float32) for number in range(classes + 1)])
    return np.asarray(resized(shares, list(size), "linear").argmax(axis=0))


def _picture(cohort: Cohort, case: Case, size: Size) -> Levels:
    scan = open_picture(cohort, case)
    x_CJI = levels(scan)[: 1 if scan.shape[0] == 1 and scan.colour != "palette" else 3]
    return _sized(x_CJI[(slice(None), *box_of(x_CJI.shape[1:], size))], size)


def _asked(cohort: Cohort, case: Case, judge: StructureJudge, size: Size) -> Classes:
    names = list(case.masks)
    if not names:
        raise InputError("has no mask")
    if MASK not in names and len(names) > 1:
        raise InputError(f"has the masks {', '.join(names)}, a picture has one")
    scan = open_mask(cohort, case, MASK if MASK in names else names[0])
    try:
        labels = read_labels(scan, LARGEST.min, LARGEST.max)[0, 0, :, :, 0].T
    except NotLabelsError as error:
        raise InputError(f"its mask {error}") from error
    classes_JI = judge.values(labels.astype(np.int16), f"case {case.id}")
    rows, columns = box_of(classes_JI.shape, size)
    return _at(np.maximum(classes_JI[rows, columns], 0), size, len(judge.classes))


def _at(classes_JI: Classes, size: Size, classes: int) -> Classes:
    return classes_JI if classes_JI.shape == size else shrunk(classes_JI, size, classes)


def _sized(x_CJI: Levels, size: Size) -> Levels:
    if x_CJI.shape[1:] == size:
        return x_CJI
    return np.clip(resized(np.ascontiguousarray(x_CJI), list(size), "linear"), 0, 1)
