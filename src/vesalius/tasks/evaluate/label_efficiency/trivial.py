"""Trivial baselines beside the arms: age, sex and view, learned from the patients of the same share.

Letters: S samples, C classes.
"""

from __future__ import annotations

from dataclasses import replace

from vesalius.cohort.cohort import Cohort
from vesalius.metrics.facts import plain
from vesalius.metrics.one_class import Activation
from vesalius.tasks.classify.baselines import Baselines
from vesalius.tasks.classify.checks import labels_of
from vesalius.tasks.evaluate.arms.predictions import CellPredictions, in_rank_order


def trivial_predictions(
    like: CellPredictions, train: Cohort, held_out: Cohort, activation: Activation
) -> dict[str, CellPredictions]:
    """Fit the baselines of facts that differ among the training cases, and score the measured cases.

    Args:
        like: predictions of a model for the cases to score.
        train: cases of the share.
        held_out: the measured cases.
        activation: of the model.

    Returns:
        Name -> predictions; empty where no fact differs, or where a sample is not a case (slices, studies).
    """
    facts_of = {case.id: case.facts for case in held_out}
    if any(name not in facts_of or item not in ("", "0") for _, name, item in like.keys):
        return {}
    labels_SC = labels_of(train, like.classes)
    fitted = Baselines.of_facts([case.facts for case in train], labels_SC, like.classes, activation)
    scores = fitted.scores([plain(facts_of[name]) for _, name, _ in like.keys])
    return {f"{name} only": in_rank_order(replace(like, logits_SC=each), activation) for name, each in scores.items()}
