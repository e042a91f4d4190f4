"""How many cases, patients and positives each split holds, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from vesalius.cohort.audit.run import Part

if TYPE_CHECKING:  # a report is not needed for a line
    from vesalius.report.page import Table

_CLASSES_IN_A_LINE = 3


def part_facts(part: Part) -> dict[str, Any]:
    """JSON-able; positives: class -> [cases that have it, cases of which it is known]."""
    positives = {name: list(counts) for name, counts in part.positives.items()}
    return {"name": part.name, "cases": part.cases, "patients": part.patients, "positives": positives}


def part_lines(parts: list[dict[str, Any]]) -> Iterator[str]:
    """One line for each split, or a table where there are many classes."""
    classes = [name for name, (_, known) in parts[0]["positives"].items() if known]
    if len(classes) > _CLASSES_IN_A_LINE:
        from vesalius.report.table import plain_text

        yield plain_text(split_table(parts)).strip("\n")
        return
    for part in parts:
        shares = ", ".join(f"{name} {_share(part, name)}" for name in classes)
        yield f"{part['name']}: {part['cases']} cases, {part['patients']} patients" + (f"; {shares}" if shares else "")


def split_table(parts: list[dict[str, Any]]) -> Table:
    """A column for each split; rows of cases, patients, and positives of those whose label is known."""
    from vesalius.report.page import Column, Table

    classes = [name for name, (_, known) in parts[0]["positives"].items() if known]
    rows = [[word, *(str(part[word]) for part in parts)] for word in ("cases", "patients")]
    rows += [[name, *(_share(part, name) for part in parts)] for name in classes]
    columns = [Column(name=""), *(Column(name=part["name"], numeric=True) for part in parts)]
    return Table(columns=columns, rows=rows)


def _share(part: dict[str, Any], name: str) -> str:
    positive, known = part["positives"].get(name, (0, 0))
    return f"{positive}/{known}" if known else "-"
