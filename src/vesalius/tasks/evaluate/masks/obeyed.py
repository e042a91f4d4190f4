"""`evaluate masks --generated`: does a judge find the masks in the pictures that were made from them?

Beside the judge's Dice on generated pictures stands its ceiling, the same on real pictures; their ratio is what the
generator keeps of a mask. A ratio above 1 means that generated structures are easier to find than real ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.arguments import PathLike, checked
from vesalius.csv_table import Cell
from vesalius.errors import VesaliusError
from vesalius.metrics.bootstrap import Rows, with_intervals
from vesalius.metrics.picture_error import grade
from vesalius.output import new_folder, refuse_existing
from vesalius.report.contact import Tile, contact_sheet
from vesalius.report.page import PAGE, Column, ReportTable
from vesalius.report.publish import command_line, made, publish
from vesalius.report.result import Result
from vesalius.report.table import NOTHING, fixed, plain_text
from vesalius.report.verdict import Verdict, with_interval
from vesalius.seeding import shuffled
from vesalius.tasks.evaluate.images.pictures import ALL, Side, read_side, sides_of, usual_size
from vesalius.tasks.evaluate.masks.structure import Obeyed, StructureJudge, judge_side
from vesalius.tasks.evaluate.masks.structure_options import StructureOptions
from vesalius.wording import Progress, quiet

_WIDTH = 120
_COLUMNS = ("side", "case", "group", "class", "dice", "iou")
_SHEET, _SHOWN = "masks.png", 4
_SIDES = ("generated", "real")
DEFINITIONS = {
    "Dice, IoU": "2 |A and B| / (|A| + |B|) and |A and B| / |A or B| of the mask that a picture was made from and "
    "the mask that the judge finds in it, at the size of the generated pictures. A class that both lack is left out.",
    "Ceiling": "The same of real pictures, brought to the same size, and the masks that readers drew: the judge is not "
    "perfect, and no generated picture need be better than that. Where real pictures are the sources of the generated "
    "ones, only those are taken.",
    "Ratio": "Mean Dice of generated pictures over that of real ones. Above 1: generated structures are easier to "
    "find.",
    "Interval": "95 % percentile bootstrap over sources (the patient, or the real picture whose mask was used); both "
    "sides share the draws. None with fewer than ten sources.",
    "In words": "Excellent from 0.9 (IoU 0.8), good from 0.7 (0.5), acceptable from 0.5 (0.3), else poor. A "
    "convention; the ceiling says more.",
}


@dataclass(frozen=True)
class StructureEvaluation:
    """Result of `evaluate_structure`.

    Args:
        path: the folder written.
        report: its page.
        results: the measures.
        failed: {"path", "error"} of each picture that was not judged.
    """

    path: Path
    report: Path
    results: dict[str, Any]
    failed: list[dict[str, str]]


@checked
def evaluate_structure(
    options: StructureOptions,
    output: PathLike,
    *,
    split: str | None = None,
    device: str = "cpu",
    force: bool = False,
    progress: Progress = quiet,
) -> StructureEvaluation:
    """Judge generated pictures by their masks and write a report.

    Args:
        options: generated and real pictures, and the judge.
        output: folder to write.
        split: only this split of the real pictures.
        device: where the judge runs.
        force: replace an earlier evaluation.
        progress: called with a line now and then.

    Raises:
        InputError: a manifest that cannot be read, or no such judge.
        UsageError: no picture could be judged, or an option cannot be met.
        OutputError: the folder exists or cannot be written.
    """
    output = Path(output)
    assert options.generated is not None
    assert options.real is not None
    refuse_existing(output, force=force)
    judge = StructureJudge.quick(options.quick) if options.quick else StructureJudge.load(str(options.judge), device)
    made_side, real_side = sides_of(
        read_side("generated", options.generated), read_side("real", options.real, split), None, options.by
    )
    real_side, note = _sources_only(made_side, real_side)
    size = usual_size(made_side.cohort)
    seen_at = options.judge_size or size
    judged: list[Obeyed] = []
    failed: dict[str, VesaliusError] = {}
    for name, side in zip(_SIDES, (made_side, real_side), strict=True):
        pictures, missing = judge_side(side, name, judge, size, seen_at, progress)
        judged += pictures
        failed |= {f"{name} {case}": error for case, error in missing.items()}
    results = {
        "judge": {"name": judge.name, "digest": judge.digest or None, "about": judge.about, "limits": judge.caveats},
        "size": list(size),
        "judge_size": list(seen_at),
        "notes": [note, *made_side.cohort.notes, *real_side.cohort.notes],
        "groups": _groups(judged, judge.classes),
    }
    failures = {name: error.reason for name, error in failed.items()}
    command = command_line(
        "evaluate masks",
        "-o",
        output,
        generated=options.generated,
        real=options.real,
        judge=None if options.judge is None else Path(options.judge).name,
        quick=options.quick,
        split=split,
        by=options.by,
        judge_size=None if options.judge_size is None else ",".join(map(str, options.judge_size)),
    )
    counts = " and ".join(f"{sum(each.side == name for each in judged)} {name}" for name in _SIDES)
    with new_folder(output, force=force) as folder:
        publish(
            _page(results, judged, failures),
            folder,
            title=f"Do generated pictures follow their masks? {options.generated.name} judged by {judge.name}",
            task="evaluate masks",
            lead=f"{counts} pictures; the judge finds the masks again.",
            made=made(command, 1, {"Judge": f"{judge.name} {judge.digest}".rstrip()}),
        )
    listed = [{"path": name, "error": f"{name}: {why}"} for name, why in failures.items()]
    return StructureEvaluation(output, output / PAGE, results, listed)


def lines(result: StructureEvaluation) -> list[str]:
    """Return the result for the terminal."""
    shown = plain_text(ratio_table(result.results["groups"]), _WIDTH).splitlines()
    shown.append(f"judge: {result.results['judge']['about']}")
    shown += [f"note: {note}" for note in result.results["notes"]]
    shown += [f"failed: {failure['error']}" for failure in result.failed]
    return [*shown, f"open {result.report}"]


def ratio_table(groups: Mapping[str, Mapping[str, Any]]) -> ReportTable:
    """Return Dice and IoU of each group and class beside the ceiling."""
    names = ("pictures", "Dice", "sd", "range", "ceiling", "ratio", "95 % interval", "IoU", "ceiling")
    rows = []
    for group, classes in groups.items():
        for name, each in classes.items():
            made_dice, real_dice = each["dice"]["generated"], each["dice"]["real"]
            ratio = each["dice"]["ratio"]
            ends, reach = ratio["interval"], made_dice["range"]
            cells = [f"{made_dice['pictures']} / {real_dice['pictures']}", fixed(made_dice["mean"], 3)]
            cells += [fixed(made_dice["sd"], 3), f"{reach[0]:.3f} to {reach[1]:.3f}" if reach else NOTHING]
            cells += [fixed(real_dice["mean"], 3), fixed(ratio["value"], 3)]
            cells.append(f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else NOTHING)
            cells += [fixed(each["iou"][side]["mean"], 3) for side in _SIDES]
            rows.append([group, name, *cells, made_dice["grade"] or ""])
    columns = [Column(name="group"), Column(name="class"), *(Column(name=name, numeric=True) for name in names)]
    caption = "Masks found in generated pictures, and in real ones (ceiling). Pictures: generated / real."
    return ReportTable(columns=[*columns, Column(name="in words")], rows=rows, caption=caption)


def _sources_only(made_side: Side, real_side: Side) -> tuple[Side, str]:
    """Return the real side, only the sources of the generated pictures where it has any, and a note which."""
    used = set(made_side.sources.values())
    shared = {case for case, source in real_side.sources.items() if source in used}
    if not shared:
        return (
            real_side,
            "the real pictures are not the sources of the generated ones: ceiling and Dice are of other masks",
        )
    cohort = real_side.cohort.where(lambda case: case.id in shared)
    return (
        Side(real_side.name, cohort, real_side.sources, real_side.groups),
        f"the ceiling is that of the {len(shared)} real pictures whose masks were used",
    )


def _groups(judged: Sequence[Obeyed], classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    names = sorted({each.group for each in judged if each.side == "generated"} - {ALL})
    return {
        group: {name: _class([each for each in judged if group in (ALL, each.group)], name) for name in classes}
        for group in [ALL, *names]
    }


def _class(judged: Sequence[Obeyed], name: str) -> dict[str, Any]:
    """Return the measures of a class in the pictures of a group."""
    is_made = np.array([each.side == "generated" for each in judged], bool)
    results: dict[str, Any] = {}
    for measure in ("dice", "iou"):
        values = np.array([getattr(each, measure)[name] for each in judged])

        def ratio(rows: Rows, values: NDArray[np.float64] = values) -> list[float]:
            made_mean, real_mean = (_mean(values[rows][is_made[rows] == side]) for side in (True, False))
            return [made_mean / real_mean if real_mean > 0 else math.nan]

        results[measure] = {side: _spread(values[is_made == (side == "generated")], measure) for side in _SIDES} | {
            "ratio": with_intervals(ratio, [each.source for each in judged])[0]
        }
    return results


def _spread(values: NDArray[np.float64], measure: str) -> dict[str, Any]:
    finite = values[np.isfinite(values)]
    mean = float(finite.mean()) if finite.size else None
    return {
        "pictures": int(finite.size),
        "mean": mean,
        "sd": float(finite.std(ddof=1)) if finite.size > 1 else None,
        "range": [float(finite.min()), float(finite.max())] if finite.size else None,
        "grade": None if mean is None else grade(measure, mean),
    }


def _mean(values: NDArray[np.float64]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan


def _page(results: dict[str, Any], judged: Sequence[Obeyed], failures: Mapping[str, str]) -> Result:
    rows: list[dict[str, Cell]] = [
        {"side": each.side, "case": each.case, "group": each.group, "class": name, "dice": value, "iou": each.iou[name]}
        for each in judged
        for name, value in each.dice.items()
        if math.isfinite(value)
    ]
    result = Result(results=results, rows=rows, columns=_COLUMNS, failures=dict(failures))
    result.verdict = _verdict(results)
    section = result.section("Masks kept")
    section.text(results["judge"]["about"], "note" if results["judge"]["digest"] else "warning")
    for limit in results["judge"]["limits"]:
        section.text(f"Limit of the judge: {limit}", "note")
    result.figures[_SHEET] = _sheet(judged)
    words = "Generated pictures: the worst by Dice in the first rows, then some by chance. Mask asked for, mask found."
    section.figure(_SHEET, words, words)
    table = ratio_table(results["groups"])
    section.table(table.columns, table.rows, table.caption)
    notes = result.section("Notes")
    for note in results["notes"]:
        notes.text(f"{note}.", "note")
    result.section("Definitions").definitions(DEFINITIONS)
    return result


def _verdict(results: Mapping[str, Any]) -> Verdict:
    """The class that keeps the least of its ceiling, in one line."""
    ratios = {
        name: (each["dice"]["ratio"], each["dice"]["generated"]["mean"])
        for name, each in results["groups"][ALL].items()
    }
    known = {name: pair for name, pair in ratios.items() if pair[0]["value"] is not None}
    if not known:
        return Verdict(words="No mask could be compared with its ceiling")
    name, (ratio, dice) = min(known.items(), key=lambda item: item[1][0]["value"])
    worst = "" if len(known) == 1 else ", the lowest of the classes"
    kept = with_interval(ratio["value"], ratio["interval"])
    return Verdict(words=f"{name}: Dice {dice:.2f}, {kept} of what the judge reaches on real pictures{worst}")


def _sheet(judged: Sequence[Obeyed]) -> bytes:
    """Return picture, mask and found mask of some generated pictures."""
    pictures = [each for each in judged if each.side == "generated"]
    order = sorted(range(len(pictures)), key=lambda n: _mean(np.array(list(pictures[n].dice.values()))))
    chance = [int(n) for n in shuffled([str(n) for n in order[_SHOWN:]], "sheet")[:_SHOWN]]
    tiles = []
    for each in (pictures[n] for n in [*order[:_SHOWN], *chance]):
        most = max(1, *(int(mask.max()) for mask in (each.asked, each.found)))
        masks = [(mask.astype(np.int64) * 255 // most).astype(np.uint8) for mask in (each.asked, each.found)]
        overlap = _mean(np.array(list(each.dice.values())))
        name = each.case if len(each.case) <= 18 else f"{each.case[:8]}...{each.case[-7:]}"
        tiles += [Tile(name, each.picture), Tile("asked", masks[0]), Tile(f"found, Dice {fixed(overlap, 2)}", masks[1])]
    return contact_sheet(tiles, 6)
