"""`evaluate masks` from start to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from vesalius.errors import UsageError, VesaliusError
from vesalius.output import new_folder, refuse_existing
from vesalius.report.html import run_report
from vesalius.report.made import made
from vesalius.report.masks import COLUMNS, csv_rows
from vesalius.report.page import FIGURES, PAGE, TABLE, Made
from vesalius.report.table import plain_text, write_csv
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.evaluate.masks.classes import lv_label
from vesalius.tasks.evaluate.masks.find import Mask, find_masks, is_manifest, passed_over
from vesalius.tasks.evaluate.masks.match import Pair, match_masks
from vesalius.tasks.evaluate.masks.measure import PairResult, measure_pair
from vesalius.tasks.evaluate.masks.page import build_report
from vesalius.tasks.evaluate.masks.pump import beats
from vesalius.tasks.evaluate.masks.summary import MaskSummary, patient_names, summarise
from vesalius.wording import some

_WIDTH = 120
_SHOWN = 5


def evaluate_masks(
    predicted: Path,
    reference: Path,
    output: Path,
    *,
    classes: Mapping[int, str] | None = None,
    lv: int | None = None,
    split: str | None = None,
    reading: Reading = AS_STATED,
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure predicted label masks against reference masks and write a report.

    Args:
        predicted: a mask, a folder of masks, or a manifest whose cases have masks.
        reference: the same. Masks belong together by file name, or by case and mask in a manifest.
        output: folder to write.
        classes: label -> name; only these are measured. By default all labels but 0, called by their numbers.
        lv: label of the LV cavity, for EDV, ESV and EF; by default the class called LV.
        split: only cases of this split of the reference manifest.
        reading: choices where the files, and a manifest that names them, leave some open.
        force: replace an earlier evaluation.
        progress: called with one line per mask.

    Returns:
        {"path", "report", "results", "failed": [{"path", "error"}]}; "results" is a `Summary` as JSON. Masks without
        a counterpart are among the failed.

    Raises:
        UsageError: no pair could be measured, or an option cannot be met.
        InputError: a path holds no masks.
        OutputError: the folder exists or cannot be written.
    """
    names = dict(classes or {})
    cavity = lv_label(names, lv)
    refuse_existing(output, force=force)
    pairs, alone = _pairs(predicted, reference, split, reading)
    results, broken = _measure(pairs, names, progress)
    told = [{"path": name, "error": f"{name}: {why}"} for name, why in alone.items()]
    told += [{"path": name, "error": str(error)} for name, error in broken.items()]
    if not results:
        what = f"no mask could be measured; the first of {len(told)} failures: {told[0]['error']}"
        raise UsageError(what)
    summary = summarise(results, *(beats(results, cavity) if cavity else ([], {})))
    left_out = [name for path in (predicted, reference) for name in passed_over(path)]
    if left_out:
        note = f"not read, as other files beside it are called NAME_gt ({len(left_out)} files in all)"
        summary = replace(summary, notes={**summary.notes, note: tuple(left_out[:_SHOWN])})
    rows = [row for one in results for row in one.rows]
    with new_folder(output, force=force) as folder:
        (folder / FIGURES).mkdir()
        report = build_report(
            summary, rows, _made(predicted, reference, output, names, cavity, split, reading), folder / FIGURES
        )
        report.failures = alone | {name: error.reason for name, error in broken.items()}
        write_csv(folder / TABLE, csv_rows(rows, patient_names(results)), COLUMNS)
        report.save(folder)
        run_report(folder)
    return {"path": str(output), "report": str(output / PAGE), "results": report.results, "failed": told}


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people: overlap, the left ventricle, each patient where there are few."""
    summary = TypeAdapter(MaskSummary).validate_python(result["results"])
    tables = [*summary.overlap_tables, *summary.pumping_tables]
    shown = [line for table in tables for line in plain_text(table, _WIDTH).splitlines()]
    shown += [f"warning: {some(cases)}: {what}" for what, cases in summary.warnings.items()]
    shown += [f"note: {', '.join(cases)}: {note}" for note, cases in summary.notes.items()]
    shown += [f"failed: {one['error']}" for one in result["failed"]]
    return [*shown, f"open {result['report']}"]


def _pairs(
    predicted: Path, reference: Path, split: str | None, reading: Reading
) -> tuple[Sequence[Pair], dict[str, str]]:
    """Pairs of the split and what is alone in it."""
    wanted = find_masks(reference, reading)
    offered = find_masks(predicted, reading)
    matched = match_masks(offered, wanted)
    if split is None:
        return matched.pairs, matched.alone
    if not is_manifest(reference):
        raise UsageError("only a manifest knows splits", where="--split", fix="name a manifest as REFERENCE")
    outside = _titles(wanted, lambda mask: mask.split != split)
    if len(outside) == len(_titles(wanted, lambda _: True)):
        known = ", ".join(sorted({mask.split for mask in wanted if mask.split})) or "no splits"
        raise UsageError(f"no mask of a case in split {split!r}", where="--split", fix=f"the manifest has {known}")
    inside = _titles(wanted, lambda mask: mask.split == split)
    alone = {title: why for title, why in matched.alone.items() if title in inside or title not in outside}
    return [pair for pair in matched.pairs if pair.reference.split == split], alone


def _titles(masks: Sequence[Mask], keep: Callable[[Mask], bool]) -> set[str]:
    return {mask.title for mask in masks if keep(mask)}


def _measure(
    pairs: Sequence[Pair], classes: Mapping[int, str], progress: Callable[[str], None]
) -> tuple[list[PairResult], dict[str, VesaliusError]]:
    """Results of the pairs that could be measured, and the others with their errors."""
    results: list[PairResult] = []
    broken: dict[str, VesaliusError] = {}
    for number, pair in enumerate(pairs, start=1):
        title = pair.reference.title
        progress(f"{number} of {len(pairs)}: {title}" + (f", {len(broken)} failed so far" if broken else ""))
        try:
            results.append(measure_pair(pair, classes))
        except VesaliusError as error:
            broken[title] = error
    return results, broken


def _made(
    predicted: Path,
    reference: Path,
    output: Path,
    classes: Mapping[int, str],
    lv: int | None,
    split: str | None,
    reading: Reading,
) -> Made:
    """How it was made; paths by their last name only, so that no path of this machine is told."""
    words = ["vesalius evaluate masks", *(path.resolve().name or "." for path in (predicted, reference))]
    words += ["-o", output.name]
    if classes:
        words += ["--classes", ",".join(f"{label}={name}" for label, name in classes.items())]
    if split is not None:
        words += ["--split", split]
    if reading.spacing_from is not None:
        words += ["--spacing-from", reading.spacing_from]
    facts = {"LV cavity": f"label {lv}"} if lv is not None else {}
    return made(" ".join(words), 1, facts)
