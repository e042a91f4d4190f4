import math

from tasks.evaluate.masks.test_summary import result
from vesalius.metrics.cardiac import Beat, Pumping
from vesalius.report.masks import COLUMNS, by_reason, csv_rows, lowest_table
from vesalius.tasks.evaluate.masks.summary import summarise

RESULTS = [result("a", "A", (1, 0.5, 2.0), (3, 0.9, math.nan)), result("b", "B", (1, 1.0, 4.0))]
ROWS = [row for one in RESULTS for row in one.rows]


def test_overlap_says_how_many_have_a_value():
    table = summarise(RESULTS, [], {}).overlap_tables[0]
    assert table.rows[0][:3] == ["1", "0.750", "3.00"]
    assert table.rows[1][:3] == ["LV", "0.900 (1 of 2)", "-"]
    assert table.caption == "Mean of 2 patients, 2 masks"


def test_ten_patients_get_an_interval_and_no_list():
    summary = summarise([result(f"c{n}", f"P{n}", (1, n / 10, 1.0)) for n in range(10)], [], {})
    (table,) = summary.overlap_tables
    assert table.rows[0][1].startswith("0.450 [0.")
    assert table.caption == "Mean of 10 patients, 10 masks; intervals by patient"


def test_few_patients_are_listed():
    rows = summarise(RESULTS, [], {}).overlap_tables[1].rows
    assert [row[:3] for row in rows if row[1] == "LV"] == [["a", "LV", "0.900"], ["b", "LV", "-"]]


def test_the_left_ventricle():
    summary = summarise(RESULTS, [Beat("a", "A", Pumping(100, 50), Pumping(120, 48))], {})
    means, each = summary.pumping_tables
    rows = means.rows
    assert [row[0] for row in rows] == ["EDV (mL)", "ESV (mL)", "SV (mL)", "EF (%)"]
    assert rows[-1][1:] == ["60.0", "50.0", "-10.0", "10.0"]
    assert each.rows[0] == ["a", "EDV (mL)", "120.0", "100.0", "-20.0"]
    assert means.caption == "Left ventricle, mean of 1 patient; ED and ES by stated frames"
    assert summarise(RESULTS, [], {}).pumping_tables == []


def test_the_lowest_come_first():
    assert [row[0] for row in lowest_table(ROWS).rows] == ["a", "a", "b"]


def test_rows_for_programs():
    rows = csv_rows(ROWS, {"A": "a", "B": "b"})
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["class"], rows[0]["difference_ml"], rows[1]["hd95_mm"]) == ("1", 0.5, None)


def test_reasons_are_grouped_with_their_cases():
    assert by_reason([("odd", "a"), ("odd", "b"), ("odd", "a"), ("late", "c")]) == {"odd": ("a", "b"), "late": ("c",)}
