"""The demo: the five systems at work, on scans that ship inside our dependencies and on phantoms.

Nothing is downloaded. Each restored file is compared with its source by the library that ships the source. The findings
of the shipped models are reported beside the known truth of the phantoms. Without torch each system shows what it
starts from.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vesalius.arguments import PathLike, checked
from vesalius.output import new_folder
from vesalius.report.page import PAGE, Column, Section
from vesalius.report.publish import made, publish
from vesalius.report.result import Result
from vesalius.report.table import fixed, number
from vesalius.tasks.demo.files import Demonstration
from vesalius.tasks.demo.images import show_images
from vesalius.tasks.demo.models import MISSING, NEEDS, show_models
from vesalius.tasks.demo.pictures import show_pictures
from vesalius.tasks.demo.subjects import SUBJECTS
from vesalius.tasks.demo.tokens import show_tokens
from vesalius.tasks.demo.volumes import show_volumes
from vesalius.wording import Progress, quiet

COLUMNS = ("scan", "target", "coder", "bytes", "ratio", "source_ratio", "psnr_db", "max_error", "equal", "seconds")
_EQUAL = {True: "yes", False: "NO", None: ""}


@dataclass(frozen=True)
class DemoResult:
    """Where the demo was written, and what it measured.

    Args:
        path: the folder.
        report: its report.html.
        rows: one for each scan and target, with the keys `COLUMNS`.
    """

    path: str
    report: str
    rows: tuple[dict[str, Any], ...]


@checked
def demo(output: PathLike, *, threads: int = 1, force: bool = False, progress: Progress = quiet) -> DemoResult:
    """Inspect, compress, restore and compare every subject, and write a report.

    Args:
        output: folder to write: report.html, summary.json, table.csv, figures/, the `.vsl` files in scans/ and what
            the models found and learned in models/.
        threads: chunks coded at a time.
        force: replace an existing folder.
        progress: called with one line per step.

    Raises:
        InputError: a dependency does not ship its scan any more.
        OutputError: the folder exists or cannot be written.
    """
    output = Path(output)
    started = time.perf_counter()
    result = Result(columns=COLUMNS)
    with new_folder(output, force=force) as part:
        (part / "scans").mkdir()
        overview = result.section("Summary")
        if find_spec(NEEDS) is None:
            progress(MISSING)
            overview.text(MISSING, tone="note")
        show_tokens(result, part, threads, progress)
        show_volumes(result, part, threads, progress)
        show_models(result, part, threads, progress)
        show_pictures(result, part, threads, progress)
        show_images(result, progress)
        for subject in SUBJECTS:
            progress(subject.title)
            Demonstration(subject, part, threads).run(result)
        _overview(overview, result.rows)
        _judge(result)
        result.results = {"rows": result.rows}
        publish(
            result,
            part,
            title="Vesalius demo",
            task="demo",
            lead="Five systems at work, on phantoms with known truth and on real pictures; then real scans that ship "
            "inside the dependencies of Vesalius, compressed, restored and compared by the reader of the package that "
            "ships them.",
            made=made("vesalius demo", threads),
        )
    progress(f"done in {time.perf_counter() - started:.0f} s")
    return DemoResult(str(output), str(output / PAGE), tuple(result.rows))


def lines(result: DemoResult) -> Iterator[str]:
    """Describe the result for people: one line for each row."""
    yield f"{'scan':<12}{'target':<16}{'coder':<10}{'bytes':>9}{'ratio':>9}{'PSNR dB':>9}  equal"
    for row in result.rows:
        measured = f"{row['bytes']:>9}{number(row['ratio']):>9}{fixed(row['psnr_db'], 1):>9}"
        yield f"{row['scan']:<12}{row['target']:<16}{row['coder']:<10}{measured}  {_EQUAL[row['equal']]}"
    yield f"open {result.report}"


def _judge(result: Result) -> None:
    """Count the files that came back as they should: lossless ones that are equal, and targets that are met."""
    lossless = [row for row in result.rows if row["equal"] is not None]
    equal, met = sum(bool(row["equal"]) for row in lossless), len(result.rows) - len(lossless)
    targets = sum(len(subject.targets) for subject in SUBJECTS)
    words = f"{equal} of {len(lossless)} lossless files equal the source, {met} of {targets} targets met"
    result.judge(words, "good" if equal == len(lossless) and met == targets else "bad")


def _overview(section: Section, rows: Sequence[dict[str, Any]]) -> None:
    columns = [Column(name=name) for name in ("Scan", "Target", "Coder")]
    columns += [Column(name=name, numeric=True) for name in ("Bytes", "Ratio", "PSNR (dB)", "Max error")]
    columns.append(Column(name="Equal to the source"))
    cells = []
    for row in rows:
        measured = [f"{row['bytes']:,}", number(row["ratio"]), fixed(row["psnr_db"], 2), number(row["max_error"])]
        cells.append([str(row["scan"]), str(row["target"]), str(row["coder"]), *measured, _EQUAL[row["equal"]]])
    section.table(columns, cells, "Ratio: 2 bytes x voxels / bytes of the file. Max error in the scan's own units.")
