import pytest

from vesalius.cohort.builders.files import example, files_below, number_or_text, read_table, separator, stem
from vesalius.errors import InputError


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12),
        ("0", 0),
        ("-3", -3),
        ("1.80", 1.8),
        ("0.5", 0.5),
        ("007", "007"),
        ("1e5", "1e5"),
        ("nan", "nan"),
        ("F", "F"),
        ("1_0", "1_0"),
    ],
)
def test_numbers_and_names(cell, value):
    found = number_or_text(cell)
    assert (found, type(found)) == (value, type(value))


def test_the_order_is_fixed_and_hidden_files_are_left_out(tmp_path):
    for name in ("b/2.png", "a/1.png", "b/.3.png", ".git/4.png", "b/c/5.PNG", "6.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    assert [path.name for path in files_below(tmp_path, (".png",))] == ["1.png", "2.png", "5.PNG"]
    assert stem(tmp_path / "x.y.NII.gz") == "x.y"


def test_tables(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\ufeff a , b\n 1 ,\n2\n", encoding="utf-8")
    assert read_table(path) == [{"a": "1", "b": ""}, {"a": "2", "b": ""}]
    path.write_text("")
    with pytest.raises(InputError, match="empty table"):
        read_table(path)
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(tmp_path)
    assert example(["a", "b", "c", "d"]) == "4 (a, b, c, ...)"


def test_separators_and_rows_of_any_length(tmp_path):
    assert [separator(head) for head in ("a,b", "a;b", "a\tb", "a", "a, b;c,d")] == [",", ";", "\t", ",", ","]
    path = tmp_path / "t.csv"
    path.write_text("a;b;a\n1;2;3;4\n\n5\n")
    assert read_table(path, ";") == [{"a": "3", "b": "2"}, {"a": "", "b": ""}]
