"""How many cases, patients and positives each split holds, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vesalius.cohort.audit.run import SplitCounts
from vesalius.metrics.drawn import Drawn

if TYPE_CHECKING:  # a report is not needed for a line
    from vesalius.report.page import ReportTable

_CLASSES_IN_A_LINE = 3


def part_facts(part: SplitCounts) -> dict[str, Any]:
    """JSON-able; patients: None where none is known; positives: class -> [cases that have it, of which it is known]."""
    drawn = Drawn(part.patients, part.studies)
    positives = {name: list(counts) for name, counts in part.positives.items()}
    return {
        "name": part.name,
        "cases": part.cases,
        "patients": drawn.patients,
        "studies_without_patient": drawn.studies,
        "positives": positives,
    }


def part_lines(parts: list[dict[str, Any]]) -> Iterator[str]:
    """One line for each split, or a table where there are many classes."""
    classes = [name for name, (_, known) in parts[0]["positives"].items() if known]
    if len(classes) > _CLASSES_IN_A_LINE:
        from vesalius.report.table import plain_text

        yield from plain_text(split_table(parts)).strip("\n").splitlines()
        return
    for part in parts:
        shares = ", ".join(f"{name} {_share(part, name)}" for name in classes)
        words = Drawn(part["patients"] or 0, part["studies_without_patient"]).words
        yield f"{part['name']}: {part['cases']} cases, {words}" + (f"; {shares}" if shares else "")


def split_table(parts: list[dict[str, Any]]) -> ReportTable:
    """A column for each split; rows of cases, patients, and positives of those whose label is known."""
    from vesalius.report.page import Column, ReportTable

    classes = [name for name, (_, known) in parts[0]["positives"].items() if known]
    rows = [["cases", *(str(part["cases"]) for part in parts)]]
    rows += [["patients", *("unknown" if part["patients"] is None else str(part["patients"]) for part in parts)]]
    if any(part["studies_without_patient"] for part in parts):
        rows += [["studies without a patient", *(str(part["studies_without_patient"]) for part in parts)]]
    rows += [[name, *(_share(part, name) for part in parts)] for name in classes]
    columns = [Column(name=""), *(Column(name=part["name"], numeric=True) for part in parts)]
    return ReportTable(columns=columns, rows=rows)


def _share(part: dict[str, Any], name: str) -> str:
    positive, known = part["positives"].get(name, (0, 0))
    return f"{positive}/{known}" if known else "-"
