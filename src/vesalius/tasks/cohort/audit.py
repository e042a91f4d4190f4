"""Audit a manifest, and write the findings as a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vesalius.arguments import PathLike, checked
from vesalius.cohort.audit.finding import LEVELS
from vesalius.cohort.audit.run import Audit, audit
from vesalius.cohort.manifest import read_lines
from vesalius.json_values import as_json
from vesalius.output import new_folder, refuse_existing
from vesalius.tasks.cohort.counts import count_lines, split_table
from vesalius.tasks.cohort.places import places_figure
from vesalius.wording import Progress, quiet

_PLACES = "regions.png"


@dataclass(frozen=True)
class AuditedCohort(Audit):
    """Result of `audit_cohort`: an audit, and what it is of.

    Args:
        manifest: path of the manifest.
        cases: number of cases.
        failed: number of errors.
        report: path of the report, None where none was written.
    """

    manifest: Path
    cases: int
    failed: int
    report: Path | None


@checked
def audit_cohort(
    manifest: PathLike,
    output: PathLike | None = None,
    *,
    pixels: bool = True,
    workers: int = 1,
    force: bool = False,
    progress: Progress = quiet,
) -> AuditedCohort:
    """Find leaks, duplicates, damaged files and contradictions in a cohort.

    Args:
        manifest: `.jsonl` or `.csv`.
        output: folder for summary.json, table.csv and report.html, or None.
        pixels: False reads the manifest only.
        workers: cases read at the same time.
        force: replace an existing folder.
        progress: callback that receives a line now and then.

    Raises:
        InputError: the manifest cannot be read.
        OutputError: the folder exists or cannot be written.
    """
    manifest = Path(manifest)
    output = None if output is None else Path(output)
    if output is not None:
        refuse_existing(output, force=force)
    cohort, bad = read_lines(manifest)
    result = audit(cohort, bad, pixels=pixels, workers=workers, progress=progress)
    if output is not None:
        with new_folder(output, force=force) as folder:
            _write_report(result, folder, manifest.name, workers, places_figure(cohort) if pixels else None, pixels)
    return AuditedCohort(
        **vars(result),
        manifest=manifest,
        cases=len(cohort),
        failed=result.count("error"),
        report=None if output is None else output / "report.html",
    )


def lines(result: AuditedCohort) -> Iterator[str]:
    """Yield the result for people."""
    yield from map(str, result.findings)
    read = f"{result.looked} read" if result.looked else "pixels not read"
    yield f"{result.cases} cases ({read}): {_counts(result)}"
    yield from count_lines(result.parts)
    if result.report is not None:
        yield str(result.report)


def _counts(audit: Audit) -> str:
    return ", ".join(f"{audit.count(level)} {level}(s)" for level in LEVELS)


def _write_report(audit: Audit, folder: Path, name: str, workers: int, places: bytes | None, pixels: bool) -> None:
    from vesalius.report.page import Column
    from vesalius.report.publish import command_line, made, publish
    from vesalius.report.result import Result

    whole = audit.parts[0]
    result = Result(
        results={"parts": as_json(audit.parts), "counts": {level: audit.count(level) for level in LEVELS}},
        columns=("level", "code", "text", "cases"),
        rows=[{"level": f.level, "code": f.code, "text": f.text, "cases": " ".join(f.cases)} for f in audit.findings],
    )
    problems, warnings = audit.count("error"), audit.count("warning")
    read = f"{whole.cases} cases, {audit.looked} of them read voxel by voxel"
    if problems:
        result.judge(f"{_counts(audit)} in {read}", "bad")
    elif warnings:
        result.judge(f"No error, but {_counts(audit)} in {read}", "neutral")
    else:
        result.judge(f"No problem in {read}", "good" if audit.looked else "neutral")
    findings = result.section("Findings")
    if audit.findings:
        columns = [Column(name="level"), Column(name="kind"), Column(name="what")]
        findings.table(columns, [[f.level, f.code, f.text] for f in audit.findings])
    else:
        findings.text("No problem was found.")
    table = split_table(audit.parts)
    caption = "Positive cases among those with a known label." if whole.positives else ""
    result.section("Splits").table(table.columns, table.rows, caption)
    if places is not None:
        result.figures[_PLACES] = places
        caption = "Each rectangle is a case; a few pictures, evenly chosen."
        result.section("Regions").figure(_PLACES, caption, "pictures with the regions that are cases")
    publish(
        result,
        folder,
        title=f"Audit of {name}",
        task="cohort audit",
        lead="Cases are named by their ids, patients never.",
        made=made(command_line("cohort audit", name, no_pixels=not pixels), workers),
    )
