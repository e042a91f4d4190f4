import json

from vesalius.weights.report import MatchReport


def test_a_problem_names_the_first_and_counts_the_rest():
    report = MatchReport(loaded=("a",), missing=tuple("bcdef"), shapes=(("g", (), (2, 3)),))
    assert not report.fits
    assert report.problem() == "5 missing (b, c, d, ...); 1 of another shape (g is one number instead of 2x3)"


def test_lines_group_by_reason():
    report = MatchReport(
        loaded=("a", "b"),
        parameters=12345,
        dropped=(("head.w", "of the pre-training"), ("head.b", "of the pre-training"), ("epoch", "no tensor")),
        changed=(("a", "joined from 3"),),
        allowed=(("c", "missing"),),
    )
    assert report.fits
    assert report.problem() == ""
    assert list(report.lines()) == [
        "loaded: 2 tensors, 12,345 numbers",
        "missing: 0, unexpected: 0, other shape: 0",
        "allowed: 1 missing (c)",
        "changed: 1 joined from 3 (a)",
        "left out: 2 of the pre-training (head.w, head.b)",
        "left out: 1 no tensor (epoch)",
    ]
    told = json.loads(json.dumps(report.as_dict()))
    assert told["counts"]["dropped"] == 3
    assert told["changed"] == [["a", "joined from 3"]]


def test_an_empty_report_does_not_fit():
    assert not MatchReport().fits
    assert MatchReport().problem() == "no tensor fits"
