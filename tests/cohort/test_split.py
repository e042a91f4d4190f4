import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.split import split_cohort, training_splits
from vesalius.errors import UsageError


def case(number, **values):
    return Case(id=f"c{number}", images={"image": f"{number}.png"}, **values)


def cohort_of(*cases):
    return Cohort(tuple(cases), Path())


NAMES = st.none() | st.sampled_from(
    ["1", "01", "p1", "P1", "é", "e\u0301", " é ", "李", "患者 7", "\u202ep", "ß", "ss", "a/b"]
)
COHORTS = st.lists(st.tuples(NAMES, NAMES, st.booleans()), min_size=1, max_size=40)


def build(rows):
    return cohort_of(*(case(n, patient=p, study=s, labels={"x": x}) for n, (p, s, x) in enumerate(rows)))


@settings(max_examples=300)
@given(
    COHORTS, st.integers(0, 9), st.sampled_from([(0.7, 0.15, 0.15), (1, 0, 1), (8, 1, 1)]), st.sampled_from([0, 2, 3])
)
def test_no_patient_is_on_two_sides(rows, seed, ratios, folds):
    cohort = build(rows)
    try:
        split = split_cohort(cohort, ratios, folds=folds, seed=seed)
    except UsageError as error:
        assert "cannot fill" in str(error)
        return
    assert [one.id for one in split] == [one.id for one in cohort]
    for field in ("split", "fold"):
        sides = {}
        for one in split:
            assert one.split is not None
            assert (one.fold is not None) == bool(folds and one.split != "test")
            if one.patient is not None:
                sides.setdefault(("patient", one.patient), set()).add(getattr(one, field))
        # a study of which one case lacks the patient stays together, too
        for one in split:
            if one.patient is None and one.study is not None:
                same = [other for other in split if other.study == one.study]
                sides[("study", one.study)] = {getattr(other, field) for other in same}
        assert all(len(side) == 1 for side in sides.values())


@given(COHORTS, st.randoms(), st.integers(0, 3))
def test_the_order_of_the_lines_does_not_matter(rows, random, seed):
    cohort = build(rows)
    shuffled = list(cohort.cases)
    random.shuffle(shuffled)
    try:
        one = split_cohort(cohort, seed=seed, folds=2)
    except UsageError:
        return
    other = split_cohort(cohort_of(*shuffled), seed=seed, folds=2)
    assert {c.id: (c.split, c.fold) for c in one} == {c.id: (c.split, c.fold) for c in other}


