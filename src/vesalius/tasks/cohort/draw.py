"""Draw the boxes of a cohort as label maps, with captions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vesalius.cohort.box_maps import Shape, box_caption, box_map
from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved, read_manifest, write_manifest
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, UsageError
from vesalius.output import new_folder, refuse_existing
from vesalius.scan.pictures.write import write_png
from vesalius.wording import Progress, quiet, some

MAPS = "masks"
_MOST_CLASSES = 255


@dataclass(frozen=True)
class DrawnBoxes:
    """Result of `draw_boxes`.

    Args:
        path: the new manifest.
        labels: class -> its value in the label maps.
        boxes: number of boxes of each class.
        cases: number of cases.
        without: cases without any box, which have no label map.
        captions: each caption, and how many cases have it.
    """

    path: Path
    labels: dict[str, int]
    boxes: dict[str, int]
    cases: int
    without: int
    captions: dict[str, int]


def draw_boxes(
    manifest: Path,
    output: Path,
    *,
    classes: Sequence[str] = (),
    shape: Shape = "ellipse",
    caption: str | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> DrawnBoxes:
    """Write a folder with a label map for each case that has boxes, and a manifest of all cases.

    A case gets the label 1 for each class that it has a box of; other classes stay unknown. Without any box there is no
    label map, because nobody may have looked.

    Args:
        manifest: cases with boxes, one picture each.
        output: new folder.
        classes: in the order of their values, from 1; empty: all that occur, by name.
        shape: what a box covers.
        caption: what all pictures are, such as "fundus photograph": each case gets a caption of it and its classes.
            None leaves captions as they are.
        force: replace an existing folder.
        progress: callback that receives a line now and then.

    Raises:
        InputError: the manifest or a picture cannot be read, or a case is no single picture.
        UsageError: no case has a box, one has a label map already, or a class has none.
        OutputError: the folder exists or cannot be written.
    """
    refuse_existing(output, force=force)
    cohort = read_manifest(manifest)
    counts = Counter(box.label for case in cohort for box in case.boxes)
    names = tuple(classes) or tuple(sorted(counts))
    _check(cohort, names, counts, manifest)
    with new_folder(output, force=force) as folder:
        (folder / MAPS).mkdir()
        cases = []
        for number, case in enumerate(moved(cohort, output), start=1):
            drawn = any(box.label in names for box in case.boxes)
            target = f"{MAPS}/{number:0{len(str(len(cohort)))}d}.png"
            if drawn:
                map_JI = box_map(case.boxes, names, _size(cohort, cohort.cases[number - 1]), shape)
                write_png(folder / target, map_JI[..., None])
            cases.append(_described(case, names, target if drawn else None, caption))
            progress(f"{number} of {len(cohort)} cases")
        drawn_cohort = Cohort(tuple(cases), folder, cohort.notes)
        write_manifest(drawn_cohort, folder / f"manifest{manifest.suffix.lower()}")
    return DrawnBoxes(
        path=output / f"manifest{manifest.suffix.lower()}",
        labels={name: value for value, name in enumerate(names, start=1)},
        boxes={name: counts[name] for name in names},
        cases=len(cohort),
        without=sum(not case.masks for case in cases),
        captions=dict(Counter(case.caption for case in cases if case.caption is not None).most_common()),
    )


def lines(result: DrawnBoxes) -> Iterator[str]:
    """Yield the result for people."""
    yield f"{result.cases} cases, {result.without} without any box and so without a label map"
    for name, value in result.labels.items():
        yield f"{name}: {result.boxes[name]} boxes, value {value}"
    yield from (f"{count} x {caption!r}" for caption, count in result.captions.items())
    named = ", ".join(f"{name}: [{value}]" for name, value in result.labels.items())
    yield f"for training: data.labels={{{named}}}"
    yield str(result.path)


def _check(cohort: Cohort, names: Sequence[str], counts: Counter[str], manifest: Path) -> None:
    if not counts:
        raise UsageError("no case has a box", where=manifest, fix="build a manifest from a layout with boxes, as voc")
    unknown = [name for name in names if name not in counts]
    if unknown:
        raise UsageError(
            f"no box is called {some(unknown)}", where="--classes", fix=f"boxes are called {', '.join(sorted(counts))}"
        )
    twice = [name for name in names if names.count(name) > 1]
    if twice or len(names) > _MOST_CLASSES:
        what = f"{twice[0]} is named twice" if twice else f"{len(names)} classes are more than {_MOST_CLASSES}"
        raise UsageError(what, where="--classes", fix="name the classes to draw, each once")
    masked = [case.id for case in cohort if MASK in case.masks]
    if masked:
        what = f"{len(masked)} cases have a label map already, namely {some(masked)}"
        raise UsageError(what, where=manifest, fix="train with these maps, or remove them from the manifest")


def _size(cohort: Cohort, case: Case) -> tuple[int, int]:
    """Rows and columns of the picture of a case."""
    if len(case.images) != 1:
        raise InputError(f"has {len(case.images)} images, boxes belong to one", where=case.id, fix="leave it out")
    _, frames, columns, rows, slices = open_image(cohort, case, next(iter(case.images))).shape
    if frames * slices != 1:
        raise InputError("boxes belong to single pictures, this is a volume or cine", where=case.id, fix="leave it out")
    return rows, columns


def _described(case: Case, names: Sequence[str], target: str | None, caption: str | None) -> Case:
    found = {name: 1.0 for name in names if any(box.label == name for box in case.boxes)}
    changes: dict[str, object] = {"labels": {**case.labels, **found}}
    if target is not None:
        changes["masks"] = {**case.masks, MASK: target}
    if caption is not None:
        changes["caption"] = box_caption(case.boxes, names, caption)
    return case.model_copy(update=changes)
