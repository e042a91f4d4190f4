import pytest

from vesalius.app.lines import line_of, without_paths
from vesalius.errors import InputError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("is cut short", where="/data/x/a.nii", fix="copy it again"), "a.nii: is cut short; copy it again"),
        (InputError("cannot read /data/zoe/scans/b.dcm"), "cannot read b.dcm"),
        (InputError("two\nlines"), "two lines"),
        (FileNotFoundError(2, "No such file", "/secret/place"), "The server could not read or write a file"),
        (MemoryError(), "There is not enough memory"),
        (RuntimeError("/secret/place"), "An unforeseen RuntimeError"),
    ],
)
def test_an_error_becomes_a_line_without_a_path(error, line):
    text, _ = line_of(error)
    assert text.startswith(line)
    assert "secret" not in text
    assert "\n" not in text


def test_only_unforeseen_errors_are_bugs():
    assert line_of(RuntimeError())[1]
    assert not line_of(InputError("x"))[1]
    assert not line_of(MemoryError())[1]


def test_ratios_and_dates_stay_and_long_lines_end():
    assert without_paths("a ratio of 1/2, 10/2025, and 3:1") == "a ratio of 1/2, 10/2025, and 3:1"
    assert len(without_paths("x" * 10_000)) == 500
