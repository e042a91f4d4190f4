import json
import math

import numpy as np
import pytest
from pydantic import TypeAdapter

from tasks.evaluate.codec.fake import study
from tasks.evaluate.codec.fake_judge import judged_study
from vesalius.json_values import as_json
from vesalius.tasks.evaluate.codec.results import Exact
from vesalius.tasks.evaluate.codec.summary import Summary, judge_summary, read_at, summarise


def test_readings_of_a_line():
    (data_set,) = summarise([study("a"), study("b", shift=2.0)]).data_sets
    whole, heart = data_set.of("whole"), data_set.of("heart")
    assert [one.coder for one in whole] == ["svtav1", "x265"]
    at_40 = whole[0].ratio_at_db[40]
    assert at_40.values == {"a": pytest.approx(5 * 2**2.5), "b": pytest.approx(5 * 2**3)}
    assert at_40.mean == pytest.approx(np.mean([5 * 2**2.5, 5 * 2**3]))
    assert whole[1].ratio_at_db[40].mean == pytest.approx(at_40.mean / 1.25)
    assert heart[0].ratio_at_db[30].values["a"] == pytest.approx(5 * 2**4)
    assert whole[0].psnr_at_ratio[100].values["b"] == pytest.approx(52 - 4 * math.log2(20))
    assert whole[0].ssim_at_ratio[1000].values["a"] == pytest.approx(0.5 + (50 - 4 * math.log2(200)) / 120)


RATIOS = (100, 320, 5000)


def test_delta_rates():
    (data_set,) = summarise([study("a"), study("b", shift=2.0, share=0.5)]).data_sets
    first, second = data_set.of("whole")
    assert first.delta_rate["x265"].values == {"a": pytest.approx(-20), "b": pytest.approx(100)}
    assert second.delta_rate["svtav1"].values == {"a": pytest.approx(25), "b": pytest.approx(-50)}
    assert "svtav1" not in first.delta_rate


def test_nothing_is_read_beyond_the_ends():
    (data_set,) = summarise([study("a"), study("b", shift=-12.0)]).data_sets
    at_40 = data_set.of("whole")[0].ratio_at_db[40]
    assert at_40.values == {"a": pytest.approx(5 * 2**2.5), "b": None}
    assert (at_40.present, at_40.mean) == (1, pytest.approx(5 * 2**2.5))
    assert data_set.of("whole")[1].psnr_at_ratio[1000].values["a"] is not None
    assert summarise([study("a", share=2.0)]).data_sets[0].of("whole")[1].psnr_at_ratio[1000].mean is None


def test_time_is_taken_near_the_claimed_ratio():
    (data_set,) = summarise([study("a")]).data_sets
    assert data_set.of("whole")[0].encode_ms.mean == 1280


def test_regions_without_masks_are_left_out():
    (data_set,) = summarise([study("a"), study("b", heart=None)]).data_sets
    assert list(data_set.of("heart")[0].ratio_at_db[40].values) == ["a"]
    (data_set,) = summarise([study("a", heart=None)]).data_sets
    assert data_set.of("heart") == []


def test_lossless_ratios_and_reasons():
    exact = (Exact(method="jpegxl", size_bytes=500), Exact(method="x265", size_bytes=None, why_not="14 bits"))
    first, second = summarise([study("a", exact=exact), study("b", data_set="other")]).data_sets
    assert first.lossless["jpegxl"].values == {"a": 4.0}
    assert first.lossless["x265"].mean is None
    assert first.why_no_lossless == {"x265": "14 bits"}
    assert second.lossless == {}
    assert [first.name, second.name] == ["cine", "other"]


def test_round_trip_as_strict_json():
    summary = summarise([study("a"), study("b", shift=-20.0)])
    text = json.dumps(as_json(summary), allow_nan=False)
    assert TypeAdapter(Summary).validate_json(text) == summary


