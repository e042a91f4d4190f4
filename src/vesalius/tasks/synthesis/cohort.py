"""Pictures of the masks and captions of the training cases of a manifest, and the manifest of these pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import OutputError, UsageError
from vesalius.files import regular
from vesalius.scan.synthetic import MASKS, Stamp, mask_digest
from vesalius.seeding import digest
from vesalius.seeding import generator as drawing
from vesalius.tasks.generate.config import LONGEST_CAPTION
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.synthesis.masks import Part, at_size, boxes_in, mask_of_case, part_of
from vesalius.tasks.synthesis.produce import Planned, Work
from vesalius.tasks.synthesis.settings import SynthesisSettings
from vesalius.training.run_folder import SPLITS
from vesalius.wording import some

TRAIN = "train"
_IMAGES = "images"
_SEEDS = 1 << 53


@dataclass(frozen=True)
class TrainingSource:
    """The cases that pictures are made from.

    Args:
        cohort: training cases.
        split: which they are, in words.
        notes: caveats.
    """

    cohort: Cohort
    split: str
    notes: tuple[str, ...]


def source_of(manifest: Path, model: str, *, whole: bool) -> TrainingSource:
    """Read a manifest and take its training split.

    Args:
        manifest: the cases.
        model: what the pictures are made with; where it is a run, it is looked up which cases it learned from.
        whole: the manifest has no splits, and all of its cases are for training.

    Raises:
        InputError: the manifest cannot be read.
        UsageError: it has no splits, or `whole` is given and it has some; no training case.
    """
    cohort = read_manifest(manifest)
    if whole and cohort.splits:
        what = f"has the splits {', '.join(cohort.splits)}"
        raise UsageError(what, where=manifest, fix="leave --whole out: the training split is taken")
    if not whole and TRAIN not in cohort.splits:
        what = "has no training split" if cohort.splits else "has no splits: which cases are held out is unknown"
        fix = "make them with vesalius cohort split, or pass --whole if all of its cases are for training"
        raise UsageError(what, where=manifest, fix=fix)
    if whole:
        return TrainingSource(cohort, f"all {len(cohort)} cases", cohort.notes)
    chosen = cohort.of_split(TRAIN)
    words = f"the split train, {len(chosen)} of {len(cohort)} cases"
    return TrainingSource(chosen, words, (*cohort.notes, *_learned(model, cohort)))


def planned_of(
    generator: Generator, source: TrainingSource, folder: Path, per_case: int, settings: SynthesisSettings
) -> Iterator[tuple[Planned, Case]]:
    """Yield the pictures with their lines of the manifest, whose paths start from `folder`."""
    for case in source.cohort:
        mask = next(iter(case.masks), None) if generator.settings.classes else None
        image = next(iter(case.images)) if len(case.images) == 1 else IMAGE
        for number in range(1, per_case + 1):
            name = f"{case.id}_{number}"
            file = f"{digest('name', case.id) % (1 << 40):010x}_{number}.{settings.format}"
            seed = digest("synthetic", settings.seed, case.id, number) % _SEEDS
            stamp = Stamp(
                generator.name,
                generator.digest,
                settings.caption(case),
                seed,
                sampling=_sampling(settings),
                source=case.id,
            )
            line = _line(case, name, image, f"{_IMAGES}/{file}", mask, f"{MASKS}/{file}", stamp)
            load = partial(_work, generator, source.cohort, case, mask, folder, line, stamp, settings)
            yield Planned(name, folder / _IMAGES / file, stamp, load), line


def check_manifest(path: Path, lines: Sequence[Case]) -> None:
    """Raise OutputError where the manifest is there and holds other lines than this run writes."""
    if not path.exists():
        return
    facts_of = {line.id: line.facts for line in lines}
    if any(facts_of.get(case.id) != case.facts for case in read_manifest(path)):
        what = "exists already and is not the manifest that would be written"
        raise OutputError(what, where=path, fix="choose another name or pass --force")


def write_lines(lines: Sequence[Case], folder: Path, path: Path) -> None:
    """Write the manifest of pictures below a folder, in place of an older one."""
    write_manifest(Cohort(tuple(lines), folder), path, force=True)


def notes_of(lines: Sequence[Case], settings: SynthesisSettings) -> list[str]:
    """Return caveats about the lines of a manifest that was written."""
    bare = sum(line.caption is None for line in lines)
    cut = sum(len(line.caption or "") == LONGEST_CAPTION for line in lines)
    notes = [f"{bare} of {len(lines)} pictures have no caption"] if bare else []
    notes += [f"captions of {cut} pictures end after {LONGEST_CAPTION} characters"] if cut else []
    if settings.area != (1.0, 1.0) and any(line.masks for line in lines):
        notes.append("pictures show a part of their masks, while captions, labels and facts are those of whole cases")
    return notes


def _work(
    generator: Generator,
    cohort: Cohort,
    case: Case,
    mask: str | None,
    folder: Path,
    line: Case,
    stamp: Stamp,
    settings: SynthesisSettings,
) -> Work:
    image = next(iter(line.images.values()))
    if mask is None:
        return Work(folder / image, Request(stamp.caption, None, stamp.seed, settings.size), stamp)
    labels_JI = mask_of_case(cohort, case, mask)
    size = settings.size or generator.size_of(Request(mask=labels_JI))
    shape = labels_JI.shape
    part = _drawn(shape, size, settings, stamp.seed)
    part_JI = labels_JI[part]
    known = [box for box in case.boxes if box.label in generator.settings.classes]
    stamp = Stamp(**{**vars(stamp), "mask_sha256": mask_digest(part_JI)})
    request = Request(stamp.caption, part_JI, stamp.seed, size)
    return Work(
        folder / image, request, stamp, folder / line.masks[mask], at_size(part_JI, size), boxes_in(known, part, shape)
    )


def _drawn(shape: tuple[int, int], size: tuple[int, int], settings: SynthesisSettings, seed: int) -> Part:
    """Return the part that a picture shows; where it lies depends on its seed only."""
    chance = drawing("part", seed)
    area = float(chance.uniform(*settings.area))
    return part_of(shape, size, area, (float(chance.random()), float(chance.random())))


def _sampling(settings: SynthesisSettings) -> str:
    """What is said of the sampling, with the share of the mask."""
    return settings.stamp if settings.area == (1.0, 1.0) else f'{settings.stamp[:-1]}, "area": {[*settings.area]}}}'


def _line(case: Case, name: str, image: str, picture: str, mask: str | None, label_map: str, stamp: Stamp) -> Case:
    """Return the line of a picture; its boxes are known once its mask was read."""
    facts: dict[str, Fact] = {
        "source": case.id,
        "synthetic": True,
        "seed": stamp.seed,
        "model": stamp.model,
        "model_digest": stamp.model_digest,
    }
    return Case(
        id=name,
        images={image: picture},
        patient=case.patient,
        study=case.study,
        masks={} if mask is None else {mask: label_map},
        labels=case.labels,
        caption=stamp.caption or None,
        facts=case.facts | facts,
        split=TRAIN,
    )


def _learned(model: str, cohort: Cohort) -> tuple[str, ...]:
    """Return a caveat where a run learned from cases that the manifest holds out."""
    path = Path(model) / SPLITS / f"{TRAIN}.csv"
    if not regular(path).is_file():
        return ()
    learned = {case.id for case in read_manifest(path)}
    both = [case.id for case in cohort if case.split != TRAIN and case.id in learned]
    if not both:
        return ()
    return (
        f"the model learned from {len(both)} cases that the manifest holds out, namely {some(both)}: "
        "nothing can be measured on them with these pictures",
    )
