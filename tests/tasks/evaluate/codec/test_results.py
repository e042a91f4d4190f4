import json
import math

import pytest
from pydantic import ValidationError

from tasks.evaluate.codec.fake_judge import judged_study, judgement
from vesalius.report.page import Figure
from vesalius.tasks.evaluate.codec.results import (
    COLUMNS,
    Exact,
    Measures,
    Point,
    StudyResult,
    difference,
    judge_columns,
    mean_by_class,
    mean_of,
)

WHOLE = Measures(psnr_db=40.0, ssim=0.95, max_error=12.0, temporal_error=3.0)


def result(**changes):
    points = (
        Point(
            coder="x", step=2.0, size_bytes=100, tier_bytes=60, ratio=20.0, whole=WHOLE, heart=WHOLE, encode_ms=2.0,
            decode_ms=1.0,
        ),
        Point(
            coder="y", step=3.0, size_bytes=50, tier_bytes=10, tokens=7, ratio=40.0, heart=None, encode_ms=2.0,
            decode_ms=1.0,
            whole=Measures(psnr_db=math.inf, ssim=math.nan, max_error=0.0, temporal_error=None),
        ),
    )  # fmt: skip
    facts = {
        "data_set": "d", "name": "p", "shape": (1, 1, 10, 10, 10), "voxels": 1000, "source_bytes": 900,
        "gzip6_bytes": 800, "peak": 100.0, "heart": ((0, 1), (0, 2), (0, 3)), "points": points,
        "exact": (Exact(method="gzip-9", size_bytes=700), Exact(method="z", size_bytes=None, why_not="too deep")),
        "pictures": (Figure(file="a.png", caption="c", alt="a"),), "notes": ("n",),
    }  # fmt: skip
    return StudyResult(**(facts | changes))


def test_round_trip_through_strict_json():
    text = json.dumps(json.loads(result().model_dump_json(), parse_constant=pytest.fail))
    again = StudyResult.model_validate(json.loads(text))
    assert again.model_dump_json() == result().model_dump_json()
    assert again.points[1].whole.psnr_db == math.inf
    assert math.isnan(again.points[1].whole.ssim)
    with pytest.raises(ValidationError):
        StudyResult.model_validate({**json.loads(text), "surprise": 1})


def test_rows_of_the_table():
    rows = result().rows()
    assert all(set(row) <= set(COLUMNS) for row in rows)
    assert [(row["coder"], row["step"], row["bytes"]) for row in rows] == [
        ("x", 2.0, 100), ("y", 3.0, 50), ("gzip-9", "lossless", 700)]  # fmt: skip
    first, second, last = rows
    sizes = ("tier_bytes", "bytes_per_frame", "tier_bytes_per_frame", "tokens")
    assert [[row.get(name) for name in sizes] for row in rows] == [
        [60, 10, 6, None], [10, 5, 1, 7], [None, 70, None, None]]  # fmt: skip
    assert (first["ratio"], first["ratio_to_source"], first["ratio_to_gzip6"], first["bits_per_voxel"]) == (
        20,
        9,
        8,
        0.8,
    )
    assert (first["psnr_db"], first["heart_psnr_db"], first["heart_temporal_error"]) == (40, 40, 3)
    assert "heart_psnr_db" not in second
    assert last["encode_ms_per_frame"] is None
    assert result(gzip6_bytes=None).rows()[0]["ratio_to_gzip6"] is None


def test_points_of_a_coder():
    assert [point.size_bytes for point in result().of("y")] == [50]
    assert result().of("absent") == []


def test_cells_are_means_over_frames_and_differences_to_the_original():
    result = judged_study("a", exact=(Exact(method="jpegxl", size_bytes=9),))
    first, exact = result.rows()[0], result.rows()[-1]
    assert (first["judge_dice_lv"], first["judge_dice_delta_lv"]) == (pytest.approx(0.95), pytest.approx(-0.01))
    assert (first["judge_dice_rim"], first["judge_dice_delta_rim"]) == (0.85, pytest.approx(-0.05))
    assert (first["judge_edv_ml"], first["judge_edv_delta_ml"]) == (pytest.approx(99.95), pytest.approx(-0.05))
    assert (exact["judge_dice_lv"], exact["judge_dice_delta_lv"]) == (pytest.approx(0.96), 0)
    assert (exact["judge_agreement_lv"], exact["judge_ef_delta_percent"]) == (1, 0)
    assert set(first) & {name for name in first if name.startswith("judge")} == set(judge_columns([result.judged]))


def test_no_judge_no_columns():
    assert judge_columns([None]) == ()
    plain = judged_study("a").model_copy(update={"judged": None})
    assert not any(name.startswith("judge") for name in plain.rows()[-1])


def test_what_is_unknown_stays_unknown():
    without = judged_study("a", masks=False, ef_of=lambda ratio: None)
    row = without.rows()[0]
    assert (row["judge_dice_lv"], row["judge_dice_delta_lv"], row["judge_ef_delta_percent"]) == (None, None, None)
    assert row["judge_agreement_lv"] == 1
    assert not without.judged.has_masks
    assert difference(None, 1.0) is None
    assert (mean_by_class({"a": {}}), mean_of({})) == ({}, None)


def test_words_for_progress():
    assert judgement({"lv": {"ED": 0.9, "ES": 0.8}, "rim": {"ED": 0.6}}).words == ", Dice 0.725"
    assert judgement(agreement=0.5).words == ", agreement 0.500"


def test_round_trip():
    result = judged_study("a")
    assert StudyResult.model_validate_json(result.model_dump_json()) == result
