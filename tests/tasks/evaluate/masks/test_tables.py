import math

from tasks.evaluate.masks.test_summary import result
from vesalius.metrics.cardiac import Pumping
from vesalius.tasks.evaluate.masks.pump import Beat
from vesalius.tasks.evaluate.masks.summary import summarise
from vesalius.tasks.evaluate.masks.tables import (
    COLUMNS,
    csv_rows,
    lowest_table,
    overlap_table,
    patient_table,
    pumping_patient_table,
    pumping_table,
)

RESULTS = [result("a", "A", (1, 0.5, 2.0), (3, 0.9, math.nan)), result("b", "B", (1, 1.0, 4.0))]
ROWS = [row for one in RESULTS for row in one.rows]


def test_overlap_says_how_many_have_a_value():
    table = overlap_table(summarise(RESULTS, [], {}, {3: "LV"}))
    assert table.rows[0][:3] == ["1", "0.750", "3.00"]
    assert table.rows[1][:3] == ["LV", "0.900 (1 of 2)", "-"]
    assert table.caption == "Mean of 2 patients, 2 masks; intervals by patient"


def test_ten_patients_get_an_interval_and_no_list():
    summary = summarise([result(f"c{n}", f"P{n}", (1, n / 10, 1.0)) for n in range(10)], [], {}, {})
    assert patient_table(summary) is None
    assert overlap_table(summary).rows[0][1].startswith("0.450 [0.")


def test_few_patients_are_listed():
    rows = patient_table(summarise(RESULTS, [], {}, {})).rows
    assert [row[:3] for row in rows if row[1] == "3"] == [["a", "3", "0.900"], ["b", "3", "-"]]


def test_the_left_ventricle():
    summary = summarise(RESULTS, [Beat("a", "A", Pumping(100, 50), Pumping(120, 48))], {}, {})
    rows = pumping_table(summary).rows
    assert [row[0] for row in rows] == ["EDV (mL)", "ESV (mL)", "SV (mL)", "EF (%)"]
    assert rows[-1][1:] == ["60.0", "50.0", "-10.0", "10.0"]
    assert pumping_patient_table(summary).rows[0] == ["a", "EDV (mL)", "120.0", "100.0", "-20.0"]
    bare = summarise(RESULTS, [], {}, {})
    assert (pumping_table(bare).rows, pumping_patient_table(bare)) == ([], None)


def test_the_lowest_come_first():
    assert [row[0] for row in lowest_table(ROWS, {}).rows] == ["a", "a", "b"]


def test_rows_for_programs():
    rows = csv_rows(ROWS, {"A": "a", "B": "b"}, {1: "RV"})
    assert tuple(rows[0]) == COLUMNS
    assert (rows[0]["class"], rows[0]["difference_ml"], rows[1]["hd95_mm"]) == ("RV", 0.5, None)