def many(count=1000):
    """Patients with 1 to 4 cases, one rare and one common label, a fact."""
    draw = np.random.default_rng(0)
    cases = []
    for patient in range(count // 2):
        rare, group = draw.random() < 0.04, "ABCDE"[draw.integers(5)]
        for _ in range(draw.integers(1, 5)):
            labels = {"rare": rare, "common": draw.random() < 0.5}
            cases.append(case(len(cases), patient=f"p{patient}", labels=labels, facts={"group": group}))
    return cohort_of(*cases)


def test_shares_and_prevalences_are_as_asked():
    cohort = many()
    split = split_cohort(cohort, (0.7, 0.15, 0.15), stratify="group", seed=3)
    for name, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        part = split.of_split(name)
        assert len(part) == pytest.approx(share * len(cohort), rel=0.03)
        for label in ("rare", "common"):
            whole = sum(c.labels[label] for c in cohort) * share
            assert abs(sum(c.labels[label] for c in part) - whole) <= max(4, 0.05 * whole)
        for group in "ABCDE":
            whole = sum(c.facts["group"] == group for c in cohort) * share
            assert abs(sum(c.facts["group"] == group for c in part) - whole) <= max(4, 0.06 * whole)


def test_folds_are_even_and_leave_the_test_split_alone():
    split = split_cohort(many(), (0.8, 0, 0.2), folds=5, seed=1)
    sizes = Counter(c.fold for c in split if c.split != "test")
    assert sorted(sizes) == [0, 1, 2, 3, 4]
    assert max(sizes.values()) - min(sizes.values()) <= 6
    assert {c.fold for c in split.of_split("test")} == {None}
    rare = Counter(c.fold for c in split if c.fold is not None and c.labels["rare"])
    assert max(rare.values()) - min(rare.values()) <= 4
    assert split.splits.keys() == {"train", "test"}


def test_another_seed_another_split():
    cohort = many(200)
    parts = [tuple(c.split for c in split_cohort(cohort, seed=seed)) for seed in range(4)]
    assert len(set(parts)) == 4


SCRIPT = """
from pathlib import Path
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.split import split_cohort
cases = [Case(id=str(n), images={"image": "x"}, patient=f"p{n // 2}é", labels={"x": n % 3 == 0}) for n in range(40)]
print("".join(c.split[0] + str(c.fold)[0] for c in split_cohort(Cohort(tuple(cases), Path()), folds=3, seed=11)))
"""
EXPECTED = "t0t0t2t2t0t0t2t2tNtNt2t2t2t2v0v0v1v1t0t0v0v0t0t0t1t1t1t1t2t2tNtNt1t1tNtNt1t1t2t2"


def test_the_same_everywhere():
    for seed in ("0", "1"):  # of Python's own hashes
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        assert done.stdout.strip() == EXPECTED


def test_what_is_said_and_refused():
    cohort = cohort_of(case(0), case(1, study="s"), case(2, patient="p", study="s"), case(3), case(4))
    notes = split_cohort(cohort).notes
    assert notes == ("4 of 5 cases name no patient and were kept together with its study",)
    assert "split by study" in split_cohort(cohort, by="study").notes[0]
    with pytest.raises(UsageError, match=r"--ratios: '1,2' are not three shares"):
        split_cohort(cohort, (1, 2))
    with pytest.raises(UsageError, match="--ratios"):
        split_cohort(cohort, (0, 0, 0))
    with pytest.raises(UsageError, match="--ratios"):
        split_cohort(cohort, (1, -1, float("nan")))
    with pytest.raises(UsageError, match="--folds"):
        split_cohort(cohort, folds=1)
    with pytest.raises(UsageError, match=r"no case has the fact 'sex'; this cohort has no facts"):
        split_cohort(cohort, stratify="sex")
    with pytest.raises(UsageError, match=r"3 patient\(s\) outside the test split cannot fill 4 folds"):
        split_cohort(cohort_of(*(case(n) for n in range(4))), (1, 0, 1 / 3), folds=4)
    with pytest.raises(UsageError, match=r"4 patient\(s\) cannot fill 9 splits"):
        split_cohort(cohort, folds=9)


def test_no_part_stays_empty():
    for seed in range(30):
        cohort = cohort_of(case(0, patient="big"), *(case(n, patient="big") for n in range(1, 30)), case(30), case(31))
        assert split_cohort(cohort, seed=seed).splits.keys() == {"train", "val", "test"}


def many_cases(count=40, **facts):
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
    parts = training_splits(many_cases(), seed=1)
    patients = [{case.patient for case in part} for part in parts.values()]
    assert sum(map(len, parts.values())) == 40
    assert len(set.union(*patients)) == sum(map(len, patients)) == 20
    assert all(map(len, patients))
    assert parts == training_splits(many_cases(), seed=1)
    assert parts != training_splits(many_cases(), seed=2)


def test_splits_of_the_manifest_stay():
    given = many_cases(split=lambda n: "val" if n < 6 else "test" if n < 10 else "train")
    parts = training_splits(given)
    assert {name: len(part) for name, part in parts.items()} == {"train": 30, "val": 6, "test": 4}


def test_a_test_split_stays_and_the_rest_is_split():
    given = many_cases(split=lambda n: "test" if n < 10 else None)
    parts = training_splits(given)
    assert ids(parts["test"]) == {f"c{n}" for n in range(10)}
    assert len(parts["train"]) + len(parts["val"]) == 30
    assert len(parts["val"]) > 0


def test_training_cases_alone_are_split_and_a_note_says_so():
    parts = training_splits(many_cases(split=lambda n: "train"))
    assert all(map(len, parts.values()))
    assert "the manifest has no validation cases" in parts["train"].notes[-1]
    few = Cohort((case(0, patient="p"), case(1, patient="p")), Path())
    told = r"^m.jsonl: 1 patient\(s\) cannot fill 3 splits; give cases of more patients"
    with pytest.raises(UsageError, match=told):
        training_splits(few, where="m.jsonl")


def test_folds():
    given = many_cases(split=lambda n: "test" if n < 10 else "train", fold=lambda n: None if n < 10 else n // 2 % 3)
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
        training_splits(many_cases(**facts), fold=fold, where="m.jsonl")
    assert not {f"p{n}" for n in range(20)} & set(str(told.value).replace(";", " ").split())


def test_a_test_case_with_a_fold_is_not_trained_on():
    folds = [Case(id=f"c{n}", images={"image": "x"}, fold=n % 2, split="test" if n == 3 else None) for n in range(4)]
    with pytest.raises(UsageError, match=r"^1 case is in more than one fold"):
        training_splits(Cohort(tuple(folds), Path()), fold=0)


def test_cases_that_look_alike_stay_together():
    cohort = cohort_of(*(case(n, patient=f"p{n // 2}") for n in range(20)))
    alike = [("c0", "c5"), ("c5", "c9")]
    split_of = {one.id: one.split for one in split_cohort(cohort, (1, 1, 1), alike=alike, seed=3)}
    together = {"c0", "c1", "c4", "c5", "c8", "c9"}  # with all of their patients
    assert len({split_of[name] for name in together}) == 1
    assert len(set(split_of.values())) == 3
