from pathlib import Path

import numpy as np

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.tasks.evaluate.arms.measures import within_folds
from vesalius.tasks.evaluate.arms.predictions import CellPredictions
from vesalius.tasks.evaluate.label_efficiency.trivial import trivial_predictions


def cohort(first, count):
    """Every other case is sick and lies; each case is also labelled for a second finding of chance."""
    cases = [
        Case(
            id=f"c{number}",
            images={"image": "x.png"},
            labels={"sick": float(number % 2), "well": float(number % 2 == 0)},
            facts={"view": "AP" if number % 2 else "PA"},
        )
        for number in range(first, first + count)
    ]
    return Cohort(tuple(cases), Path())


def predictions(cases, item="0"):
    labels_SC = np.array([[case.labels["sick"], case.labels["well"]] for case in cases])
    keys = tuple(("0", case.id, item) for case in cases)
    owners = tuple((case.id, False) for case in cases)
    logits_SC = np.random.default_rng(0).normal(0, 1, labels_SC.shape)
    return CellPredictions(keys, owners, np.zeros(len(cases), int), ("sick", "well"), logits_SC, labels_SC)


def test_the_view_alone_predicts_what_follows_from_it():
    like = predictions(cohort(20, 10))
    for activation in ("sigmoid", "softmax"):
        (view,) = trivial_predictions(like, cohort(0, 8), cohort(20, 10), activation).items()
        assert view[0] == "view only"
        assert within_folds("auroc", view[1].logits_SC, view[1].labels_SC, view[1].folds_S) == 1.0
        assert view[1].keys == like.keys


def test_slices_and_cohorts_without_facts_have_none():
    like = predictions(cohort(20, 10))
    assert trivial_predictions(predictions(cohort(20, 10), "3"), cohort(0, 8), cohort(20, 10), "sigmoid") == {}
    bare = Cohort(tuple(case.model_copy(update={"facts": {}}) for case in cohort(0, 8)), Path())
    assert trivial_predictions(like, bare, cohort(20, 10), "sigmoid") == {}
