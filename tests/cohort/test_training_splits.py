from pathlib import Path

import pytest

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.training_splits import training_splits
from vesalius.errors import UsageError


def cohort(count=40, **facts):
    """Two cases of each patient; `facts` maps a field to a function of the number."""
    cases = [
        Case(
            id=f"c{n}",
            images={"image": f"{n}.nii"},
            patient=f"p{n // 2}",
            **{key: value(n) for key, value in facts.items()},
        )
        for n in range(count)
    ]
    return Cohort(tuple(cases), Path())


def ids(part):
    return {case.id for case in part}


def test_without_splits_it_is_split_by_patient():
    parts = training_splits(cohort(), seed=1)
    patients = [{case.patient for case in part} for part in parts.values()]
    assert sum(map(len, parts.values())) == 40
    assert len(set.union(*patients)) == sum(map(len, patients)) == 20
    assert all(map(len, patients))
    assert parts == training_splits(cohort(), seed=1)
    assert parts != training_splits(cohort(), seed=2)


def test_splits_of_the_manifest_stay():
    given = cohort(split=lambda n: "val" if n < 6 else "test" if n < 10 else "train")
    parts = training_splits(given)
    assert {name: len(part) for name, part in parts.items()} == {"train": 30, "val": 6, "test": 4}


def test_a_test_split_stays_and_the_rest_is_split():
    given = cohort(split=lambda n: "test" if n < 10 else None)
    parts = training_splits(given)
    assert ids(parts["test"]) == {f"c{n}" for n in range(10)}
    assert len(parts["train"]) + len(parts["val"]) == 30
    assert len(parts["val"]) > 0


def test_folds():
    given = cohort(split=lambda n: "test" if n < 10 else "train", fold=lambda n: None if n < 10 else n // 2 % 3)
    parts = training_splits(given, fold=1)
    assert {case.fold for case in parts["train"]} == {0, 2}
    assert {case.fold for case in parts["val"]} == {1}
    assert len(parts["test"]) == 10


def test_studies_without_a_patient_are_not_torn_apart():
    cases = [Case(id=f"c{n}", images={"image": "x.nii"}, study="s", split=("train", "val")[n]) for n in range(2)]
    with pytest.raises(UsageError, match=r"^1 study is in more than one split; "):
        training_splits(Cohort(tuple(cases), Path()))


@pytest.mark.parametrize(
    ("facts", "fold", "message"),
    [
        ({"split": lambda n: ("train", "val")[n % 2]}, None, "m.jsonl: 20 patients are in more than one split; find"),
        ({"split": lambda n: "test" if n == 0 else None}, None, "1 patient is in more than one split"),
        ({"fold": lambda n: n % 4}, 1, "10 patients are in more than one fold"),
        ({"split": lambda n: ("train", "val", "validation", "dev")[n // 2 % 4]}, None, "unknown splits: validation, d"),
        ({"split": lambda n: "Val" if n < 4 else "train"}, None, "unknown splits: Val; call them train, val, test"),
        ({"split": lambda n: f"site {n // 2}"}, None, r"site 0, site 1, site 2, site 3, site 4 and 15 more; call"),
        ({"split": lambda n: None if n < 4 else ("train", "val")[n // 2 % 2]}, None, "4 of 40 cases have no split"),
        ({"split": lambda n: None if n < 4 else "train"}, None, "give all of them a split"),
        ({}, 1, "m.jsonl: the manifest has no folds; make them with vesalius cohort split --folds"),
        ({"fold": lambda n: n // 2 % 2}, 2, "no fold 2; choose from 0, 1"),
    ],
)
def test_what_would_leak_or_be_dropped_is_refused(facts, fold, message):
    with pytest.raises(UsageError, match=message) as told:
        training_splits(cohort(**facts), fold=fold, where="m.jsonl")
    assert not {f"p{n}" for n in range(20)} & set(str(told.value).replace(";", " ").split())
