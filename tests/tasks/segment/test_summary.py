import math

import numpy as np
import pytest

from vesalius.tasks.segment.measure import Measured
from vesalius.tasks.segment.summary import error_text, function_rows, mean, sections, summarized


def row(patient, map_="mask", name="lv", dice=0.9, hd95=2.0, found=50.0, truth=60.0):
    return Measured(f"{patient}/{map_}", patient, map_, name, dice, hd95, found, truth)


def test_means_are_over_patients_and_not_over_maps():
    rows = [row(1, "ED", dice=1.0), row(1, "ES", dice=0.8), row(2, "ED", dice=0.5)]
    told = summarized(rows, [])
    assert told["classes"]["lv"]["dice"] == pytest.approx((0.9 + 0.5) / 2)
    assert told["classes"]["lv"]["patients"] == 2
    assert told["classes"]["lv"]["interval"] is None
    assert told["dice"] == told["classes"]["lv"]["dice"]


def test_intervals_from_ten_patients_on():
    draw = np.random.default_rng(0)
    rows = [row(patient, dice=float(draw.uniform(0.7, 0.9))) for patient in range(12)]
    low, high = summarized(rows, [])["classes"]["lv"]["interval"]
    assert low < summarized(rows, [])["dice"] < high


def test_what_was_in_neither_map_does_not_count():
    rows = [row(1, dice=math.nan, hd95=math.nan), row(2, dice=0.6, hd95=math.nan)]
    told = summarized(rows, [])["classes"]["lv"]
    assert (told["dice"], told["patients"], told["hd95_mm"]) == (0.6, 1, None)


def test_ejection_fraction():
    rows = [row(1, "ED", found=100, truth=120), row(1, "ES", found=40, truth=60), row(2, "ED"), row(3, "ES")]
    (one,) = function_rows(rows, "lv")
    assert (one.ef_found, one.ef_truth) == (60, 50)
    told = summarized(rows, [one])["ejection_fraction"]
    assert told == {
        "ef_from": "stated frames",
        "warnings": {},
        "patients": 1,
        "of_patients": 1,
        "mean_error_points": 10,
        "mean_absolute_error_points": 10,
    }
    assert function_rows(rows, None) == []


def test_sections_hold_every_patient():
    rows = [row(1, "ED"), row(1, "ES"), row(2, "ED"), row(2, "ES")]
    functions = function_rows(rows, "lv")
    first, each, ef = sections(rows, functions, "test", ("held-out.png",))
    assert "4 label maps of 2 patients" in first.blocks[0].text
    assert [line[:2] for line in each.blocks[0].rows] == [["1", "ED"], ["1", "ES"], ["2", "ED"], ["2", "ES"]]
    assert len(ef.blocks[0].rows) == 2
    assert "0.0 points" in ef.blocks[0].caption


def test_mean_of_nothing():
    assert math.isnan(mean([math.nan]))


def test_a_class_that_one_map_does_not_hold():
    each = sections([row(1, "ED"), row(1, "ED", name="rv"), row(1, "ES")], [], "test", ())[1]
    assert each.blocks[0].rows == [["1", "ED", "0.900", "0.900", "2.0", "2.0"], ["1", "ES", "0.900", "-", "2.0", "-"]]


def test_an_ejection_fraction_that_nobody_can_tell_is_not_counted():
    rows = [row(1, "ED", found=0.0), row(1, "ES", found=0.0), row(2, "ED", found=100), row(2, "ES", found=40, truth=30)]
    functions = function_rows(rows, "lv")
    told = summarized(rows, functions)["ejection_fraction"]
    assert (told["patients"], told["of_patients"]) == (1, 2)
    assert error_text(told) == "10.0 points (1 of 2 patients)"
    none = function_rows(rows[:2], "lv")
    assert "fraction: - (0 of 1 patients)." in sections(rows[:2], none, "test", ())[2].blocks[0].caption


def test_studies_of_one_patient_stay_apart_and_count_once():
    rows = [
        Measured(f"{study}/{map_}", patient, map_, "lv", 0.9, 2.0 * patient, ml, 50.0 if map_ == "ED" else 25.0)
        for study, patient, es in (("a", 1, 20.0), ("b", 1, 30.0), ("c", 2, 50.0))
        for map_, ml in (("ED", 100.0), ("ES", es))
    ]
    functions = function_rows(rows, "lv")
    assert [(one.patient, one.ef_found) for one in functions] == [(1, 80), (1, 70), (2, 50)]
    told = summarized(rows, functions)
    assert told["ejection_fraction"]["mean_absolute_error_points"] == pytest.approx((25 + 0) / 2)
    assert told["classes"]["lv"]["hd95_mm"] == pytest.approx(3)
    assert len(sections(rows, functions, "test", ())[1].blocks[0].rows) == 6


def test_hearts_that_cannot_be_are_warnings():
    rows = [row(1, "ED", found=50, truth=90), row(1, "ES", found=60, truth=40), row(2, "ED", found=2, truth=100)]
    rows += [row(2, "ES", found=1, truth=5)]
    functions = function_rows(rows, "lv")
    told = summarized(rows, functions)["ejection_fraction"]["warnings"]
    assert told == {
        "implausible by the model: ESV above EDV, so EF is negative": [1],
        "implausible by the model: EDV below 20 mL": [2],
        "implausible by the reference: EF above 85 %": [2],
    }
    table, *warnings = sections(rows, functions, "test", ())[2].blocks
    assert table.kind == "table"
    assert [one.text for one in warnings] == [f"Patient {who[0]}: {what}." for what, who in told.items()]
    assert {one.tone for one in warnings} == {"warning"}
