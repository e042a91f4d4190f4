import json

import pytest

from vesalius.errors import InputError
from vesalius.report.made import made
from vesalius.report.publish import publish
from vesalius.report.result import Result
from vesalius.report.style import new_figure, to_png

WORDS = {"title": "A test", "task": "evaluate", "lead": "What was done.", "made": made("vesalius evaluate", 1)}


def result_with(figure):
    result = Result(results={"n": 2}, rows=[{"case": "a", "dice": 0.5}], columns=("case", "dice"))
    result.section("Overlap").figure(figure, "Caption.", "A curve")
    result.failures["b"] = "cannot be read"
    return result


def test_everything_of_a_result_is_written(tmp_path):
    result = result_with("curve.png")
    result.figures["curve.png"] = to_png(new_figure(1, 1, None))
    result.files["more/extra.txt"] = lambda path: path.write_text("extra")
    for _ in range(2):  # the second in place of the first
        assert publish(result, tmp_path, **WORDS) == tmp_path / "report.html"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "figures", "more", "report.html", "summary.json", "table.csv"
    ]  # fmt: skip
    assert (tmp_path / "more" / "extra.txt").read_text() == "extra"
    assert (tmp_path / "table.csv").read_text().splitlines() == ["case,dice", "a,0.5"]
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["results"] == {"n": 2}
    assert summary["failures"] == {"b": "cannot be read"}
    assert "What was done." in (tmp_path / "report.html").read_text()


def test_no_columns_no_table_and_a_missing_figure_is_refused(tmp_path):
    publish(Result(), tmp_path, **WORDS)
    assert not (tmp_path / "table.csv").exists()
    with pytest.raises(InputError, match="is missing"):
        publish(result_with("nothing.png"), tmp_path, **WORDS)
