from tasks.evaluate.codec.fake import study
from tasks.evaluate.codec.fake_judge import judged_study
from vesalius.report.table import plain_text
from vesalius.tasks.evaluate.codec.page import show
from vesalius.tasks.evaluate.codec.results import Exact
from vesalius.tasks.evaluate.codec.summary import summarise
from vesalius.tasks.evaluate.codec.tables import (
    delta_rate_table,
    judge_study_table,
    judge_table,
    lossless_table,
    orientation_table,
    originals_table,
    study_table,
)


def cells(table):
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_orientation():
    (data_set,) = summarise([study("a"), study("b", shift=-12.0)]).data_sets
    table = orientation_table(data_set)
    first = cells(table)[0]
    assert (first["Region"], first["Coder"]) == ("whole", "svtav1")
    assert first["ratio at 40 dB"] == "28.3 (1 of 2)"
    assert first["ratio at 30 dB"] == "90.0"  # the mean of 160 and 20
    assert len(table.rows) == 4
    assert table.caption == "cine: mean of 2 studies"
    assert plain_text(table).startswith(table.caption)
    assert data_set.intervals == "by study (patients unknown)"
    assert "28.3 (1 of 2)" in plain_text(table)


def test_ten_patients_get_intervals_and_no_list():
    (data_set,) = summarise([study(f"p{n}", shift=n / 4) for n in range(10)]).data_sets
    assert study_table(data_set).rows == []
    shown = cells(orientation_table(data_set))[0]["ratio at 40 dB"]
    mean, low, high = (float(word.strip("[],")) for word in shown.split())
    assert low < mean < high
    assert "[" in cells(orientation_table(data_set))[0]["dB at 100:1"]
    assert orientation_table(data_set).caption == "cine: mean of 10 studies; intervals by study (patients unknown)"
    assert "[" in cells(delta_rate_table(data_set))[1]["against svtav1"]


def test_few_patients_are_listed():
    (data_set,) = summarise([study("a"), study("b", shift=-12.0)]).data_sets
    rows = cells(study_table(data_set))
    assert [row["Study"] for row in rows] == ["a"] * 4 + ["b"] * 4
    assert (rows[0]["ratio at 40 dB"], rows[4]["ratio at 40 dB"]) == ("28.3", "-")
    assert (rows[0]["BD-rate svtav1"], rows[1]["BD-rate svtav1"]) == ("-", "+25.0 %")


def test_delta_rates():
    (data_set,) = summarise([study("a"), study("b", share=2.0)]).data_sets
    first, second, *_ = cells(delta_rate_table(data_set))
    assert (first["against svtav1"], first["against x265"]) == ("-", "-35.0 %")  # the mean of -20 and -50
    assert (second["against svtav1"], second["against x265"]) == ("+62.5 %", "-")


def test_lossless():
    exact = (Exact(method="jpegxl", size_bytes=500), Exact(method="x265", size_bytes=None, why_not="14 bits"))
    summary = summarise([study("a", exact=exact), study("b", data_set="other", exact=exact[:1])])
    assert cells(lossless_table(summary)) == [
        {"Lossless": "jpegxl", "cine": "4.00", "other": "4.00"},
        {"Lossless": "x265", "cine": "-", "other": "-"},
    ]


def test_tables_that_say_nothing_are_empty():
    still = study("a", frames=1).model_copy(update={"points": tuple(study("a").of("svtav1"))})
    lone = still.model_copy(update={"points": tuple(one.model_copy(update={"coder": "z"}) for one in still.points)})
    (data_set,) = summarise([lone]).data_sets
    assert delta_rate_table(data_set).rows == []
    assert orientation_table(data_set).rows != []


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
    rows = {
        (row["Ratio, bytes per frame"], row["Coder"]): row for row in cells(judge_table(data_set(judged_study("a"))))
    }
    assert list(rows)[:6:2] == [("100:1", "svtav1"), ("300:1", "svtav1"), ("1,000:1", "svtav1")]
    assert [rate for rate, coder in rows if coder == "svtav1"][3:] == ["12 B", "16 B", "30 B", "50 B", "74 B", "100 B"]
    assert rows["139 B", "x265"]["Dice lv"] == "0.945 (-0.015)"  # 0.95 at 160 bytes, 0.90 at 40
    near = rows["300:1", "svtav1"]
    assert near["Dice lv"] == "0.802 (-0.158)"
    assert (near["EDV (mL)"], near["ESV (mL)"], near["EF (points)"], near["|EF|"]) == ("-3.1", "+0.0", "+0.0", "0.0")
    assert not any("judge(original)" in name for name in near)


def test_agreement_is_called_so():
    (row, *_) = cells(judge_table(data_set(judged_study("a", masks=False))))
    assert "Dice lv" not in row
    assert row["Dice lv with judge(original)"].startswith("0.8")


def test_patients_are_listed_where_they_are_few():
    assert judge_study_table(data_set(judged_study("a"))).rows == []
    rows = cells(judge_study_table(data_set(judged_study("a"), judged_study("b", masks=False))))
    assert len(rows) == 2 * (3 * 2 + 6 * 2 + 1)
    assert (rows[-1]["Study"], rows[-1]["Dice lv"]) == ("b", "-")
    ten = data_set(*(judged_study(f"p{n}") for n in range(10)))
    assert judge_study_table(ten).rows == []
    assert len(originals_table(ten).rows) == 1
    assert "[" in cells(judge_table(ten))[0]["EDV (mL)"]


def test_the_page_shows_tables_and_definitions():
    results = [judged_study("a"), judged_study("b", masks=False)]
    text = " ".join(section.model_dump_json() for section in show(results, summarise(results)).sections)
    for words in ("its ceiling", "the judge on restored scans, each study", "Lossless files equal the original"):
        assert words in text
