"""evaluate codec and report: what the command line hands on; the jobs have tests of their own."""

from pathlib import Path

import pytest

from vesalius.errors import InputError


@pytest.fixture
def called(monkeypatch):
    """The arguments that evaluate_codec got."""
    seen = {}

    def evaluate_codec(paths, output, *, coders, points, threads, force, progress):
        progress("one study done")
        seen.update(paths=paths, output=output, coders=coders, points=points, threads=threads, force=force)
        return {"path": str(output), "studies": 2}

    monkeypatch.setattr("vesalius.tasks.evaluate.codec.evaluate_codec", evaluate_codec)
    monkeypatch.setattr("vesalius.tasks.evaluate.codec.lines", lambda result: [f"{result['studies']} studies"])
    return seen


def test_evaluate_codec_hands_on_its_options(vesalius, called):
    done = vesalius(
        "evaluate",
        "codec",
        "a",
        "b",
        "-o",
        "out",
        "--coders",
        " svtav1, ,x265",
        "--points",
        "5",
        "--threads",
        "3",
        "--force",
    )
    assert (done.code, done.out, done.err) == (0, "2 studies\n", "one study done\n")
    assert called == {
        "paths": [Path("a"), Path("b")],
        "output": Path("out"),
        "coders": ("svtav1", "x265"),
        "points": 5,
        "threads": 3,
        "force": True,
    }


def test_evaluate_codec_speaks_json_and_can_be_quiet(vesalius, called):
    done = vesalius("evaluate", "codec", "a", "-o", "out", "--json", "-q")
    assert (done.told, done.err) == ({"path": "out", "studies": 2}, "")
    assert (called["force"], called["points"]) == (False, 8)


def test_report_is_made_again(vesalius, monkeypatch):
    monkeypatch.setattr("vesalius.report.html.run_report", lambda run: run / "report.html")
    assert vesalius("report", "some").out == f"{Path('some') / 'report.html'}\n"
    assert vesalius("report", "some", "--json").told == {"path": str(Path("some") / "report.html")}


def test_failures_are_one_line(vesalius, monkeypatch, tmp_path):
    def run_report(run):
        raise InputError("has no summary.json", where=run)

    monkeypatch.setattr("vesalius.report.html.run_report", run_report)
    assert vesalius("report", tmp_path).error == f"{tmp_path}: has no summary.json"
