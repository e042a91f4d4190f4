"""What the card of a model says about where it fails: the first thing that anyone sees of its results."""

from __future__ import annotations

from collections.abc import Sequence

from vesalius.report.page import Section


def limits_section(caveats: Sequence[str]) -> Section:
    """The first box of a report, of `CardFacts.caveats`."""
    return Section(title="Limits of the model").text(" ".join(caveats), "warning")


def limits_line(caveats: Sequence[str]) -> str:
    """The first line on the terminal."""
    return f"warning: limits of the model: {' '.join(caveats)}"
