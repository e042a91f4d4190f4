from pathlib import Path

import numpy as np
import pytest

from vesalius.cohort.case import Case, Problem
from vesalius.cohort.cohort import Cohort
from vesalius.errors import UsageError
from vesalius.tasks.classify.checks import (
    check_both,
    check_classes,
    check_decided,
    check_labels,
    cohort_notes,
    held_out_notes,
    labels_of,
    left_out_words,
    one_sided_notes,
    training_notes,
)


def cohort(*labels):
    cases = [Case(id=f"c{n}", images={"image": "x.nii"}, labels=table) for n, table in enumerate(labels)]
    return Cohort(tuple(cases), Path())


def test_classes():
    check_classes(("any", "subdural"), ("subdural",), "m.jsonl")
    with pytest.raises(UsageError, match=r"^data\.classes: no case has a label bogus; choose from any, subdural$"):
        check_classes(("any", "subdural"), ("any", "bogus"), "m.jsonl")
    with pytest.raises(UsageError, match=r"^t\.csv: no case has a label; give its cases labels of 0 and 1"):
        check_classes((), ("any",), "t.csv")


def test_a_part_needs_both():
    check_both(cohort({"any": 1}, {"x": 0}), ("any", "x"), "val")
    with pytest.raises(UsageError, match="the 'val' split has 2 cases, but not both"):
        check_both(cohort({"any": 1}, {"x": 0}), ("any",), "val")


@pytest.mark.parametrize(("value", "shown"), [(0.5, "0.5"), (2, "2"), (-1, "-1")])
def test_labels_are_decided(value, shown):
    given = cohort({"any": 1}, {"any": value, "x": value}, {}, {"any": value})
    check_decided(cohort({"any": 1.0}, {"any": 0}, {}), ("any",), "m.jsonl")
    with pytest.raises(UsageError, match=f"^m.jsonl: the label any is {shown} in 2 of 4 cases, not 0 or 1; write 0"):
        check_decided(given, ("any", "x"), "m.jsonl")
    check_decided(given, ("y",), "m.jsonl")


def test_notes():
    train = cohort({"any": 1, "a": 0, "b": 1}, {"any": 0, "a": 0, "c": 0, "b": 1})
    assert training_notes(train, train, ("any",)) == ()
    assert training_notes(train, train, ("any", "a", "c", "b", "d")) == (
        "in the train split every label of d is unknown: the model cannot learn it",
        "in the train split every label of a, c is negative: the model cannot learn it",
        "in the train split every label of b is positive: the model cannot learn it",
    )
    odd = cohort({"any": 0, "subdural": 1}, {"any": 1, "subdural": 1}, {"any": 0, "subdural": 0}, {"subdural": 1})
    told = "labels of 1 of 4 cases contradict each other: any is 0, one of its kinds is 1"
    assert training_notes(odd, odd, ("any", "subdural")) == (told,)
    assert training_notes(odd, odd, ("subdural",)) == ()
    bare = cohort({"any": 1}, {"any": 0}, {"x": 1}, {})
    told = "2 of 4 cases have no label of these classes and do not contribute to training"
    assert told in training_notes(bare, bare, ("any",))


def test_a_test_split_that_cannot_measure_a_class_is_noted():
    splits = {"test": cohort({"any": 0, "a": 1, "b": 1}, {"any": 0, "a": 0, "b": 1}, {"x": 1})}
    lacking = "of the 3 cases of the test split is"
    end = ", so the report will have no AUROC for it; give more cases, another train.seed or other data.ratios"
    assert held_out_notes(splits, ("any", "a", "b", "unknown")) == (
        f"none {lacking} positive for any{end}",
        f"none {lacking} negative for b{end}",
    )
    assert held_out_notes(splits, ("a",)) == held_out_notes({"test": cohort()}, ("any",)) == ()


def test_what_is_left_out_is_named_up_to_five_times():
    problems = [Problem(f"s{n}", "is cut short") for n in range(7)]
    assert left_out_words(problems[:1]) == "cases that cannot be read and are left out: 1, namely s0 (is cut short)"
    words = left_out_words(problems)
    assert words.startswith("cases that cannot be read and are left out: 7, namely s0 (is cut short), ")
    assert words.endswith("s4 (is cut short) and 2 more")


def test_labels_of_cases_in_the_order_of_the_model():
    cases = cohort({"subdural": 1}, {})
    found = labels_of(cases, ("any", "subdural"))
    np.testing.assert_array_equal(found, [[np.nan, 1], [np.nan, np.nan]])
    check_labels(found, ("any", "subdural"), "m.jsonl")
    with pytest.raises(UsageError, match=r"m.jsonl: no case has a label of the model's classes \(any, subdural\)"):
        check_labels(found[1:], ("any", "subdural"), "m.jsonl")


def test_caveats_of_classes_whose_measured_labels_are_alike():
    labels = labels_of(cohort({"any": 1, "ill": 0, "old": 0}, {"any": 1, "old": 1}), ("any", "ill", "old", "young"))
    assert one_sided_notes(labels, ("any", "ill", "old", "young")) == [
        "all known labels of ill are negative, so there is no AUROC for it",
        "all known labels of any are positive, so there is no AUROC for it",
    ]


def test_caveats_of_a_cohort():
    cases = cohort({"any": 1, "tumour": 0}, {"any": 1})
    labels = labels_of(cases, ("any", "subdural"))
    patients = [(case.id, False) for case in cases]
    notes = cohort_notes(cases, labels, patients, ("any", "subdural"), [Problem("c9", "is cut short")])
    assert notes == [
        "the cohort has no labels for subdural, which the model reports too",
        "the model does not know tumour, for which the cohort has labels",
        "some cases have no patient, so intervals are by study (patients unknown) and may be too narrow",
        "cases that cannot be read and are left out: 1, namely c9 (is cut short)",
    ]
