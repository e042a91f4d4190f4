import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.csv_table import header, number_in, read_text_table, row_cells, row_text, write_rows
from vesalius.errors import InputError

ROWS = [{"id": "1", "note": "a,b"}, {"id": "2", "note": ""}]


@pytest.mark.parametrize(
    "content",
    [
        b'id,note\n1,"a,b"\n2,\n',
        b"id;note\r\n1;a,b\r\n2;\r\n\r\n;\r\n",
        b'\xef\xbb\xbf"id"\t"note"\r1\ta,b\r2\r',
        b'sep=;\nid; note ;\n 1 ;"a,b";\n2;;;\n',
        "id\tnote\n1\ta,b\n2\t\n".encode("utf-16"),
    ],
    ids=["comma", "semicolon", "tab", "sep", "utf-16"],
)
def test_tables_of_spreadsheets(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    found = [{name: cell for name, cell in row.items() if name} for row in read_text_table(path).rows()]
    assert found == ROWS
    assert [name for name in header(path) if name] == ["id", "note"]


def test_lines_keep_their_numbers(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('sep=,\na,b\n\n1,"x\ny"\n,\n2,z\n')
    assert read_text_table(path).numbers == (5, 7)  # of the last line of a cell
    assert [cells for _, cells in read_text_table(path, keep_blank=True).lines] == [
        [],
        ["1", "x\ny"],
        ["", ""],
        ["2", "z"],
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is an empty table"),
        (b"\n1,2\n", "is an empty table"),
        (b"a,b\n1,2,3\n", "line 2 has more cells than the table has columns; put cells"),
        (b"a;B;b\n1;2;3\n", "has the column b 2 times; leave one of them"),
        ("a,b\nMüller,2\n".encode("cp1252"), 'it is not UTF-8 text.*; save it again as "CSV UTF-8"'),
        (b'a,b\n1,"2\n3,4\n', "cannot be read as a table"),
        (b'"id,patient"\n"1,p"\n"2,q"\n', "holds one column: each line is one cell in quotes"),
    ],
)
def test_what_is_no_table_is_refused_with_the_cause(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_text_table(path).rows()


def test_what_is_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(InputError, match="cannot be read as a table"):
            read_text_table(path)
        assert header(path) == ()


def test_one_column_whose_name_holds_a_comma(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('"stroke, acute"\n1\n0\n')
    assert read_text_table(path).columns == ("stroke, acute",)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1", 1), ("-1.5", -1.5), ("0,123", 0.123), ("-0,5", -0.5), ("12,75", 12.75), ("1,2345", 1.2345)],
)
def test_decimal_commas(cell, value):
    assert number_in(cell) == value


@pytest.mark.parametrize("cell", ["1,234", "12,345", "1,2,3", "1.234,5", "high", ""])
def test_commas_that_may_divide_thousands_are_no_numbers(cell):
    with pytest.raises(ValueError, match="could not convert"):
        number_in(cell)


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3", "@x", "\t=1", "\r=1", '=cmd|"/c calc"!A1', "'=1", "''-x"])
def test_text_that_a_spreadsheet_would_run_is_written_as_text(text):
    written = row_text([text])
    (cell,) = next(csv.reader(io.StringIO(written, newline="")))
    assert cell == "'" + text
    assert row_cells(written) == [text]


def test_numbers_and_other_text_stay_as_they_are():
    cells = [-1.5, -3, float("-inf"), "-1.5", "+3", "-1e-5", "a=b", "'quoted'", "1-2", None, 0.1]
    assert row_text(cells) == "-1.5,-3,-inf,-1.5,+3,-1e-5,a=b,'quoted',1-2,,0.1\n"


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2), max_size=4))
def test_any_text_comes_back_and_no_cell_is_a_formula(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [("a", "b"), *rows])
    assert [cells for _, cells in read_text_table(path, keep_blank=True).lines] == rows
    with path.open(encoding="utf-8", newline="") as file:
        seen = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in seen if cell[:1] in tuple("=@\t\r")]
    assert all(cell[:1] not in ("+", "-") or number_in(cell) is not None for cell in seen)


def test_a_line_that_was_cut_is_no_line():
    with pytest.raises(ValueError, match="unexpected end"):
        row_cells('1,"a')
