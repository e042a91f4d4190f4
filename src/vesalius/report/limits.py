"""The limits of a model, from its card: they stand first wherever its results are shown."""

from __future__ import annotations

from collections.abc import Sequence

from vesalius.report.page import Section


def limits_section(caveats: Sequence[str]) -> Section:
    """Return the first section of a report from `CardFacts.caveats`."""
    return Section(title="Limits of the model").text(" ".join(caveats), "warning")


def limits_line(caveats: Sequence[str]) -> str:
    """Return the first line for the terminal."""
    return f"warning: limits of the model: {' '.join(caveats)}"
