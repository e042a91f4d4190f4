"""The pictures of a side: read, brought to one size, with their sources and groups.

Letters: C channel, J rows, I columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.builders.images import ImagesOptions, build
from vesalius.cohort.builders.jsonl import build as build_jsonl
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import owners
from vesalius.cohort.manifest import is_manifest, read_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, UsageError
from vesalius.files import regular
from vesalius.metrics.facts import UNKNOWN
from vesalius.scan.scan import Scan
from vesalius.scan.synthetic import MASKS
from vesalius.seeding import generator
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.resize import resized

SOURCE = "source"
"""Fact of a generated case: id of the real case whose mask or caption was used."""
ALL = "all"
Size = tuple[int, int]
_LEVELS = Prepare(intensity="shown", layout="CJI")
_TRAIN = "train"


@dataclass(frozen=True)
class Source:
    """What pictures that resemble each other share.

    Args:
        name: a patient, a study, or a picture.
        is_patient: whether a patient is known.
    """

    name: str
    is_patient: bool = False


@dataclass(frozen=True)
class Side:
    """The cases of one side.

    Args:
        name: generated, reference or train.
        cohort: with readable paths.
        sources: case -> source.
        groups: case -> value of the fact that groups are made by.
    """

    name: str
    cohort: Cohort
    sources: dict[str, Source]
    groups: dict[str, str]


@dataclass(frozen=True, eq=False)
class Cut:
    """A part of a real picture: the largest box of an aspect, or a random one.

    Args:
        size: rows and columns of the result.
        count: random cuts of a picture; 0: the box in the middle.
        area: least and largest share of the largest box.
        seed: with the case and the number of the cut it decides where the box lies.
    """

    size: Size
    count: int = 0
    area: tuple[float, float] = (1.0, 1.0)
    seed: int = 0

    def of(self, picture_CJI: NDArray[np.float32], case: str) -> Iterator[NDArray[np.float32]]:
        """Yield the cuts of a picture, averaged down (or interpolated up) to the size."""
        if not self.count:
            yield self._box(picture_CJI, 1.0, (0.5, 0.5))
        for number in range(self.count):
            draw = generator("cut", self.seed, case, number)
            yield self._box(picture_CJI, float(draw.uniform(*self.area)), tuple(map(float, draw.random(2))))

    def _box(self, x_CJI: NDArray[np.float32], area: float, place: Sequence[float]) -> NDArray[np.float32]:
        down, right = box_of(x_CJI.shape[1:], self.size, area, place)
        return np.clip(resized(np.ascontiguousarray(x_CJI[:, down, right]), list(self.size), "linear"), 0, 1)


def box_of(
    sides: Sequence[int], size: Size, area: float = 1.0, place: Sequence[float] = (0.5, 0.5)
) -> tuple[slice, slice]:
    """Return the rows and columns of a box of the aspect of `size`.

    Args:
        sides: rows and columns of the picture.
        size: rows and columns that the box is brought to.
        area: share of the area of the largest box.
        place: shares of the way along rows and columns; by default the middle.

    Example:
        >>> box_of((100, 300), (64, 64))
        (slice(0, 100, None), slice(100, 200, None))
    """
    scale = min(whole / part for whole, part in zip(sides, size, strict=True)) * area**0.5
    box = [max(1, round(part * scale)) for part in size]
    starts = [round(share * (whole - part)) for share, whole, part in zip(place, sides, box, strict=True)]
    down, right = (slice(start, start + part) for start, part in zip(starts, box, strict=True))
    return down, right


def read_side(name: str, path: Path, split: str | None = None) -> Cohort:
    """Return the cases of a folder of pictures or of a manifest, also of one with `image_path`.

    Args:
        name: of the side; of training pictures with splits only those of train are taken.
        path: what was given.
        split: only cases of this split of a manifest.

    Raises:
        InputError: no such path, no picture, or an unreadable manifest.
        UsageError: no case in this split, or a split of a folder.
    """
    if not regular(path).exists():
        raise InputError("no such file or folder", where=path)
    if path.is_dir() and not is_manifest(path):
        cohort = _without_masks(build(path, ImagesOptions()))
    elif not is_manifest(path):
        raise InputError("is neither a folder of pictures nor a manifest", where=path, fix="name one of them")
    else:
        cohort = build_jsonl(path) if _names_paths(path) else read_manifest(path)
    if split is None and name == _TRAIN and _TRAIN in cohort.splits:
        split = _TRAIN
    if split is None:
        return cohort
    chosen = cohort.of_split(split)
    if not len(chosen):
        known = ", ".join(cohort.splits) or "no splits"
        raise UsageError(f"no case in split {split!r}", where="--split", fix=f"{path.name} has {known}")
    return chosen


def sides_of(generated: Cohort, reference: Cohort, train: Cohort | None, by: str | None) -> list[Side]:
    """Return the sides, with one name for one source.

    A generated picture has the source of the real case that its fact "source" names, or that name where no side has the
    case; without this fact it is a source of its own. Its group is that of its source where it has no such fact itself.

    Raises:
        UsageError: no case has the fact to group by.
    """
    cohorts = {"generated": generated, "reference": reference} | ({} if train is None else {"train": train})
    real = [cohorts[name] for name in ("reference", "train") if name in cohorts]
    owner_of = {case: Source(*owner) for cohort in real for case, owner in owners(cohort).items()}
    group_of: dict[str, str] = {}
    if by is not None:
        group_of = {case.id: str(case.facts[by]) for cohort in real for case in cohort if by in case.facts}
        if not group_of and not any(by in case.facts for case in generated):
            raise UsageError(f"no case has the fact {by!r}", where="--by", fix="name a fact of the manifest")
    sides = []
    for name, cohort in cohorts.items():
        own = {case: Source(*owner) for case, owner in owners(cohort).items()}
        sources, groups = {}, {}
        for case in cohort:
            origin = str(case.facts[SOURCE]) if name == "generated" and SOURCE in case.facts else None
            sources[case.id] = own[case.id]
            if name == "generated":
                sources[case.id] = (
                    Source(f"generated {case.id}") if origin is None else owner_of.get(origin, Source(origin))
                )
            groups[case.id] = str(case.facts[by]) if by in case.facts else group_of.get(origin or case.id, UNKNOWN)
        sides.append(Side(name, cohort, sources, groups if by is not None else dict.fromkeys(sources, ALL)))
    return sides


def open_picture(cohort: Cohort, case: Case) -> Scan:
    """Open the picture of a case.

    Raises:
        InputError: it has several images, or no readable one.
    """
    names = list(case.images)
    if IMAGE not in names and len(names) > 1:
        what = f"has the images {', '.join(names)}, a picture is one"
        raise InputError(what, where=f"case {case.id}", fix="make a manifest of one of them")
    scan = open_image(cohort, case, IMAGE if IMAGE in names else names[0])
    if scan.shape[1] > 1 or scan.shape[4] > 1:
        what = f"has {scan.shape[4]} slices and {scan.shape[1]} frames, a picture has one"
        raise InputError(what, where=f"case {case.id}", fix="write its slices as pictures")
    return scan


def levels(scan: Scan) -> NDArray[np.float32]:
    """Return the levels 0 to 1 that a viewer shows, (3, J, I); grey pictures repeat their channel.

    Raises:
        InputError: neither grey nor colours.
    """
    x_CJI = _LEVELS(scan)
    if x_CJI.shape[0] not in (1, 3):
        raise InputError(f"has {x_CJI.shape[0]} channels, a picture has 1 or 3", fix="write it in grey or colours")
    return np.clip(np.broadcast_to(x_CJI, (3, *x_CJI.shape[1:])), 0, 1)


def usual_size(cohort: Cohort) -> Size:
    """Return rows and columns of most pictures of a cohort; what cannot be read is skipped."""
    counts: Counter[Size] = Counter()
    for case in cohort:
        try:
            _, _, columns, rows, _ = open_picture(cohort, case).shape
        except InputError:
            continue
        counts[rows, columns] += 1
    if not counts:
        raise InputError("no generated picture can be read", where=cohort.root, fix="name other pictures")
    return counts.most_common(1)[0][0]


def _without_masks(cohort: Cohort) -> Cohort:
    """Leave out what lies in the folder `masks`, where `vesalius generate` writes the label maps of its pictures."""
    pictures = cohort.where(lambda case: PurePosixPath(case.images[IMAGE]).parts[0] != MASKS)
    masks = len(cohort) - len(pictures)
    if not masks or not len(pictures):
        return cohort
    note = f"{masks} label maps in the folder {MASKS} are left out"
    return Cohort(pictures.cases, cohort.root, (*cohort.notes, note))


def _names_paths(path: Path) -> bool:
    """Whether the first line of a manifest has the key `image_path`."""
    if path.is_dir() or path.suffix.lower() != ".jsonl":
        return False
    try:
        with regular(path).open(encoding="utf-8-sig") as file:
            return '"image_path"' in next((line for line in file if line.strip()), "")
    except (OSError, UnicodeDecodeError):
        return False  # the reader of manifests says why
