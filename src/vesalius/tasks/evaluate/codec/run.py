"""`evaluate codec` from start to end.

Each finished study is kept as `measured/NAME.json`, so that a rerun into the same folder goes on where an earlier one
was stopped or failed. The folder then receives `figures/`, `table.csv`, `summary.json` and `report.html`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

import vesalius
from vesalius.errors import OutputError, UsageError, VesaliusError
from vesalius.files import regular
from vesalius.output import alone, new_file, refuse_existing, refuse_odd
from vesalius.report.html import run_report
from vesalius.report.made import made
from vesalius.report.page import FIGURES, PAGE, SUMMARY, TABLE, Made, load_report
from vesalius.report.table import plain_text, write_csv
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.evaluate.codec.adapter import Codec, VslCodec
from vesalius.tasks.evaluate.codec.page import DEFINITIONS, JUDGE_DEFINITIONS, build_report
from vesalius.tasks.evaluate.codec.pictures import slug
from vesalius.tasks.evaluate.codec.results import COLUMNS, StudyResult, judge_columns
from vesalius.tasks.evaluate.codec.studies import Study, find_studies
from vesalius.tasks.evaluate.codec.study import EvaluationPlan, evaluate_study
from vesalius.tasks.evaluate.codec.summary import Summary, summarise
from vesalius.tasks.evaluate.codec.tables import (
    claims_table,
    delta_rate_table,
    judge_table,
    lossless_table,
    orientation_table,
    originals_table,
)
from vesalius.wording import some

if TYPE_CHECKING:
    from vesalius.tasks.evaluate.codec.judge import Judge

CODERS = ("svtav1", "x265", "jpeg2000", "jpegxl")
LOSSLESS = ("wls", "jpegxl", "jpeg2000", "jpegls", "x265")
POINTS, QUICK_POINTS = 8, 4
_MEASURED = "measured"
_WIDTH = 120


@alone
def evaluate_codec(
    paths: Sequence[Path],
    output: Path,
    *,
    coders: Sequence[str] = CODERS,
    lossless: Sequence[str] = LOSSLESS,
    points: int = POINTS,
    judge: str | Path | None = None,
    reading: Reading = AS_STATED,
    threads: int | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
    codec: Codec | None = None,
) -> dict[str, Any]:
    """Compare coders on every study at `paths` and write a report.

    Args:
        paths: folders of patients (ACDC layout, or anything `inspect` opens) and files.
        output: folder to write.
        coders: lossy coders, in the order of the tables.
        lossless: coders for lossless files; may be empty.
        points: steps of each coder's ladder measured per study (QUICK_POINTS for a first look).
        judge: segmentation model (folder, run folder or name of the zoo) that measures Dice and EF before and after.
        reading: choices where the files leave some open.
        threads: chunks coded at a time; all processors by default.
        force: begin anew in a folder that holds an evaluation.
        progress: called with one line per step.
        codec: what is evaluated; `.vsl` files by default.

    Returns:
        {"path", "report", "results", "failed": [{"path", "error"}]}; "results" is a `Summary` as JSON.

    Raises:
        UsageError: no study could be measured, no such coder, or too few points.
        InputError: no such judge, or it takes several images.
        OutputError: the folder exists with other content, or cannot be written.
    """
    codec = codec or VslCodec()
    if points < 2:
        raise UsageError(f"{points} points make no curve", where="--points", fix="take at least 2")
    for coder in coders:
        codec.ladder(coder)
    studies = find_studies(paths, reading)
    plan = EvaluationPlan(tuple(coders), tuple(lossless), points, threads or os.cpu_count() or 1, _judge(judge))
    run = _Run(output, codec, plan, progress)
    run.prepare(force)
    results, failed = run.measure(studies)
    if not results:
        first = next(iter(failed.values()))
        raise UsageError(f"no study could be measured; the first: {first}", fix="see vesalius inspect")
    return run.finish(results, failed, _made(paths, plan, output))


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people: the orientation, BD-rate, claims and lossless tables with their definitions."""
    summary = Summary.model_validate(result["results"])
    tables = [
        table
        for one in summary.data_sets
        for table in (orientation_table(one), delta_rate_table(one), claims_table(one))
        if table.rows
    ]
    judged = [one for one in summary.data_sets if one.judge is not None]
    tables += [table for one in judged for table in (originals_table(one), judge_table(one))]
    shown = [line for table in (*tables, lossless_table(summary)) for line in plain_text(table, _WIDTH).splitlines()]
    words = ("Peak", "Ratio", "Heart region", "At a ratio, at a PSNR", "BD-rate", "Milliseconds per frame")
    shown += [f"{word}: {DEFINITIONS[word]}" for word in words]
    warnings = [pair for one in judged if one.judge for pair in one.judge.warnings.items()]
    shown += [f"warning: {some(names)}: {warning}" for warning, names in warnings]
    shown += [f"{word}: {text}" for word, text in (JUDGE_DEFINITIONS if judged else {}).items()]
    shown += [f"failed: {one['error']}" for one in result["failed"]]
    return [*shown, f"open {result['report']}"]


