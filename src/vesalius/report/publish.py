"""Write a result into a folder (figures, `table.csv`, `summary.json`, `report.html`), with its provenance.

Provenance is command, date and versions; no path, host or user of this machine.
"""

from __future__ import annotations

import datetime
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import vesalius
from vesalius.output import new_file
from vesalius.report.page import FIGURES, TABLE, Made, Report, write_figure
from vesalius.report.result import Result
from vesalius.report.table import write_csv
from vesalius.report.web_page import run_report
from vesalius.versions import installed

_PACKAGES = ("numpy", "scipy", "scikit-image", "nibabel", "pydicom", "imagecodecs", "av")


def publish(result: Result, folder: Path, *, title: str, task: str, lead: str, made: Made) -> Path:
    """Write a result for people and programs, in place of older files of the same names.

    Args:
        result: the result.
        folder: an existing folder.
        title: heading of the page.
        task: the command, e.g. "evaluate codec".
        lead: one paragraph that introduces the report.
        made: provenance, see the function `made`.

    Returns:
        The path of `report.html`.

    Raises:
        ValueError: the result has no verdict.
        OutputError: a file cannot be written.
        InputError: a section shows a figure that is neither in the result nor in the folder.
    """
    if result.verdict is None:
        raise ValueError(f"the report {title!r} has no verdict")
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
        verdict=result.verdict.beside(len(result.failures)),
        limits=list(result.limits),
        lead=lead,
        sections=result.sections,
        made=made,
        results=result.results,
        failures=result.failures,
    )
    report.save(folder)
    return run_report(folder)


def made(
    command: str, threads: int, facts: Mapping[str, str] | None = None, packages: Sequence[str] = _PACKAGES
) -> Made:
    """Collect the facts that stand at the end of every report.

    Args:
        command: the command, see `command_line`.
        threads: number of threads.
        facts: further facts that change the numbers.
        packages: libraries whose versions matter.
    """
    versions = {"vesalius": vesalius.__version__, "python": platform.python_version()}
    machine = f"{threads} on {os.cpu_count()} processors, {platform.machine()}, {platform.system()}"
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return Made(
        command=command,
        date=today,
        versions=versions | {name: installed(name) or "unknown" for name in packages},
        facts={"Threads": machine, **(facts or {})},
    )


def command_line(verb: str, *words: str | Path, **options: str | Path | bool | None) -> str:
    """Rebuild the typed command, with paths by their last name only, so that no folder of this machine is shown.

    Args:
        verb: e.g. "evaluate masks".
        words: arguments in their order; of `key=PATH` too, only the last name stays.
        options: name (with _ for -) -> value; None and False are left out, True is a bare flag.

    Example:
        >>> command_line("train", Path("/data/x.yaml"), "-o", Path("/runs/a"), "data.manifest=/data/m.jsonl")
        'vesalius train x.yaml -o a data.manifest=m.jsonl'
    """
    shown = ["vesalius", verb, *map(_word, words)]
    for name, value in options.items():
        if value is not None and value is not False:
            flag = f"--{name.replace('_', '-')}"
            shown += [flag] if value is True else [flag, _word(value)]
    return " ".join(shown)


def _word(word: str | Path) -> str:
    if isinstance(word, Path):
        return word.resolve().name or "."
    key, equals, value = word.partition("=")
    return f"{key}={Path(value).name}" if equals and "/" in value else word
