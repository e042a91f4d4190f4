import math

import pytest

from vesalius.metrics.bootstrap import Interval
from vesalius.metrics.drawn import Drawn
from vesalius.tasks.evaluate.label_efficiency.curve import ArmPoint, Difference
from vesalius.tasks.evaluate.label_efficiency.options import EfficiencyOptions
from vesalius.tasks.evaluate.label_efficiency.page import Comparison, notes, result_of, table
from vesalius.tasks.evaluate.label_efficiency.plan import Cell

INTERVAL = Interval(0.6, 0.8, 0.95, 40)


@pytest.fixture
def measured():
    cells = [
        Cell(percent, arm, seed, None, int(percent), 2 * int(percent), (), None)
        for percent in (10.0, 100.0)
        for arm in ("scratch", "pretrained")
        for seed in (0, 1)
    ]
    points = [
        ArmPoint(10.0, "scratch", 0.7, INTERVAL, {0: 0.65, 1: 0.75}),
        ArmPoint(10.0, "pretrained", 0.8, INTERVAL, {0: 0.8, 1: 0.8}),
        ArmPoint(100.0, "scratch", math.nan, None, {0: math.nan}),
        ArmPoint(100.0, "pretrained", 0.9, None, {0: 0.9}),
    ]
    differences = [Difference(10.0, "pretrained", "scratch", 0.1, Interval(0.02, 0.18, 0.95, 40), {0: 0.15, 1: 0.05})]
    left_out = {"1_percent-seed_0": "1 patient does not hold both labels of x"}
    failures = {"100_percent-seed_1-scratch": "loss is nan at step 3"}
    options = EfficiencyOptions(arms=("scratch", "pretrained"))
    return Comparison(options, cells, points, differences, Drawn(40), 80, left_out, failures)


def test_the_table_has_a_row_for_each_share_and_arm(measured):
    shown = table(measured)
    assert [column.name for column in shown.columns][3:] == [
        "AUROC",
        "95 % interval",
        "SD",
        "minus from scratch",
        "95 % interval",
    ]
    assert shown.rows == [
        ["10 %", "10", "from scratch", "0.700", "0.600 to 0.800", "0.071", "-", "-"],
        ["10 %", "10", "pretrained", "0.800", "0.600 to 0.800", "0.000", "+0.100", "0.020 to 0.180"],
        ["100 %", "100", "from scratch", "-", "-", "-", "-", "-"],
        ["100 %", "100", "pretrained", "0.900", "-", "-", "-", "-"],
    ]


def test_what_is_left_out_or_failed_is_said(measured):
    assert notes(measured) == [
        "Left out, 1_percent-seed_0: 1 patient does not hold both labels of x.",
        "1 cell failed; a seed counts for an arm only where all its folds are there.",
    ]


def test_the_report_holds_figure_numbers_and_rows(measured):
    result = result_of(measured)
    assert result.figures["label_efficiency.png"].startswith(b"\x89PNG")
    assert result.results["differences"][0]["interval"] == {"low": 0.02, "high": 0.18, "level": 0.95, "patients": 40}
    assert result.rows[0] == {"percent": 10.0, "patients": 10, "cases": 20, "arm": "scratch", "seed": 0, "auroc": 0.65}
    assert result.rows[4]["auroc"] is None
    assert result.failures == measured.failures
