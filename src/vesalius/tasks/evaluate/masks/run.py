"""`evaluate masks` from start to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from vesalius.arguments import PathLike, checked
from vesalius.cohort.manifest import is_manifest
from vesalius.errors import UsageError, VesaliusError
from vesalius.output import new_folder, refuse_existing
from vesalius.report.page import PAGE
from vesalius.report.publish import command_line, made, publish
from vesalius.report.table import plain_text
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.evaluate.masks.classes import lv_label
from vesalius.tasks.evaluate.masks.find import Pair, find_masks, ignored_files, match_masks
from vesalius.tasks.evaluate.masks.measure import PairResult, measure_pair
from vesalius.tasks.evaluate.masks.pump import beats
from vesalius.tasks.evaluate.masks.summary import MaskSummary, patient_names, result_of, summarise
from vesalius.wording import Progress, quiet, some

_WIDTH = 120
_SHOWN = 5


@dataclass(frozen=True)
class MaskEvaluation:
    """Result of `evaluate_masks`.

    Args:
        path: the folder written.
        report: its page.
        results: the measures.
        failed: {"path", "error"} of each mask that was not measured, those without a counterpart among them.
    """

    path: Path
    report: Path
    results: MaskSummary
    failed: list[dict[str, str]]


@checked
def evaluate_masks(
    predicted: PathLike,
    reference: PathLike,
    output: PathLike,
    *,
    classes: Mapping[int, str] | None = None,
    objects: str | None = None,
    lv: int | None = None,
    split: str | None = None,
    reading: Reading = AS_STATED,
    force: bool = False,
    progress: Progress = quiet,
) -> MaskEvaluation:
    """Measure predicted label masks against reference masks and write a report.

    Args:
        predicted: a mask, a folder of masks, or a manifest whose cases have masks.
        reference: the same. Masks belong together by file name, or by case and mask in a manifest.
        output: folder to write.
        classes: label -> name; only these are measured. By default all labels but 0, named by their numbers.
        objects: name of the only class, where labels number its objects (cells, nuclei): all but 0 are that class.
        lv: label of the LV cavity, for EDV, ESV and EF; by default the class called LV.
        split: only cases of this split of the reference manifest.
        reading: choices where the files, and a manifest that names them, leave some open.
        force: replace an earlier evaluation.
        progress: called with one line per mask.

    Raises:
        UsageError: no pair could be measured, or an option cannot be met.
        InputError: a path holds no masks.
        OutputError: the folder exists or cannot be written.
    """
    predicted = Path(predicted)
    reference = Path(reference)
    output = Path(output)
    if objects is not None and (classes or lv is not None):
        raise UsageError(
            "labels number either objects or classes", where="--objects", fix="leave --classes and --lv out"
        )
    names = dict(classes or {}) if objects is None else {1: objects}
    cavity = lv_label(names, lv)
    refuse_existing(output, force=force)
    pairs, alone = _pairs(predicted, reference, split, reading)
    results, broken = _measure(pairs, names, "classes" if objects is None else "objects", progress)
    failed = [{"path": name, "error": f"{name}: {why}"} for name, why in alone.items()]
    failed += [{"path": name, "error": str(error)} for name, error in broken.items()]
    if not results:
        raise UsageError(f"no mask could be measured; the first of {len(failed)} failures: {failed[0]['error']}")
    summary = summarise(results, *(beats(results, cavity) if cavity else ([], {})))
    ignored = [name for path in (predicted, reference) for name in ignored_files(path)]
    if ignored:
        note = f"not read, as other files beside it are called NAME_gt ({len(ignored)} files in all)"
        summary = replace(summary, notes={**summary.notes, note: tuple(ignored[:_SHOWN])})
    rows = [row for result in results for row in result.rows]
    failures = alone | {name: error.reason for name, error in broken.items()}
    command = command_line(
        "evaluate masks",
        predicted,
        reference,
        "-o",
        output,
        classes=",".join(f"{label}={name}" for label, name in (classes or {}).items()) or None,
        objects=objects,
        split=split,
        spacing_from=reading.spacing_from,
    )
    masks = f"{summary.pairs} predicted mask{'' if summary.pairs == 1 else 's'}"
    with new_folder(output, force=force) as folder:
        publish(
            result_of(summary, rows, patient_names(results), failures),
            folder,
            title=f"Masks of {predicted.name} compared with {reference.name}",
            task="evaluate masks",
            lead=f"{masks} of {summary.words} against their references.",
            made=made(command, 1, {} if cavity is None else {"LV cavity": f"label {cavity}"}),
        )
    return MaskEvaluation(output, output / PAGE, summary, failed)


def lines(result: MaskEvaluation) -> list[str]:
    """The result for the terminal: overlap, the left ventricle, each patient where there are few."""
    summary = result.results
    tables = [*summary.overlap_tables, *summary.pumping_tables]
    shown = [line for table in tables for line in plain_text(table, _WIDTH).splitlines()]
    shown += [f"warning: {some(cases)}: {what}" for what, cases in summary.warnings.items()]
    shown += [f"note: {', '.join(cases)}: {note}" for note, cases in summary.notes.items()]
    shown += [f"failed: {failure['error']}" for failure in result.failed]
    return [*shown, f"open {result.report}"]


def _pairs(
    predicted: Path, reference: Path, split: str | None, reading: Reading
) -> tuple[Sequence[Pair], dict[str, str]]:
    """Pairs of the split, and its masks without a counterpart: title -> reason."""
    wanted = find_masks(reference, reading)
    pairs, alone = match_masks(find_masks(predicted, reading), wanted)
    if split is None:
        return pairs, alone
    if not is_manifest(reference):
        raise UsageError("only a manifest knows splits", where="--split", fix="name a manifest as REFERENCE")
    inside = {mask.title for mask in wanted if mask.split == split}
    if not inside:
        known = ", ".join(sorted({mask.split for mask in wanted if mask.split})) or "no splits"
        raise UsageError(f"no mask of a case in split {split!r}", where="--split", fix=f"the manifest has {known}")
    outside = {mask.title for mask in wanted if mask.split != split}
    alone = {title: why for title, why in alone.items() if title in inside or title not in outside}
    return [pair for pair in pairs if pair.reference.split == split], alone


def _measure(
    pairs: Sequence[Pair], classes: Mapping[int, str], values: Literal["classes", "objects"], progress: Progress
) -> tuple[list[PairResult], dict[str, VesaliusError]]:
    """Results of the pairs, and the errors of those that could not be measured."""
    results: list[PairResult] = []
    broken: dict[str, VesaliusError] = {}
    for number, pair in enumerate(pairs, start=1):
        title = pair.reference.title
        progress(f"{number} of {len(pairs)}: {title}" + (f", {len(broken)} failed so far" if broken else ""))
        try:
            results.append(measure_pair(pair, classes, values))
        except VesaliusError as error:
            broken[title] = error
    return results, broken
