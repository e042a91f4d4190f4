"""What a run of detection refuses before it begins, and what a careful reader of its report should know."""

from __future__ import annotations

from collections.abc import Sequence

from vesalius.cohort.builders.series import LABELS
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loaded import Problem
from vesalius.errors import UsageError
from vesalius.wording import some


def check_classes(known: Sequence[str], classes: Sequence[str], where: str) -> None:
    """Raise UsageError where no case has a label of a class.

    Args:
        known: classes that cases have labels of.
        classes: that are to be learned.
        where: what names the labels, for messages.
    """
    if not known:
        looked_for = f"a table with nifti_path needs one of the columns {', '.join(LABELS)}, or others of 0 and 1"
        raise UsageError("no case has a label", where=where, fix=f"add labels; {looked_for}")
    strange = [name for name in classes if name not in known]
    if strange:
        what = f"no case has a label {', '.join(strange)}"
        raise UsageError(what, where="data.classes", fix=f"choose from {', '.join(known)}")


def check_both(cohort: Cohort, classes: Sequence[str], part: str) -> None:
    """Raise UsageError where nothing can be learned from a part, or no temperature chosen on it."""
    values = {case.labels[name] for case in cohort for name in classes if name in case.labels}
    if len(values) < 2:
        what = f"the part {part!r} has {len(cohort)} cases, and not both positive and negative labels among them"
        raise UsageError(what, fix="give more cases, or other data.ratios")


def left_out_words(problems: Sequence[Problem]) -> str:
    """Cases that cannot be read: how many, which, and why."""
    words = some([f"{one.id} ({one.reason})" for one in problems])
    return f"cases that cannot be read and are left out: {len(problems)}, namely {words}"


def notes_of(cohort: Cohort, train: Cohort, classes: Sequence[str]) -> tuple[str, ...]:
    """Classes of which nothing is learned, and labels of the whole cohort that contradict each other."""
    known = {name: {case.labels[name] for case in train if name in case.labels} for name in classes}
    notes = []
    for values, words in ((set(), "unknown"), ({0.0}, "negative"), ({1.0}, "positive")):
        alike = [name for name in classes if known[name] == values]
        if alike:
            notes.append(f"in the part train every label of {', '.join(alike)} is {words}: nothing is learned of it")
    unknown = sum(not any(name in case.labels for name in classes) for case in cohort)
    if unknown:
        notes.append(
            f"{unknown} of {len(cohort)} cases have no label of these classes and do not contribute to training"
        )
    odd = sum(case.labels.get("any") == 0 and any(case.labels.get(name) == 1 for name in LABELS[1:]) for case in cohort)
    if odd and "any" in classes:
        notes.append(f"labels of {odd} of {len(cohort)} cases contradict each other: any is 0, one of its kinds is 1")
    return tuple(notes)
