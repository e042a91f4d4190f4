"""Audit a manifest, and write what was found as a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vesalius.cohort.audit.finding import LEVELS
from vesalius.cohort.audit.run import Audit, audit_manifest
from vesalius.output import new_folder, refuse_existing
from vesalius.tasks.cohort.parts import part_facts, part_lines, split_table


def audit_cohort(
    manifest: Path,
    output: Path | None = None,
    *,
    pixels: bool = True,
    workers: int = 1,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Look for leaks, twins, damaged files and contradictions in a cohort.

    Args:
        manifest: `.jsonl` or `.csv`.
        output: folder for summary.json, table.csv and report.html, or None.
        pixels: False reads the manifest only.
        workers: cases read at the same time.
        force: replace an existing folder.
        progress: told how far it is.

    Returns:
        {"cases", "looked", "findings": [{"level", "code", "text", "cases"}], "parts", "failed": errors}, JSON-able.

    Raises:
        InputError: the manifest cannot be read.
        OutputError: the folder exists or cannot be written.
    """
    if output is not None:
        refuse_existing(output, force=force)
    done = audit_manifest(manifest, pixels=pixels, workers=workers, progress=progress)
    result: dict[str, Any] = {
        "manifest": str(manifest),
        "cases": done.parts[0].cases,
        "looked": done.looked,
        "findings": [
            {"level": one.level, "code": one.code, "text": one.text, "cases": list(one.cases)} for one in done.findings
        ],
        "parts": [part_facts(part) for part in done.parts],
        "failed": done.count("error"),
    }
    if output is not None:
        with new_folder(output, force=force) as folder:
            _write_report(done, folder, manifest.name, workers, pixels)
        result["report"] = str(output / "report.html")
    return result


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    for one in result["findings"]:
        yield f"{one['level']}: {one['code']}: {one['text']}"
    counts = {level: sum(one["level"] == level for one in result["findings"]) for level in LEVELS}
    read = f"{result['looked']} read" if result["looked"] else "pixels not read"
    yield f"{result['cases']} cases ({read}): " + ", ".join(f"{count} {level}(s)" for level, count in counts.items())
    yield from part_lines(result["parts"])
    if "report" in result:
        yield result["report"]


def _write_report(audit: Audit, folder: Path, name: str, workers: int, pixels: bool) -> None:
    from vesalius.report.made import command_line, made
    from vesalius.report.page import Column
    from vesalius.report.publish import publish
    from vesalius.report.result import Result

    whole, facts = audit.parts[0], [part_facts(part) for part in audit.parts]
    result = Result(
        results={"parts": facts, "counts": {level: audit.count(level) for level in LEVELS}},
        columns=("level", "code", "text", "cases"),
        rows=[{"level": f.level, "code": f.code, "text": f.text, "cases": " ".join(f.cases)} for f in audit.findings],
    )
    findings = result.section("Findings")
    if audit.findings:
        columns = [Column(name="level"), Column(name="kind"), Column(name="what")]
        findings.table(columns, [[f.level, f.code, f.text] for f in audit.findings])
    else:
        findings.text("No problem was found.")
    table = split_table(facts)
    caption = "Positive cases of those whose label is known." if whole.positives else ""
    result.section("Splits").table(table.columns, table.rows, caption)
    counts = ", ".join(f"{audit.count(level)} {level}(s)" for level in LEVELS)
    publish(
        result,
        folder,
        title=f"Audit of {name}",
        task="cohort audit",
        lead=f"{whole.cases} cases, {audit.looked} of them read voxel by voxel: {counts}. Cases are named by their "
        "ids, patients never.",
        made=made(command_line("cohort audit", name, no_pixels=not pixels), workers),
    )