@dataclass(frozen=True)
class _Run:
    """One evaluation into one folder."""

    output: Path
    codec: Codec
    plan: EvaluationPlan
    progress: Callable[[str], None]

    @property
    def figures(self) -> Path:
        return self.output / FIGURES

    def prepare(self, force: bool) -> None:
        """Take the folder: empty, begun and not finished, or any evaluation under `force`."""
        refuse_odd(self.output)
        if not (force or self._is_unfinished()):
            refuse_existing(self.output)
        try:
            if force and self.output.is_dir():
                self._clear()
            for folder in (self.output / _MEASURED, self.figures):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError("no folder can be made there", where=self.output, fix="choose another") from error

    def measure(self, studies: Iterable[Study]) -> tuple[list[StudyResult], dict[str, VesaliusError]]:
        """Results of all studies that could be measured, and the others with their errors."""
        results: list[StudyResult] = []
        failed: dict[str, VesaliusError] = {}
        pictured: set[str] = set()
        for study in studies:
            try:
                results.append(self._one(study, draw=study.data_set not in pictured))
                pictured.add(study.data_set)
            except VesaliusError as error:
                failed[f"{study.data_set}/{study.name}"] = error
                self.progress(f"{study.data_set}/{study.name}: failed, see the end")
        return results, failed

    def finish(self, results: list[StudyResult], failed: dict[str, VesaliusError], made: Made) -> dict[str, Any]:
        """Write table, summary and page; in these, a failure is told without the path of its file."""
        summary = summarise(results)
        report = build_report(results, summary, made, self.figures)
        report.failures = {name: error.reason for name, error in failed.items()}
        columns = (*COLUMNS, *judge_columns(one.judged for one in results))
        write_csv(self.output / TABLE, [row for one in results for row in one.rows()], columns)
        report.save(self.output)
        page = run_report(self.output)
        told = [{"path": name, "error": str(error)} for name, error in failed.items()]
        return {"path": str(self.output), "report": str(page), "results": report.results, "failed": told}

    def _clear(self) -> None:
        """Remove what an earlier evaluation wrote, and nothing else."""
        for name in (_MEASURED, FIGURES):
            shutil.rmtree(self.output / name, ignore_errors=True)
        for name in (SUMMARY, TABLE, PAGE):
            (self.output / name).unlink(missing_ok=True)

    def _one(self, study: Study, *, draw: bool) -> StudyResult:
        kept = self.output / _MEASURED / f"{slug(study.data_set)}-{slug(study.name)}.json"
        asked: dict[str, Any] = {
            "vesalius": vesalius.__version__,
            "study": [study.data_set, study.name],
            "coders": list(self.plan.coders),
            "lossless": list(self.plan.lossless),
            "points": self.plan.points,
            "source_bytes": study.source_bytes,
            **study.reading.stated(),
        }
        if self.plan.judge is not None:
            asked["judge"] = self.plan.judge.key
        earlier = _earlier(kept, asked)
        if earlier is not None and all((self.figures / one.file).exists() for one in earlier.pictures):
            self.progress(f"{study.data_set}/{study.name}: measured before")
            return earlier
        result = evaluate_study(study, self.codec, self.plan, self.progress, self.figures if draw else None)
        with new_file(kept, force=True) as part:
            found = {"asked": asked, "result": json.loads(result.model_dump_json())}  # infinities as strings
            part.write_text(json.dumps(found, indent=1, allow_nan=False), encoding="utf-8")
        return result

    def _is_unfinished(self) -> bool:
        """True for a folder in which an evaluation was begun and either stopped or left failures."""
        if not (self.output / _MEASURED).is_dir():
            return False
        if not (self.output / SUMMARY).exists():
            return True
        return bool(load_report(self.output).failures)


def _earlier(path: Path, asked: dict[str, Any]) -> StudyResult | None:
    """The result of an earlier run that was asked for the same, or None."""
    try:
        found = json.loads(regular(path).read_text(encoding="utf-8"))
        return StudyResult.model_validate(found["result"]) if found["asked"] == asked else None
    except (OSError, ValueError, RecursionError, KeyError, TypeError, ValidationError):
        return None


def _judge(name: str | Path | None) -> Judge | None:
    """The judge; nothing of it is imported where none is asked."""
    if name is None:
        return None
    from vesalius.tasks.evaluate.codec.judge import Judge

    return Judge.load(name)


def _made(paths: Sequence[Path], plan: EvaluationPlan, output: Path) -> Made:
    """How it was made; folders by their last name only, so that no path of this machine is told."""
    words = ["vesalius evaluate codec", *(path.resolve().name or "." for path in paths), "-o", output.name]
    words += ["--coders", ",".join(plan.coders)]
    facts = {"Points": f"about {plan.points} of each coder's ladder per study"}
    if plan.judge is not None:
        words += ["--judge", plan.judge.name]
        facts["Judge"] = f"{plan.judge.name}, weights {plan.judge.digest[:12]}"
    return made(" ".join(words), plan.threads, facts)
