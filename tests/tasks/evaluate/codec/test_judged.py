import pytest

from tasks.evaluate.codec.fake_judge import judged_study, judgement
from vesalius.tasks.evaluate.codec.judged import difference, judge_columns, mean_by_class, mean_of
from vesalius.tasks.evaluate.codec.results import Exact, StudyResult


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
