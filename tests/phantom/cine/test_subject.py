"""Group statistics against what is published.

Criteria: Bernard et al. 2018 (doi 10.1109/TMI.2018.2837502) and the classification rules of the challenge. Means and
standard deviations: normal EDV Kawel-Boehm et al. 2015 (doi 10.1186/s12968-015-0111-7), normal EF and mass Petersen
et al. 2017 (doi 10.1186/s12968-017-0327-9), failing and hypertrophic hearts Sunnybrook Cardiac Data (Radau et al.
2009). ACDC publishes criteria, not means: what is expected is the published distribution, cut off at the criteria.
"""

import re
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import truncnorm

from vesalius.errors import UsageError
from vesalius.phantom.cine.options import GROUPS, CineOptions
from vesalius.phantom.cine.subject import draw_subject, group_of

MANY = 300


@cache
def cohort(group):
    options = CineOptions.build(groups=(group,))
    return [draw_subject(options, f"patient{number:03d}") for number in range(1, MANY + 1)]


def cut_mean(mean, sd, low, high):
    return truncnorm.mean((low - mean) / sd, (high - mean) / sd, mean, sd)


@pytest.mark.parametrize("group", GROUPS)
def test_every_subject_meets_the_criteria_of_its_group(group):
    for one in cohort(group):
        lv, rv, mass = (value / one.bsa_m2 for value in (one.lv_edv_ml, one.rv_edv_ml, one.mass_g))
        assert {
            "NOR": lv < (90 if one.sex == "M" else 80) and rv < 100 and one.lv_ef > 0.5 and one.rv_ef > 0.45,
            "DCM": lv > 100 and one.lv_ef < 0.4,
            "HCM": one.lv_ef > 0.55 and mass > 110,
            "MINF": one.lv_ef < 0.4,
            "RV": rv > 110 or one.rv_ef < 0.4,
        }[group]
        assert 1.2 < one.bsa_m2 < 2.7
        assert 0.1 < one.rv_ef < 0.75
        assert 12 < one.weight_kg / (one.height_cm / 100) ** 2 < 40


@pytest.mark.parametrize(("sex", "edv", "ef", "mass"), [
    ("M", cut_mean(81, 12, 57, 89), cut_mean(58, 5, 51, 72), 53),
    ("F", cut_mean(76, 10, 56, 79), cut_mean(61, 5, 51, 72), 42),
])  # fmt: skip
def test_normal_hearts_have_the_published_means(sex, edv, ef, mass):
    chosen = [one for one in cohort("NOR") if one.sex == sex]
    assert len(chosen) > MANY / 3
    assert np.mean([one.lv_edv_ml / one.bsa_m2 for one in chosen]) == pytest.approx(edv, abs=2.5)
    assert np.mean([100 * one.lv_ef for one in chosen]) == pytest.approx(ef, abs=1.5)
    assert np.mean([one.mass_g / one.bsa_m2 for one in chosen]) == pytest.approx(mass, abs=2.5)


@pytest.mark.parametrize(
    ("group", "edv", "limits", "ef", "mass"),
    [
        ("DCM", (233.67, 63.21), (102, 190), cut_mean(33.09, 13.07, 12, 39), 193.69),
        ("MINF", (244.92, 86.02), (70, 190), cut_mean(32.01, 12.27, 12, 39), 201.32),
        ("HCM", (114.39, 50.46), (40, 90), cut_mean(62.72, 9.22, 56, 78), None),
    ],
)
def test_sick_hearts_have_the_published_means(group, edv, limits, ef, mass):
    """The volume is cut off in mL/m2, the mass of DCM at 0.9 g for each mL (12 mm of wall)."""
    chosen = cohort(group)
    bsa = np.mean([one.bsa_m2 for one in chosen])
    expected = cut_mean(*edv, limits[0] * bsa, limits[1] * bsa)
    assert np.mean([one.lv_edv_ml for one in chosen]) == pytest.approx(expected, rel=0.06)
    assert np.mean([100 * one.lv_ef for one in chosen]) == pytest.approx(ef, abs=2.5)
    if mass:
        assert np.mean([one.mass_g for one in chosen]) == pytest.approx(mass, rel=0.1)


@pytest.mark.parametrize("group", GROUPS)
def test_both_ventricles_eject_the_same(group):
    for one in cohort(group):
        assert one.rv_edv_ml - one.rv_esv_ml == pytest.approx(one.lv_edv_ml - one.lv_esv_ml)


@given(st.integers(0, 2**40), st.from_regex(re.compile(r"[a-z]{1,8}[0-9]{0,4}"), fullmatch=True))
def test_a_subject_depends_on_seed_and_name_only(seed, name):
    few, many = CineOptions.build(seed=seed, patients=1), CineOptions.build(seed=seed, patients=99, frames=30)
    assert draw_subject(few, name) == draw_subject(many, name)
    assert draw_subject(few, name).group == group_of(few, name)


def test_groups_take_turns_by_number():
    options = CineOptions()
    assert [group_of(options, f"patient{number:03d}") for number in range(1, 6)] == list(GROUPS)


@pytest.mark.parametrize("name", ["", "../up", "a b", "-x", "a/b"])
def test_a_name_that_is_no_folder_is_refused(name):
    with pytest.raises(UsageError):
        draw_subject(CineOptions(), name)
