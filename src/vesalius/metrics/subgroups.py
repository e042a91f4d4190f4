"""How well scores separate classes within groups of age, sex and view.

A difference between groups may come from the model, from the labels, or from how hard the cases of a group are: the
table shows that there is one, not why. Letters: S samples (studies, slices or pictures), C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.bootstrap import MIN_PATIENTS, Rows, with_intervals
from vesalius.metrics.classify import aurocs, macro, prevalence
from vesalius.metrics.drawn import Owner
from vesalius.metrics.facts import AGE, AGE_BANDS, SEX, UNKNOWN, VIEW, Facts, group_of, plain


def subgroups(
    scores_SC: NDArray[np.float64],
    labels_SC: NDArray[np.float32],
    owners: Sequence[Owner],
    facts: Sequence[Facts],
    classes: Sequence[str],
) -> list[dict[str, Any]]:
    """Measure each group of each fact that is known of any sample.

    Args:
        scores_SC: the higher, the more likely.
        labels_SC: 0, 1, or NaN for unknown.
        owners: patients, from whom the bootstrap draws.
        facts: of the case of each sample.
        classes: names.

    Returns:
        A row for each group: {"fact", "group", "samples", "patients", "auroc" (mean over classes), "classes" (name ->
        {"positive", "negative", "auroc"}) and "not_measured"}. A measure is {"value", "interval"}, None where it
        cannot be had. A group of fewer than MIN_PATIENTS patients, or without both labels of any class, is not
        measured, and "not_measured" says why.
    """
    known = [plain(table) for table in facts]
    rows = []
    for fact in (AGE, SEX, VIEW):
        names = [group_of(fact, table.get(fact)) for table in known]
        if set(names) == {UNKNOWN} or not names:
            continue
        for name in sorted(set(names), key=lambda group: _place(fact, group)):
            chosen = np.flatnonzero(np.array(names) == name)
            inside = [owners[row] for row in chosen.tolist()]
            rows.append({"fact": fact, "group": name} | _group(scores_SC[chosen], labels_SC[chosen], inside, classes))
    return rows


def _group(
    scores_SC: NDArray[np.float64], labels_SC: NDArray[np.float32], owners: Sequence[Owner], classes: Sequence[str]
) -> dict[str, Any]:
    patients = len(set(owners))
    why = ""
    if patients < MIN_PATIENTS:
        why = f"fewer than {MIN_PATIENTS} patients"
    elif math.isnan(macro(aurocs(scores_SC, labels_SC))):
        why = "no class has positives and negatives"
    measures: list[dict[str, Any]] = [{"value": None, "interval": None}] * (len(classes) + 1)
    if not why:

        def values(rows: Rows) -> list[float]:
            drawn = aurocs(scores_SC[rows], labels_SC[rows])
            return [*drawn, macro(drawn)]

        measures = with_intervals(values, owners)
    counts = prevalence(labels_SC)
    by_class = {
        name: {"positive": counts[c].positive, "negative": counts[c].negative, "auroc": measures[c]}
        for c, name in enumerate(classes)
    }
    head = {"samples": len(labels_SC), "patients": patients, "auroc": measures[-1]}
    return head | {"classes": by_class, "not_measured": why or None}


def _place(fact: str, group: str) -> tuple[bool, int, str]:
    """Bands of age by age, other groups by name, what is unknown last."""
    bands = [group_of(AGE, float(low)) for low, _ in AGE_BANDS]
    return group == UNKNOWN, bands.index(group) if fact == AGE and group in bands else 0, group