def test_dice_is_read_between_neighbours_in_the_logarithm():
    summary = judge_summary([judged_study("a")], RATIOS)
    at = summary.coders[0].at
    share = math.log(100 / 80) / math.log(4)
    assert at[100].dice["lv"].values["a"] == pytest.approx(0.85 - 0.05 * share)
    assert at[320].dice["lv"].values["a"] == pytest.approx(0.80)
    assert at[320].dice_delta["lv"].values["a"] == pytest.approx(0.80 - 0.96)
    assert at[320].mean_dice.mean == pytest.approx((0.80 + 0.70) / 2)
    assert at[320].mean_dice_delta.mean == pytest.approx(0.75 - 0.93)
    assert at[320].edv_delta_ml.mean == pytest.approx(-3.2)
    assert at[5000].dice["lv"].values == {"a": None}  # beyond the measured end
    assert (summary.mean_dice.mean, summary.dice["lv"].mean) == (pytest.approx(0.93), pytest.approx(0.96))
    assert summary.masks_ef_percent.mean == 55
    assert at[320].mean_agreement.values == {}  # there are masks


def test_values_that_rise_and_fall_keep_every_point():
    result = judged_study("a", ef_of=lambda ratio: 60.0 + (5 if ratio == 80 else -3))
    summary = judge_summary([result], (80, 320))
    first, second = summary.coders[0].at.values()
    assert (first.ef_delta_points.mean, second.ef_delta_points.mean) == (pytest.approx(5), pytest.approx(-3))
    assert second.ef_error_points.mean == pytest.approx(3)


def test_nothing_is_read_beside_a_point_without_a_value():
    result = judged_study("a", ef_of=lambda ratio: None if ratio == 320 else 60.0)

    def ef(_, found):
        return found.ef_percent

    assert read_at(result, "svtav1", 100, ef) is None
    assert read_at(result, "svtav1", 80, ef) == 60
    assert read_at(study("b"), "svtav1", 80, ef) is None


def test_studies_without_masks_have_agreement():
    summary = judge_summary([judged_study("a"), judged_study("b", masks=False), study("c")], RATIOS)
    at = summary.coders[0].at[320]
    assert list(at.dice["lv"].values) == ["a"]
    assert at.mean_agreement.values == {"b": pytest.approx(0.85)}
    assert at.agreement["lv"].values == {"a": pytest.approx(0.85), "b": pytest.approx(0.85)}
    assert summary.frames_from == {"a": "Info.cfg", "b": "judge"}
    assert list(summary.ef_percent.values) == ["a", "b"]


def test_nobody_was_judged():
    assert judge_summary([study("a")], RATIOS) is None
    assert summarise([study("a")]).data_sets[0].judge is None


def test_judged_studies_round_trip_as_strict_json():
    summary = summarise([judged_study("a"), judged_study("b", masks=False)])
    text = json.dumps(as_json(summary), allow_nan=False)
    assert TypeAdapter(Summary).validate_json(text) == summary


def test_hearts_that_cannot_be():
    """By whose masks: the judge's of the original, of a restored scan, or the readers'."""
    assert judge_summary([judged_study("a")], RATIOS).warnings == {}
    bad = judged_study("b", ef_of=lambda ratio: 60.0)
    points = [one.model_copy(update={"judged": one.judged.model_copy(update={"esv_ml": 130.0})}) for one in bad.points]
    judged = bad.judged.model_copy(
        update={
            "original": bad.judged.original.model_copy(update={"edv_ml": 2.0, "esv_ml": 1.0, "in_pieces": ("ES",)}),
            "masks_ef_percent": -3.0,
        }
    )
    bad = bad.model_copy(update={"points": tuple(points), "judged": judged})
    assert judge_summary([judged_study("a"), bad], RATIOS).warnings == {
        "implausible by the reference masks: ESV above EDV, so EF is negative": ("b",),
        "implausible by the judge on the original: EDV below 20 mL": ("b",),
        "implausible by the judge on the original: the cavity is in several pieces at ES": ("b",),
        "implausible by the judge on a restored scan: ESV above EDV, so EF is negative": ("b",),
    }
