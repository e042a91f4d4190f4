from pathlib import Path

import pytest

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import UsageError
from vesalius.tasks.detect.checks import check_both, check_classes, check_decided, notes_of


def cohort(*labels):
    cases = [Case(id=f"c{n}", images={"image": "x.nii"}, labels=table) for n, table in enumerate(labels)]
    return Cohort(tuple(cases), Path())


def test_classes():
    check_classes(("any", "subdural"), ("subdural",), "m.jsonl")
    with pytest.raises(UsageError, match=r"^data\.classes: no case has a label bogus; choose from any, subdural$"):
        check_classes(("any", "subdural"), ("any", "bogus"), "m.jsonl")
    with pytest.raises(UsageError, match=r"^t\.csv: no case has a label; .*any, epidural, .*others of 0 and 1$"):
        check_classes((), ("any",), "t.csv")


@pytest.mark.parametrize(("value", "shown"), [(0.5, "0.5"), (2, "2"), (-1, "-1")])
def test_labels_are_decided(value, shown):
    given = cohort({"any": 1}, {"any": value, "x": value}, {}, {"any": value})
    check_decided(cohort({"any": 1.0}, {"any": 0}, {}), ("any",), "m.jsonl")
    with pytest.raises(UsageError, match=f"^m.jsonl: the label any is {shown} in 2 of 4 cases, not 0 or 1; write 0"):
        check_decided(given, ("any", "x"), "m.jsonl")
    check_decided(given, ("y",), "m.jsonl")


def test_a_part_needs_both():
    check_both(cohort({"any": 1}, {"x": 0}), ("any", "x"), "val")
    with pytest.raises(UsageError, match="the part 'val' has 2 cases, and not both"):
        check_both(cohort({"any": 1}, {"x": 0}), ("any",), "val")


def test_notes():
    train = cohort({"any": 1, "a": 0, "b": 1}, {"any": 0, "a": 0, "c": 0, "b": 1})
    assert notes_of(train, train, ("any",)) == ()
    assert notes_of(train, train, ("any", "a", "c", "b", "d")) == (
        "in the part train every label of d is unknown: nothing is learned of it",
        "in the part train every label of a, c is negative: nothing is learned of it",
        "in the part train every label of b is positive: nothing is learned of it",
    )
    odd = cohort({"any": 0, "subdural": 1}, {"any": 1, "subdural": 1}, {"any": 0, "subdural": 0}, {"subdural": 1})
    told = "labels of 1 of 4 cases contradict each other: any is 0, one of its kinds is 1"
    assert notes_of(odd, odd, ("any", "subdural")) == (told,)
    assert notes_of(odd, odd, ("subdural",)) == ()
