"""Labels that a classifier is trained and measured on: each is 0, 1, or unknown."""

from __future__ import annotations

from collections.abc import Sequence

from vesalius.cohort.cohort import Cohort
from vesalius.errors import UsageError

_SHOWN = 3


def check_decided(cohort: Cohort, classes: Sequence[str], where: str) -> None:
    """Raise UsageError where a label is neither 0 nor 1: held-out cases are ranked by it.

    Args:
        cohort: cases with labels.
        classes: the labels to check.
        where: file that holds the labels, for the message.
    """
    for name in classes:
        others = [case.labels[name] for case in cohort if case.labels.get(name, 0) not in (0, 1)]
        if others:
            shown = ", ".join(f"{value:g}" for value in sorted(set(others))[:_SHOWN])
            what = f"the label {name} is {shown} in {len(others)} of {len(cohort)} cases, not 0 or 1"
            raise UsageError(what, where=where, fix="write 0, 1 or nothing")
