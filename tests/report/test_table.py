import csv
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import InputError
from vesalius.report.page import Column, ReportTable
from vesalius.report.table import fixed, number, plain_text, read_csv, rich_table, write_csv


@given(
    rows=st.lists(
        st.fixed_dictionaries({"name": st.text(st.characters(exclude_categories=["Cs"])), "x": st.floats()}),
        max_size=4,
    )
)
def test_csv_keeps_every_number_and_text(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    write_csv(path, rows, ["name", "x"])
    columns, again = read_csv(path)
    assert columns == ["name", "x"]
    assert [name for name, _ in again] == [row["name"] for row in rows]
    assert [repr(float(x)) for _, x in again] == [repr(row["x"]) for row in rows]


def test_text_is_no_formula(tmp_path):
    path = tmp_path / "t.csv"
    write_csv(path, [{"case": "=HYPERLINK(1)", "dice": -0.5, "+b": "-"}], ["case", "dice", "+b"])
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["case", "dice", "'+b"], ["'=HYPERLINK(1)", "-0.5", "'-"]]
    assert read_csv(path) == (["case", "dice", "+b"], [["=HYPERLINK(1)", "-0.5", "-"]])


def test_csv_cells(tmp_path):
    path = tmp_path / "t.csv"
    write_csv(path, [{"a": None, "b": 3}, {"b": math.inf}, {"a": "x,y"}], ["a", "b"])
    assert path.read_bytes() == b'a,b\n,3\n,inf\n"x,y",\n'
    assert read_csv(path) == (["a", "b"], [["", "3"], ["", "inf"], ["x,y", ""]])
    with pytest.raises(ValueError, match="c"):
        write_csv(path, [{"c": 1}], ["a", "b"])
    assert read_csv(path)[0] == ["a", "b"]


@pytest.mark.parametrize("data", [b"", b"a,b\n1\n", b'a\n"open', b"\xff\xfe\x00"])
def test_what_is_no_table(tmp_path, data):
    path = tmp_path / "t.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match="CSV"):
        read_csv(path)
    with pytest.raises(InputError):
        read_csv(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567.8, "1,234,568"), (486.4, "486"), (33.249, "33.2"), (8.6371, "8.64"), (0.012345, "0.0123"), (0, "0"),
        (-5.25, "-5.25"), (None, "-"), (math.nan, "-"), (math.inf, "inf"), (-math.inf, "-inf"),
    ],
)  # fmt: skip
def test_numbers_for_reading(value, shown):
    assert number(value) == shown


def test_fixed_decimals():
    assert fixed(35.06, 1) == "35.1"
    assert fixed(1e6, 0) == "1,000,000"
    assert fixed(None, 2) == "-"
    assert fixed(math.inf, 2) == "inf"


@given(st.floats(1e-9, 1e9), st.integers(2, 5))
def test_so_many_significant_digits(value, digits):
    assert float(number(value, digits).replace(",", "")) == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))


def test_a_long_name_is_not_cut():
    names = ["tokens:tokenize/first", "tokens:tokenize/other"]
    numbers = [Column(name=f"dB at {at}00:1", numeric=True) for at in range(4)]
    table = ReportTable(columns=[Column(name="Coder"), *numbers], rows=[[name, *"1234"] for name in names], caption="")
    shown = "".join(line.split()[0] for line in plain_text(table, 72).splitlines() if line)
    assert "".join(names) in shown


def test_a_table_of_many_numbers_is_wide_and_loses_nothing():
    columns = [Column(name="Ratio", numeric=True), Column(name="Coder")]
    columns += [Column(name=f"Dice {n} with judge(original)", numeric=True) for n in range(6)]
    rows = [["100:1", "tokens:tokenize/first", *["0.761 (-0.004)"] * 6], ["100:1", "mean", *["+123.4"] * 6]]
    lines = plain_text(ReportTable(columns=columns, rows=rows, caption=""), 80).splitlines()
    assert [line.split() for line in lines if "mean" in line] == [["100:1", "mean", *["+123.4"] * 6]]
    assert [line.count("0.761 (-0.004)") for line in lines if "tokens" in line] == [6]
    assert [line.count("with judge(original)") for line in lines if "Coder" in line] == [6]


def test_tables_for_the_terminal():
    table = ReportTable(
        columns=[Column(name="Coder"), Column(name="dB", numeric=True)],
        rows=[["svtav1", "33.2"], ["[bold]x", "128.1"]],
        caption="Mean of 4 patients, told in more words than the table is wide",
    )
    lines = plain_text(table).splitlines()
    assert lines[0] == table.caption
    assert [line.split() for line in lines if "x" in line] == [["[bold]x", "128.1"]]
    ends = [line.index(number) + len(number) for line in lines for number in ("33.2", "128.1") if number in line]
    assert ends[0] == ends[1]
    assert all(line == line.rstrip() and line.isascii() for line in lines)
    assert rich_table(table).columns[1].justify == "right"
