from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.subset import share_of_patients


def cohort_of(count, cases_each=2, positive_every=4):
    """Patients with several cases; every fourth patient has one positive case."""
    cases = [
        Case(
            id=f"c{patient}-{number}",
            patient=f"p{patient}",
            images={"image": "x.png"},
            labels={"sick": float(patient % positive_every == 0 and number == 0)},
        )
        for patient in range(count)
        for number in range(cases_each)
    ]
    return Cohort(tuple(cases), Path())


def patients(cohort):
    return {case.patient for case in cohort}


def test_whole_patients_are_taken_and_the_order_is_kept():
    cohort = cohort_of(100)
    part = share_of_patients(cohort, 10)
    assert len(patients(part)) == 10
    assert len(part) == 20
    places = [cohort.cases.index(case) for case in part]
    assert places == sorted(places)


@given(st.integers(1, 60), st.floats(0.5, 100), st.floats(0.5, 100), st.integers(0, 5))
def test_a_smaller_share_lies_within_a_larger_one(count, first, second, seed):
    cohort = cohort_of(count, cases_each=1)
    low, high = sorted((first, second))
    assert patients(share_of_patients(cohort, low, seed)) <= patients(share_of_patients(cohort, high, seed))


@given(st.integers(20, 200), st.integers(0, 5), st.sampled_from([3, 10, 33, 50]))
def test_each_stratum_has_its_share_to_within_two_patients(count, seed, percent):
    """Places of a stratum of n lie 1/n apart: an interval holds its share of them to within one; the cut adds one."""
    part = share_of_patients(cohort_of(count, cases_each=1), percent, seed)
    positive = sum(case.labels["sick"] for case in part)
    assert abs(positive - len(part) * ((count + 3) // 4) / count) <= 2


def test_everything_is_a_hundred_percent_and_a_hundredth_of_a_few_is_one_patient():
    cohort = cohort_of(12)
    assert share_of_patients(cohort, 100).cases == cohort.cases
    assert len(patients(share_of_patients(cohort, 1))) == 1


def test_the_part_depends_on_the_seed_and_on_nothing_else():
    cohort = cohort_of(60)
    turned = Cohort(cohort.cases[::-1], Path("elsewhere"))
    assert patients(share_of_patients(cohort, 20, 1)) == patients(share_of_patients(turned, 20, 1))
    drawn = {frozenset(patients(share_of_patients(cohort, 20, seed))) for seed in range(6)}
    assert len(drawn) == 6
    seen = Counter(name for part in drawn for name in part)
    assert max(seen.values()) < 6  # no patient is in every part


def test_cases_of_unknown_patients_count_singly():
    cases = tuple(Case(id=f"c{n}", images={"image": "x.png"}, labels={"sick": n % 2}) for n in range(10))
    assert len(share_of_patients(Cohort(cases, Path()), 40)) == 4


@pytest.mark.parametrize("percent", [0, -1, 101, float("nan")])
def test_a_share_out_of_range_is_a_mistake(percent):
    with pytest.raises(ValueError, match="percent of the patients"):
        share_of_patients(cohort_of(4), percent)
