"""How many cases, patients and positives each split holds, for programs and for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vesalius.cohort.audit.run import Part


def part_facts(part: Part) -> dict[str, Any]:
    """JSON-able; positives: class -> [cases that have it, cases of which it is known]."""
    positives = {name: list(counts) for name, counts in part.positives.items()}
    return {"name": part.name, "cases": part.cases, "patients": part.patients, "positives": positives}


def part_lines(parts: list[dict[str, Any]]) -> Iterator[str]:
    """One line for each split."""
    for part in parts:
        shares = ", ".join(
            f"{name} {positive}/{known}" for name, (positive, known) in part["positives"].items() if known
        )
        yield f"{part['name']}: {part['cases']} cases, {part['patients']} patients" + (f"; {shares}" if shares else "")
