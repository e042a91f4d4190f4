"""Write a result into a folder: figures, `table.csv`, `summary.json` and `report.html`."""

from __future__ import annotations

from pathlib import Path

from vesalius.output import new_file
from vesalius.report.html import run_report
from vesalius.report.page import FIGURES, TABLE, Made, Report, write_figure
from vesalius.report.result import Result
from vesalius.report.table import write_csv


def publish(result: Result, folder: Path, *, title: str, task: str, lead: str, made: Made) -> Path:
    """Write a result for people and programs, in place of older files of the same names.

    Args:
        result: the result.
        folder: an existing folder.
        title: heading of the page.
        task: the command, e.g. "evaluate codec".
        lead: one paragraph that introduces the report.
        made: provenance, see `report.made`.

    Returns:
        The path of `report.html`.

    Raises:
        OutputError: a file cannot be written.
        InputError: a section shows a figure that is neither in the result nor in the folder.
    """
    for name, png in result.figures.items():
        write_figure(folder / FIGURES / name, png)
    for name, write in result.files.items():
        with new_file(folder / name, force=True) as part:
            write(part)
    if result.columns:
        write_csv(folder / TABLE, result.rows, result.columns)
    report = Report(
        title=title,
        task=task,
        lead=lead,
        sections=result.sections,
        made=made,
        results=result.results,
        failures=result.failures,
    )
    report.save(folder)
    return run_report(folder)
