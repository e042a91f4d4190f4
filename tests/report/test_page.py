import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vesalius.errors import InputError, OutputError
from vesalius.report.page import Column, Made, Report, limits_line, load_report, write_figure
from vesalius.report.table import read_csv, write_csv
from vesalius.report.web_page import AllRows, render

WORDS = st.text(max_size=12)


def sample():
    report = Report(title="A & B", task="evaluate codec", lead="Two <b>scans</b>.", results={"x": [1, 2.5, None]})
    section = report.section("First").text("Plain.").text("Careful.", tone="warning")
    section.table([Column(name="Coder"), Column(name="dB", numeric=True)], [["svtav1", "35.1"]], "Values")
    section.figure("curve-1.png", "A curve.", "Curve")
    report.section("Second").definitions({"Peak": "p99.9 minus p0.1"})
    report.made = Made(command="vesalius evaluate codec x", date="2026-11-21", versions={"numpy": "2.0"})
    report.failures = {"x/y": "is empty"}
    return report


def test_round_trip():
    report = sample()
    again = Report.from_json(report.to_json())
    assert again == report
    assert again.to_json() == report.to_json()
    assert again.figures == ["curve-1.png"]


@given(WORDS, WORDS, st.lists(st.lists(WORDS, min_size=2, max_size=2), max_size=3), st.dictionaries(WORDS, WORDS))
def test_any_text_round_trips(title, text, rows, items):
    report = Report(title=title, task="t")
    report.section(title).text(text).definitions(items)
    report.section(text).table([Column(name=text), Column(name="n", numeric=True)], rows)
    assert Report.from_json(report.to_json()) == report


def test_two_reports_share_nothing():
    first, second = Report(title="a", task="t"), Report(title="b", task="t")
    first.section("s").text("only here")
    assert second.sections == []
    assert second.section("s").blocks == []


def test_saved_and_loaded(tmp_path):
    sample().save(tmp_path)
    sample().save(tmp_path)
    assert load_report(tmp_path) == sample()
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["title"] == "A & B"
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"title": 3}, "title"),
        ({"surprise": 1}, "surprise"),
        ({"sections": [{"title": "x", "blocks": [{"kind": "movie"}]}]}, "sections.0.blocks.0"),
        ({"sections": [{"title": "x", "blocks": [{"kind": "figure", "file": "../x.png", "caption": "", "alt": ""}]}]},
         "sections.0.blocks.0.figure.file"),
    ],
)  # fmt: skip
def test_a_wrong_summary_is_told_in_one_line(tmp_path, change, key):
    text = json.dumps({**json.loads(sample().to_json()), **change})
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(InputError) as caught:
        load_report(tmp_path)
    assert key in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "not json"])
def test_what_is_no_json(tmp_path, text):
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(InputError, match="summary"):
        load_report(tmp_path)


def test_no_run_folder(tmp_path):
    with pytest.raises(InputError, match="run folder"):
        load_report(tmp_path / "absent")


def test_a_row_has_as_many_cells_as_there_are_columns():
    with pytest.raises(ValueError, match="cells"):
        Report(title="t", task="t").section("s").table([Column(name="a")], [["1", "2"]])


def test_a_summary_is_strict_json():
    report = Report(title="t", task="t", results={"x": float("nan"), "y": [float("inf")]})
    assert json.loads(report.to_json(), parse_constant=pytest.fail)["results"] == {"x": None, "y": [None]}


def test_figures_replace_older_ones(tmp_path):
    write_figure(tmp_path / "figures" / "a.png", b"one")
    write_figure(tmp_path / "figures" / "a.png", b"two")
    assert (tmp_path / "figures" / "a.png").read_bytes() == b"two"
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError):
        write_figure(tmp_path / "file" / "a.png", b"one")


def test_a_name_that_is_not_utf_8_stands_as_escapes(tmp_path):
    report = Report(title="T", task="t", results={"file": "caf\udce9"}, failures={"a": "\udcff"})
    report.save(tmp_path)
    back = load_report(tmp_path)
    assert (back.results, back.failures) == ({"file": r"caf\udce9"}, {"a": r"\udcff"})
    write_csv(tmp_path / "table.csv", [{"file": "caf\udce9"}], ["file"])
    assert read_csv(tmp_path / "table.csv") == (["file"], [[r"caf\udce9"]])
    assert r"caf\udce9" in render(report, {}, AllRows(["file"], [False], [["caf\udce9"]], 0))


def test_limits_are_one_line_on_the_terminal():
    caveats = ("Trained on drawings only.", "Not for children.")
    assert limits_line(caveats) == "warning: limits of the model: Trained on drawings only. Not for children."
