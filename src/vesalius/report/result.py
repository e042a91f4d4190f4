"""The result of a task, ready to be published: numbers, sections, rows and figures in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vesalius.csv_table import Cell
from vesalius.report.page import Section
from vesalius.report.verdict import Outcome, Verdict


@dataclass
class Result:
    """What a test, an evaluation or an audit showed; `report.publish` writes it.

    Args:
        verdict: the answer in one line, without which nothing is published.
        results: the numbers for programs, JSON-able.
        sections: the same for people, in reading order.
        rows: every measured number, for `table.csv`.
        columns: of the rows; without columns no table is written.
        figures: file name -> PNG, for the sections.
        measured: measure -> value with its interval, for the model card.
        tested_on: the cases of `measured`, in words.
        failures: case -> why it could not be measured, without paths of this machine.
        limits: where the model fails, by its card.
        files: further files of the folder: path below it -> function that writes the file to the path it is given.

    Example:
        >>> result = Result(results={"dice": 0.91})
        >>> result.section("Overlap").text("Dice 0.91.").title
        'Overlap'
    """

    verdict: Verdict | None = None
    results: dict[str, Any] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    rows: list[dict[str, Cell]] = field(default_factory=list)
    columns: Sequence[str] = ()
    figures: dict[str, bytes] = field(default_factory=dict)
    measured: dict[str, str] = field(default_factory=dict)
    tested_on: str = ""
    failures: dict[str, str] = field(default_factory=dict)
    limits: Sequence[str] = ()
    files: dict[str, Callable[[Path], None]] = field(default_factory=dict)

    def judge(self, words: str, outcome: Outcome = "neutral") -> Result:
        """Set the verdict and return the result."""
        self.verdict = Verdict(words=words, outcome=outcome)
        return self

    def section(self, title: str) -> Section:
        """Add a section and return it."""
        self.sections.append(Section(title=title))
        return self.sections[-1]
