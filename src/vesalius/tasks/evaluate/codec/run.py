"""`evaluate codec` from start to end.

Each finished study is kept as `measured/NAME.json`, so that a rerun into the same folder continues an evaluation that
was stopped or had failures. The folder then receives `figures/`, `table.csv`, `summary.json` and `report.html`.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

import vesalius
from vesalius.arguments import PathLike, Paths, checked, path_list
from vesalius.errors import UsageError, VesaliusError
from vesalius.files import regular
from vesalius.memory import cores
from vesalius.output import alone, claim, new_file
from vesalius.progress import counted
from vesalius.report.page import FIGURES, PAGE, SUMMARY, TABLE, Made, limits_line, load_report
from vesalius.report.publish import command_line, made, publish
from vesalius.report.table import plain_text
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.evaluate.codec.adapter import VslCodec
from vesalius.tasks.evaluate.codec.claims import claims_table
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.evaluate.codec.equal_tables import at_bytes_table, deficit_lines, difference_table, on_disk_table
from vesalius.tasks.evaluate.codec.page import DEFINITIONS, JUDGE_DEFINITIONS, lead, note_lines, show
from vesalius.tasks.evaluate.codec.pictures import slug
from vesalius.tasks.evaluate.codec.results import StudyResult
from vesalius.tasks.evaluate.codec.studies import Study, find_studies
from vesalius.tasks.evaluate.codec.study import evaluate_study
from vesalius.tasks.evaluate.codec.summary import Summary, summarise
from vesalius.tasks.evaluate.codec.tables import (
    delta_rate_table,
    judge_table,
    lossless_table,
    orientation_table,
    originals_table,
    single_note,
    single_table,
)
from vesalius.wording import Progress, quiet, some

if TYPE_CHECKING:
    from vesalius.tasks.evaluate.codec.judge import Judge

_MEASURED = "measured"
_WIDTH = 120


@dataclass(frozen=True)
class CodecEvaluation:
    """An evaluation that was written.

    Args:
        path: the folder.
        report: its page.
        results: the numbers.
        failed: studies that could not be measured, {"path", "error"} each.
        limits: caveats of the judge's model card.
        claims: whether the claims were asked for.
        notes: what the studies are to be read with, e.g. that one was not judged, and why.
    """

    path: str
    report: str
    results: Summary
    failed: list[dict[str, str]]
    limits: tuple[str, ...] = ()
    claims: bool = False
    notes: tuple[str, ...] = ()


@checked
@alone
def evaluate_codec(
    paths: Paths,
    output: PathLike,
    config: CodecEvaluationConfig | None = None,
    *,
    reading: Reading = AS_STATED,
    threads: int | None = None,
    force: bool = False,
    progress: Progress = quiet,
    codec: VslCodec | None = None,
) -> CodecEvaluation:
    """Compare coders on every study at `paths` and write a report.

    Args:
        paths: manifests, folders in a layout that `cohort build` knows, other folders and files.
        output: folder to write.
        config: what is measured; defaults by default.
        reading: choices where the files leave some open.
        threads: chunks coded at a time; all processors by default.
        force: start again in a folder that holds an evaluation.
        progress: called with one line per step.
        codec: what is evaluated; `.vsl` files by default.

    Raises:
        UsageError: no study could be measured, no such coder, or too few points.
        InputError: no such judge, or it takes several images.
        OutputError: the folder exists with other content, or cannot be written.
    """
    paths = path_list(paths)
    output = Path(output)
    config, codec = config or CodecEvaluationConfig(), codec or VslCodec()
    names = [codec.name(coder) for coder in config.coders]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        fix = "name it once" if len(set(config.coders)) < len(config.coders) else "rename a model folder"
        raise UsageError(f"two coders are called {twice[0]}", where="--coders", fix=fix)
    ladders = [codec.ladder(coder) for coder in config.coders]
    if config.points < 2 and any(len(steps) > 1 for steps in ladders):
        raise UsageError(f"{config.points} points make no curve", where="--points", fix="take at least 2")
    studies = find_studies(paths, reading)
    judge = None
    if config.judge is not None:
        from vesalius.tasks.evaluate.codec.judge import Judge  # imports torch

        judge = Judge.load(config.judge)
    run = _Run(output, codec, config, threads or cores(), judge, progress)
    claim(output, force=force, belongs=run.is_unfinished())
    if force:
        run.clear()
    results, failed = run.measure(studies)
    if not results:
        first = next(iter(failed.values()))
        raise UsageError(f"no study could be measured; the first: {first}", fix="see vesalius inspect")
    summary = summarise(results, {(study.data_set, study.name): study.owner for study in studies})
    result = show(results, summary, claims=config.claims)
    result.limits = judge.caveats if judge else ()
    result.failures = {name: error.reason for name, error in failed.items()}
    page = publish(
        result,
        output,
        title=_title(summary),
        task="evaluate codec",
        lead=lead(results, summary),
        made=run.made(paths),
    )
    failures = [{"path": name, "error": str(error)} for name, error in failed.items()]
    return CodecEvaluation(
        str(output),
        str(page),
        summary,
        failures,
        judge.caveats if judge else (),
        config.claims,
        tuple(line for data_set in summary.data_sets for line in note_lines(results, data_set.name)),
    )


def _title(summary: Summary) -> str:
    coders = list(dict.fromkeys(coder.coder for data_set in summary.data_sets for coder in data_set.of("whole")))
    studies = sum(len(data_set.studies) for data_set in summary.data_sets)
    names = ", ".join(data_set.name for data_set in summary.data_sets)
    return f"{some(coders)} compared on {studies} {'study' if studies == 1 else 'studies'} of {names}"


def lines(evaluation: CodecEvaluation) -> list[str]:
    """The result for people: the orientation, BD-rate, claims and lossless tables with their definitions."""
    summary = evaluation.results
    judged = [data_set for data_set in summary.data_sets if data_set.judge is not None]
    tables = [
        make(data_set)
        for data_set in summary.data_sets
        for make in (
            orientation_table,
            single_table,
            *((claims_table,) if evaluation.claims else ()),
            on_disk_table,
            at_bytes_table,
            difference_table,
            delta_rate_table,
        )
    ]
    tables += [make(data_set) for data_set in judged for make in (originals_table, judge_table)]
    tables = [table for table in tables if table.rows]
    text = [line for table in (*tables, lossless_table(summary)) for line in plain_text(table, _WIDTH).splitlines()]
    text += [f"note: {line}" for data_set in summary.data_sets for line in deficit_lines(data_set)]
    text += [f"note: {note}" for data_set in summary.data_sets if (note := single_note(data_set))]
    text += [f"note: {note}" for note in evaluation.notes]
    words = (
        "Peak",
        "Ratio",
        "Heart region",
        "Bytes per frame",
        "At a ratio, at a PSNR",
        "BD-rate",
        "Milliseconds per frame",
    )
    text += [f"{word}: {DEFINITIONS[word]}" for word in words]
    warnings = [pair for data_set in judged if data_set.judge for pair in data_set.judge.warnings.items()]
    text += [f"warning: {some(names)}: {warning}" for warning, names in warnings]
    text += [f"{word}: {definition}" for word, definition in (JUDGE_DEFINITIONS if judged else {}).items()]
    text += [f"failed: {failure['error']}" for failure in evaluation.failed]
    limits = [limits_line(evaluation.limits)] if evaluation.limits else []
    return [*limits, *text, f"open {evaluation.report}"]


@dataclass(frozen=True)
class _Run:
    """One evaluation into one folder."""

    output: Path
    codec: VslCodec
    config: CodecEvaluationConfig
    threads: int
    judge: Judge | None
    progress: Progress

    def measure(self, studies: Sequence[Study]) -> tuple[list[StudyResult], dict[str, VesaliusError]]:
        """Results of all studies that could be measured, and the others with their errors."""
        results: list[StudyResult] = []
        failed: dict[str, VesaliusError] = {}
        pictured: set[str] = set()
        for study in counted(studies, len(studies), "studies"):
            try:
                results.append(self._measure_study(study, draw=study.data_set not in pictured))
                pictured.add(study.data_set)
            except VesaliusError as error:
                failed[f"{study.data_set}/{study.name}"] = error
                self.progress(f"{study.data_set}/{study.name}: failed, see the end")
        return results, failed

    def clear(self) -> None:
        """Remove what an earlier evaluation wrote, and nothing else."""
        for name in (_MEASURED, FIGURES):
            shutil.rmtree(self.output / name, ignore_errors=True)
        for name in (SUMMARY, TABLE, PAGE):
            (self.output / name).unlink(missing_ok=True)

    def is_unfinished(self) -> bool:
        """True for a folder with an evaluation that was stopped or had failures."""
        if not (self.output / _MEASURED).is_dir():
            return False
        return not (self.output / SUMMARY).exists() or bool(load_report(self.output).failures)

    def made(self, paths: Sequence[Path]) -> Made:
        """Provenance: the command, and what the numbers depend on."""
        words: list[str | Path] = [
            *paths,
            "-o",
            self.output,
            "--coders",
            ",".join(map(self.codec.name, self.config.coders)),
            "--points",
            str(self.config.points),
        ]
        facts = {"Points": f"about {self.config.points} of each coder's ladder per study"}
        if self.judge is not None:
            words += ["--judge", self.judge.name]
            facts["Judge"] = f"{self.judge.name}, weights {self.judge.digest[:12]}"
            if self.judge.caveats:
                facts["Caveats of the judge"] = "; ".join(self.judge.caveats)
        return made(command_line("evaluate codec", *words, claims=self.config.claims), self.threads, facts)

    def _measure_study(self, study: Study, *, draw: bool) -> StudyResult:
        kept = self.output / _MEASURED / f"{slug(study.data_set)}-{slug(study.name)}.json"
        key: dict[str, Any] = {
            "vesalius": vesalius.__version__,
            "study": [study.data_set, study.name],
            "coders": [self.codec.key(coder) for coder in self.config.coders],
            "lossless": list(self.config.lossless),
            "points": self.config.points,
            "source_bytes": study.source_bytes,
            **study.reading.stated(),
        }
        if self.judge is not None:
            key["judge"] = self.judge.key
        earlier = _earlier(kept, key)
        if earlier is not None and all((self.output / FIGURES / file).exists() for file in earlier.files):
            self.progress(f"{study.data_set}/{study.name}: measured before")
            return earlier
        result = evaluate_study(
            study,
            self.codec,
            self.config,
            self.progress,
            threads=self.threads,
            judge=self.judge,
            figures=self.output / FIGURES if draw else None,
        )
        with new_file(kept, force=True) as part:
            record = {"asked": key, "result": json.loads(result.model_dump_json())}  # infinities as strings
            part.write_text(json.dumps(record, indent=1, allow_nan=False), encoding="utf-8")
        return result


def _earlier(path: Path, key: dict[str, Any]) -> StudyResult | None:
    """The result of an earlier run with the same key, or None."""
    try:
        record = json.loads(regular(path).read_text(encoding="utf-8"))
        return StudyResult.model_validate(record["result"]) if record["asked"] == key else None
    except (OSError, ValueError, RecursionError, KeyError, TypeError, ValidationError):
        return None
