"""What a classifier refuses before it is trained or measured, and caveats for the reader of its report.

Letters: S samples, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.builders.series import LABELS
from vesalius.cohort.case import Case, Problem
from vesalius.cohort.cohort import Cohort
from vesalius.errors import UsageError
from vesalius.metrics.drawn import Drawn, Owner
from vesalius.wording import some


def check_classes(known: Sequence[str], classes: Sequence[str], where: str) -> None:
    """Raise UsageError if no case has a label of a class.

    Args:
        known: classes that cases have labels of.
        classes: to learn.
        where: source of the labels, for messages.
    """
    if not known:
        fix = "give its cases labels of 0 and 1, or build it from a table that has columns of 0 and 1"
        raise UsageError("no case has a label", where=where, fix=fix)
    strange = [name for name in classes if name not in known]
    if strange:
        what = f"no case has a label {', '.join(strange)}"
        raise UsageError(what, where="data.classes", fix=f"choose from {', '.join(known)}")


def check_both(cohort: Cohort, classes: Sequence[str], split: str) -> None:
    """Raise UsageError if a split has labels of one value only: nothing to learn, and no temperature to choose."""
    values = {case.labels[name] for case in cohort for name in classes if name in case.labels}
    if len(values) < 2:
        what = f"the {split!r} split has {len(cohort)} cases, but not both positive and negative labels"
        raise UsageError(what, fix="give more cases, or other data.ratios")


def one_hot(cohort: Cohort, classes: Sequence[str], where: str) -> Cohort:
    """Return the cases that have labels, with 0 or 1 for every class; each must have exactly one 1.

    A case may name its class alone: classes without a label are 0 then.

    Raises:
        UsageError: there are fewer than two classes, or a case has no class or several.
    """
    if len(classes) < 2:
        what = f"the only class is {', '.join(classes) or 'missing'}, and one class alone leaves nothing to decide"
        raise UsageError(what, where=where, fix="give labels of two classes or more, or take loss.name=bce")
    labelled = cohort.where(lambda case: any(name in case.labels for name in classes))
    counts = [sum(case.labels.get(name) == 1 for name in classes) for case in labelled]
    for word, wrong in (("no class", counts.count(0)), ("several classes", sum(count > 1 for count in counts))):
        if wrong:
            what = f"{wrong} of {len(labelled)} cases have {word}, a softmax needs exactly one"
            raise UsageError(what, where=where, fix="mark one class of each case with 1, or take loss.name=bce")
    cases = [
        case.model_copy(update={"labels": {name: float(case.labels.get(name) == 1) for name in classes}})
        for case in labelled
    ]
    return replace(labelled, cases=tuple(cases))


def check_several(cohort: Cohort, classes: Sequence[str], split: str) -> None:
    """Raise UsageError if all cases of a split have the same class."""
    present = {name for case in cohort for name in classes if case.labels.get(name) == 1}
    if len(present) < 2:
        what = f"all {len(cohort)} cases of the {split!r} split have the class {', '.join(present)}"
        raise UsageError(what, fix="give more cases, or other data.ratios")


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
            shown = ", ".join(f"{value:g}" for value in sorted(set(others))[:3])
            what = f"the label {name} is {shown} in {len(others)} of {len(cohort)} cases, not 0 or 1"
            raise UsageError(what, where=where, fix="write 0, 1 or nothing")


def check_labels(labels_SC: NDArray[np.float32], classes: Sequence[str], where: str) -> None:
    """Raise UsageError if no label is known to measure against."""
    if np.isnan(labels_SC).all():
        what = f"no case has a label of the model's classes ({', '.join(classes)})"
        raise UsageError(what, where=where, fix="name the labels as the model does")


def labels_of(cases: Iterable[Case], classes: Sequence[str]) -> NDArray[np.float32]:
    """Return the labels of all cases, shape (S, C), NaN where unknown."""
    rows = [[case.labels.get(name, np.nan) for name in classes] for case in cases]
    return np.array(rows, np.float32).reshape(len(rows), len(classes))


def left_out_words(problems: Sequence[Problem]) -> str:
    """One sentence about unreadable cases: how many, which, and why."""
    words = some([f"{problem.id} ({problem.reason})" for problem in problems])
    return f"cases that cannot be read and are left out: {len(problems)}, namely {words}"


def training_notes(cohort: Cohort, train: Cohort, classes: Sequence[str]) -> tuple[str, ...]:
    """Caveats of a run: classes that the model cannot learn, and contradictory labels in the whole cohort."""
    known = {name: {case.labels[name] for case in train if name in case.labels} for name in classes}
    notes = []
    for values, word in ((set(), "unknown"), ({0.0}, "negative"), ({1.0}, "positive")):
        alike = [name for name in classes if known[name] == values]
        if alike:
            notes.append(f"in the train split every label of {', '.join(alike)} is {word}: the model cannot learn it")
    unknown = sum(not any(name in case.labels for name in classes) for case in cohort)
    if unknown:
        notes.append(
            f"{unknown} of {len(cohort)} cases have no label of these classes and do not contribute to training"
        )
    odd = sum(case.labels.get("any") == 0 and any(case.labels.get(name) == 1 for name in LABELS[1:]) for case in cohort)
    if odd and "any" in classes:
        notes.append(f"labels of {odd} of {len(cohort)} cases contradict each other: any is 0, one of its kinds is 1")
    return tuple(notes)


def held_out_notes(splits: Mapping[str, Cohort], classes: Sequence[str]) -> tuple[str, ...]:
    """Caveats of the test to come: classes whose known labels are all alike in the test split, so it measures nothing.

    Args:
        splits: name -> cases; without test cases the validation cases are tested on, which have both.
        classes: to learn.
    """
    test = splits["test"]
    notes = []
    for value, word in ((1.0, "positive"), (0.0, "negative")):
        known = {name: {case.labels[name] for case in test if name in case.labels} for name in classes}
        lacking = [name for name in classes if known[name] and value not in known[name]]
        if lacking:
            notes.append(
                f"none of the {len(test)} cases of the test split is {word} for {', '.join(lacking)}, so the report "
                "will have no AUROC for it; give more cases, another train.seed or other data.ratios"
            )
    return tuple(notes)


def one_sided_notes(labels_SC: NDArray[np.float32], classes: Sequence[str]) -> list[str]:
    """Caveats of measured samples: classes that have no AUROC, as their known labels are all alike."""
    known = [set(labels_S[~np.isnan(labels_S)].tolist()) for labels_S in labels_SC.T]
    notes = []
    for value, word in ((0.0, "negative"), (1.0, "positive")):
        alike = [name for name, values in zip(classes, known, strict=True) if values == {value}]
        if alike:
            notes.append(f"all known labels of {', '.join(alike)} are {word}, so there is no AUROC for it")
    return notes


def cohort_notes(
    cohort: Cohort,
    labels_SC: NDArray[np.float32],
    patients: Iterable[Owner],
    classes: Sequence[str],
    problems: Sequence[Problem],
) -> list[str]:
    """Caveats of measuring a model on another cohort.

    Args:
        cohort: the cases.
        labels_SC: of the samples that were measured.
        patients: of these samples.
        classes: of the model.
        problems: unreadable cases that were left out.
    """
    notes = []
    unlabelled = [name for name, labels_S in zip(classes, labels_SC.T, strict=True) if np.isnan(labels_S).all()]
    if unlabelled:
        notes.append(f"the cohort has no labels for {', '.join(unlabelled)}, which the model reports too")
    strange = [name for name in cohort.classes if name not in classes]
    if strange:
        notes.append(f"the model does not know {', '.join(strange)}, for which the cohort has labels")
    if any(case.patient is None for case in cohort):
        notes.append(f"some cases have no patient, so intervals are {Drawn.of(patients).by} and may be too narrow")
    if problems:
        notes.append(left_out_words(problems))
    return notes
