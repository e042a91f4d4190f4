import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import typer

from vesalius.cli.show import emit, fail, progress


def test_failure_is_one_line_and_one_object(capsys):
    assert fail("bad \u00e9", as_json=True) == 2
    seen = capsys.readouterr()
    assert json.loads(seen.out) == {"error": "bad \u00e9"}
    assert seen.err == "error: bad \u00e9\n"
    assert fail("bad", as_json=False, code=130) == 130
    assert capsys.readouterr().out == ""


def test_a_result_is_shown_for_people(capsys):
    emit({"a": 1}, False, lambda result: [f"a is {result['a']}", "end"])
    assert capsys.readouterr().out == "a is 1\nend\n"


def test_a_result_is_json_whatever_it_holds(capsys):
    result = {
        "path": Path("a/b"),
        "numbers": (1, 2.5, np.float64(0.25), math.inf, -math.inf, math.nan, None, True),
        "nested": [{"x": (math.nan,)}],
        3: "three",
    }
    emit(result, True, lambda _: [])
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == str(Path("a/b"))
    assert told["numbers"] == [1, 2.5, 0.25, None, None, None, None, True]
    assert told["nested"] == [{"x": [None]}]
    assert told["3"] == "three"


def test_numpy_numbers_are_numbers(capsys):
    emit({"n": np.int64(3), "x": np.float32(0.5), "b": np.bool_(True), "a": np.arange(3)}, True, lambda _: [])
    assert json.loads(capsys.readouterr().out) == {"n": 3, "x": 0.5, "b": True, "a": [0, 1, 2]}


def test_progress_goes_to_stderr(capsys):
    progress(False)("one line")
    progress(True)("nothing")
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("", "one line\n")


def test_a_name_moves_no_cursor_and_ends_no_line(capsys):
    emit({"name": "a\x1b[2J\nb\udce9"}, False, lambda result: [result["name"]])
    progress(False)("a\x07\rb")
    seen = capsys.readouterr()
    assert (seen.out, seen.err) == ("a\\x1b[2J b\\udce9\n", "a\\x07 b\n")


@dataclass(frozen=True)
class Failed:
    failed: tuple[str, ...]


def test_failures_among_many_end_with_two(capsys):
    emit(Failed(()), False, lambda _: ["all"])
    for as_json in (False, True):
        with pytest.raises(typer.Exit) as ended:
            emit(Failed(("x",)), as_json, lambda _: ["one"])
        assert ended.value.exit_code == 2
    assert capsys.readouterr().out.startswith("all\none\n{")
