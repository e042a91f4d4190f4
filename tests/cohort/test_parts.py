from pathlib import Path

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.parts import training_parts


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
    parts = training_parts(cohort(), seed=1)
    patients = [{case.patient for case in part} for part in parts.values()]
    assert sum(map(len, parts.values())) == 40
    assert len(set.union(*patients)) == sum(map(len, patients)) == 20
    assert all(map(len, patients))
    assert parts == training_parts(cohort(), seed=1)
    assert parts != training_parts(cohort(), seed=2)


def test_splits_of_the_manifest_stay():
    given = cohort(split=lambda n: "val" if n < 6 else "test" if n < 10 else "train")
    parts = training_parts(given)
    assert {name: len(part) for name, part in parts.items()} == {"train": 30, "val": 6, "test": 4}


def test_a_test_split_stays_and_the_rest_is_split():
    given = cohort(split=lambda n: "test" if n < 10 else None)
    parts = training_parts(given)
    assert ids(parts["test"]) == {f"c{n}" for n in range(10)}
    assert len(parts["train"]) + len(parts["val"]) == 30
    assert len(parts["val"]) > 0


def test_folds():
    given = cohort(split=lambda n: "test" if n < 10 else "train", fold=lambda n: None if n < 10 else n % 3)
    parts = training_parts(given, fold=1)
    assert {case.fold for case in parts["train"]} == {0, 2}
    assert {case.fold for case in parts["val"]} == {1}
    assert len(parts["test"]) == 10
