import pytest

from vesalius.report.page import Report
from vesalius.report.verdict import Verdict, against, of_findings, with_interval
from vesalius.report.web_page import render


def findings(value, interval, baselines=None):
    auroc = {"value": value, "interval": interval}
    return {"classes": {"any": {"auroc": auroc}, "epidural": {"auroc": auroc}}, "auroc": auroc, "baselines": baselines}


def rival(value, interval):
    return {"view": {"auroc_difference": {"value": value, "interval": interval}}}


@pytest.mark.parametrize(
    ("results", "words", "outcome"),
    [
        (findings(0.93, [0.88, 0.97]), "AUROC any 0.93 (0.88 to 0.97) on 41 patients", "good"),
        (findings(0.6, [0.4, 0.8]), "not shown to be better than chance", "neutral"),
        (findings(0.3, [0.2, 0.4]), "AUROC any 0.30 (0.20 to 0.40)", "bad"),
        (findings(0.9, None), "too few for an interval", "neutral"),
        (findings(None, None), "AUROC any not measured", "neutral"),
        (findings(0.9, [0.8, 0.95], rival(0.1, [0.05, 0.2])), "0.90 (0.80 to 0.95)", "good"),
        (findings(0.9, [0.8, 0.95], rival(0.1, [-0.1, 0.2])), "better than the baseline from view", "neutral"),
    ],
)
def test_a_classifier_is_judged_by_its_interval_and_by_trivial_baselines(results, words, outcome):
    verdict = of_findings(results, "41 patients")
    assert words in verdict.words
    assert verdict.outcome == outcome


def test_what_failed_takes_the_green_away_but_no_red():
    assert Verdict(words="a", outcome="good").beside(1) == Verdict(words="a; 1 failed, listed below")
    assert Verdict(words="a", outcome="bad").beside(1).outcome == "bad"
    assert Verdict(words="a", outcome="good").beside(0).outcome == "good"


def test_numbers_and_sides():
    assert with_interval(12.34, (10, 14), 1, " mL") == "12.3 mL (10.0 to 14.0)"
    assert against(-0.1, (-0.2, -0.05), 0.0) == "bad"


def test_the_answer_and_the_limits_stand_before_all_else():
    report = Report(title="T", task="t", verdict=Verdict(words="<b>Good", outcome="good"), limits=["Drawings only."])
    report.section("Part").judge("Half", "bad")
    page = render(report, {})
    places = [page.index(words) for words in ('class="verdict good"', "&lt;b&gt;Good.", "Drawings only.", "<h2>Part")]
    assert places == sorted(places)
    assert page.index("Half") > page.index("<h2>Part")
