import datetime
import getpass
import json
import platform
import re
from pathlib import Path

import numpy as np
import pytest

import vesalius
from vesalius.errors import InputError
from vesalius.report.publish import command_line, made, publish
from vesalius.report.result import Result
from vesalius.report.style import new_figure, to_png
from vesalius.report.verdict import Verdict

WORDS = {"title": "A test", "task": "evaluate", "lead": "What was done.", "made": made("vesalius evaluate", 1)}


def result_with(figure):
    result = Result(
        Verdict(words="Half"), results={"n": 2}, rows=[{"case": "a", "dice": 0.5}], columns=("case", "dice")
    )
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


def test_a_report_without_an_answer_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="'A test' has no verdict"):
        publish(Result(), tmp_path, **WORDS)
    assert not any(tmp_path.iterdir())


def test_no_columns_no_table_and_a_missing_figure_is_refused(tmp_path):
    publish(Result().judge("Nothing"), tmp_path, **WORDS)
    assert not (tmp_path / "table.csv").exists()
    with pytest.raises(InputError, match="is missing"):
        publish(result_with("nothing.png"), tmp_path, **WORDS)


def test_it_tells_command_day_and_versions_and_nothing_of_the_machine():
    facts = made("vesalius demo", 3, {"Points": "eight"})
    assert facts.command == "vesalius demo"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", facts.date)
    assert abs(datetime.date.fromisoformat(facts.date) - datetime.date.today()) <= datetime.timedelta(days=1)
    assert facts.versions["vesalius"] == vesalius.__version__
    assert facts.versions["numpy"] == np.__version__
    assert facts.facts["Points"] == "eight"
    assert facts.facts["Threads"].startswith("3 on ")
    text = facts.model_dump_json()
    assert platform.node() not in text
    assert f"/{getpass.getuser()}" not in text


def test_a_command_shows_last_names_of_paths_only(tmp_path):
    options = {"split": "test", "lv": None, "spacing_from": "pixdim"}
    shown = command_line("evaluate masks", tmp_path / "p", tmp_path / "r", "-o", Path("out"), **options)
    assert shown == "vesalius evaluate masks p r -o out --split test --spacing-from pixdim"
    shown = command_line("x", f"data.manifest={tmp_path}/m.jsonl", "segment/a", skip_invalid=True, force=False)
    assert shown == "vesalius x data.manifest=m.jsonl segment/a --skip-invalid"
    shown = command_line("x", vectors=tmp_path / "v.npy", classes="1=LV,2=RV")
    assert shown == "vesalius x --vectors v.npy --classes 1=LV,2=RV"
