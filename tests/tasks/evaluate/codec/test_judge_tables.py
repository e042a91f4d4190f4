from tasks.evaluate.codec.fake_judge import judged_study
from tasks.evaluate.codec.test_tables import cells
from vesalius.report.page import Made
from vesalius.tasks.evaluate.codec.judge_tables import judge_study_table, judge_table, originals_table
from vesalius.tasks.evaluate.codec.page import build_report
from vesalius.tasks.evaluate.codec.summary import summarise
from vesalius.tasks.evaluate.codec.tables import claims_table


def data_set(*results):
    (found,) = summarise(results).data_sets
    return found


def test_the_ceiling():
    rows = cells(originals_table(data_set(judged_study("a"))))
    assert [row["Study"] for row in rows] == ["a"]
    assert (rows[0]["Dice rim"], rows[0]["Dice lv"]) == ("0.900", "0.960")
    assert (rows[0]["EDV (mL)"], rows[0]["EF (%)"], rows[0]["EF of the masks (%)"]) == ("100.0", "60.0", "55.0")
    two = cells(originals_table(data_set(judged_study("a"), judged_study("b", masks=False))))
    assert [row["Study"] for row in two] == ["a", "b", "mean"]
    assert (two[1]["Dice lv"], two[1]["ED, ES known by"]) == ("-", "judge")


def test_restored_scans():
    rows = {(row["Ratio"], row["Coder"]): row for row in cells(judge_table(data_set(judged_study("a"))))}
    assert list(rows)[::2] == [("100:1", "svtav1"), ("300:1", "svtav1"), ("1,000:1", "svtav1")]
    near = rows["300:1", "svtav1"]
    assert near["Dice lv"] == "0.802 (-0.158)"
    assert (near["EDV (mL)"], near["ESV (mL)"], near["EF (points)"], near["|EF|"]) == ("-3.1", "+0.0", "+0.0", "0.0")
    assert not any("judge(original)" in name for name in near)


def test_agreement_is_called_so():
    (row, *_) = cells(judge_table(data_set(judged_study("a", masks=False))))
    assert "Dice lv" not in row
    assert row["Dice lv with judge(original)"].startswith("0.8")


def test_patients_are_listed_where_they_are_few():
    assert judge_study_table(data_set(judged_study("a"))) is None
    rows = cells(judge_study_table(data_set(judged_study("a"), judged_study("b", masks=False))))
    assert len(rows) == 2 * 3 * 2
    assert (rows[-1]["Study"], rows[-1]["Dice lv"]) == ("b", "-")
    ten = data_set(*(judged_study(f"p{n}") for n in range(10)))
    assert judge_study_table(ten) is None
    assert len(originals_table(ten).rows) == 1
    assert "[" in cells(judge_table(ten))[0]["EDV (mL)"]


def test_the_claim_of_dice():
    def claims(*results):
        return {row["Claim at 1,000:1"]: row for row in cells(claims_table(data_set(*results)))}

    rows = claims(judged_study("a"))
    row = rows["Dice 0.90, judge with masks (its own 0.930)"]
    assert (row["svtav1"], row["x265"], row["Holds for"]) == ("0.709", "0.701", "none")
    assert "Dice of a segmentation" not in rows
    row = claims(judged_study("a", masks=False))["Dice 0.90, judge with judge(original)"]
    assert (row["svtav1"], row["Holds for"]) == ("0.809", "none")


def test_the_page_shows_tables_and_definitions(tmp_path):
    results = [judged_study("a"), judged_study("b", masks=False)]
    text = build_report(results, summarise(results), Made(command="x", date="2026-11-21"), tmp_path).to_json()
    for words in ("its ceiling", "the judge on restored scans, each study", "Lossless files equal the original"):
        assert words in text
