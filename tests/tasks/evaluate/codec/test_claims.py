import pytest

from tasks.evaluate.codec.fake import study
from tasks.evaluate.codec.fake_judge import judged_study
from vesalius.tasks.evaluate.codec.claims import claims_table
from vesalius.tasks.evaluate.codec.summary import summarise


def rows_of(*results):
    """(claim, condition) -> row by the names of columns."""
    (data_set,) = summarise(results).data_sets
    table = claims_table(data_set)
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in table.rows]
    return {(row["Claim"], row["Measured"]): row for row in rows}


AT = "at 1,000:1"


def test_each_claim_with_its_conditions():
    """50 + 16 dB at 5:1, 4 dB less for each doubling: 35.4 dB at 1000:1; the heart lies 4 dB below."""
    rows = rows_of(study("a", shift=16.0, share=2.0))
    whole = rows["PSNR (dB)", f"whole field {AT}"]
    assert (whole["Claimed"], whole["svtav1"], whole["x265"], whole["Met by"]) == ("> 35", "35.4", "-", "svtav1")
    assert rows["PSNR (dB)", f"heart region {AT}"]["Met by"] == "not met"
    assert rows["SSIM", f"whole field {AT}"]["svtav1"] == "0.795"
    ratio = rows["ratio", "whole field at 35 dB"]
    assert float(ratio["svtav1"].replace(",", "")) == pytest.approx(5 * 2 ** (31 / 4), rel=0.01)
    assert (ratio["Claimed"], ratio["Met by"]) == ("> 1,000", "svtav1")
    assert rows["ratio", "heart region at 35 dB"]["Met by"] == "not met"  # 5 * 2 ** (27 / 4) = 538
    assert rows["decoding (ms per frame)", "file nearest to 1,000:1"]["Met by"] == "not met"  # 17 ms
    dice = rows["Dice of a segmentation", "needs --judge"]
    assert (dice["svtav1"], dice["Met by"]) == ("", "not measured")
    assert not any(claim.startswith("tokens") for claim, _ in rows)


def test_a_claim_is_not_met_where_a_patient_does_not_reach_it():
    row = rows_of(study("a", shift=16.0), study("b", shift=16.0, share=2.0))["PSNR (dB)", f"whole field {AT}"]
    assert row["x265"].endswith("(1 of 2)")
    assert row["Met by"] == "svtav1"


@pytest.mark.parametrize(("count", "met"), [(32, "tokens:m"), (33, "not met")])
def test_the_number_of_tokens(count, met):
    base = study("a")
    points = tuple(point.model_copy(update={"coder": "tokens:m", "tokens": count}) for point in base.of("svtav1"))
    row = rows_of(base.model_copy(update={"points": (*base.points, *points)}))["tokens of a study", "largest file"]
    assert (row["Claimed"], row["tokens:m"], row["svtav1"], row["Met by"]) == ("<= 32", f"{count}.0", "", met)


def test_still_scans_have_no_claims():
    assert rows_of(study("a", frames=1)) == {}


def test_dice_of_a_judge():
    row = rows_of(judged_study("a"))[
        "Dice of a segmentation", f"judge with masks of readers; on the originals 0.930, {AT}"
    ]
    assert (row["svtav1"], row["x265"], row["Met by"]) == ("0.709", "0.701", "not met")
    without = rows_of(judged_study("a", masks=False))
    row = without["Dice of a segmentation", f"judge with its masks of the original, {AT}"]
    assert (row["svtav1"], row["Met by"]) == ("0.809", "not met")
