import pytest

from vesalius.cohort.builders.files import example, files_below, number_or_text, on_disk, stem


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


def test_what_is_left_out_is_counted_and_five_are_named():
    assert example(["a", "b"]) == "2 (a, b)"
    assert example(list("abcdef")) == "6 (a, b, c, d, e and 1 more)"


def test_paths_as_spreadsheets_write_them(tmp_path):
    (tmp_path / "d" / "e").mkdir(parents=True)
    (tmp_path / "d" / "x.nii").touch()
    (tmp_path / "odd\\name.nii").touch()
    assert on_disk(tmp_path, "d\\x.nii") == "d/x.nii"
    assert on_disk(tmp_path, ".\\d\\e") == "./d/e"
    assert on_disk(tmp_path, " d/x.nii ") == "d/x.nii"
    assert on_disk(tmp_path, "d\\x.npz#a/1") == "d\\x.npz#a/1"  # not there
    (tmp_path / "d" / "x.npz").touch()
    assert on_disk(tmp_path, "d\\x.npz#a/1") == "d/x.npz#a/1"
    for there_or_nowhere in ("odd\\name.nii", "d\\none.nii", "d/x.nii", "\\", " . ", "a\\" * 3000):
        assert on_disk(tmp_path, there_or_nowhere) == there_or_nowhere
