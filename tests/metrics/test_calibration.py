import math

import numpy as np
import pytest
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from vesalius.errors import InputError
from vesalius.metrics.calibration import brier, calibration_error, cooled, fit_temperature, reliability
from vesalius.metrics.operating import choose

DRAW = np.random.default_rng(4)
LOGITS = DRAW.normal(0, 2, 4000)
LABELS = (DRAW.random(4000) < expit(LOGITS)).astype(float)
"""Calibrated by construction."""


def test_reliability_equals_scikit_learn():
    probabilities = expit(LOGITS)
    share, mean = calibration_curve(LABELS, probabilities, n_bins=15)
    found = [one for one in reliability(probabilities, LABELS) if one.count]
    assert [one.positive for one in found] == pytest.approx(share.tolist())
    assert [one.probability for one in found] == pytest.approx(mean.tolist())
    assert sum(one.count for one in found) == 4000
    assert brier(probabilities, LABELS) == pytest.approx(brier_score_loss(LABELS, probabilities))


def test_calibration_error_by_hand():
    probabilities, labels = [0.05, 0.05, 0.95, 1.0, 0.5], [0, 1, 1, 1, math.nan]
    assert calibration_error(probabilities, labels, bins=10) == pytest.approx((2 * 0.45 + 2 * 0.025) / 4)
    assert calibration_error(expit(LOGITS), LABELS) < 0.03 < calibration_error(expit(3 * LOGITS), LABELS)
    assert math.isnan(calibration_error([0.5], [math.nan]))
    assert math.isnan(brier([0.5], [math.nan]))
    assert math.isnan(reliability([0.05], [0], 2)[1].positive)


@pytest.mark.parametrize("true", [0.4, 1.0, 3.0])
def test_the_temperature_equals_a_logistic_regression_without_intercept(true):
    fitted = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit((LOGITS * true)[:, None], LABELS)
    found = fit_temperature(LOGITS * true, LABELS)
    assert found == pytest.approx(1 / fitted.coef_[0, 0], rel=1e-4)
    assert found == pytest.approx(true, rel=0.1)
    assert calibration_error(cooled(LOGITS * true, found), LABELS) < 0.03


def test_one_temperature_for_all_or_one_for_each():
    logits = np.stack([LOGITS * 2, LOGITS * 0.5, LOGITS], axis=1)
    labels = np.stack([LABELS, LABELS, np.zeros(4000)], axis=1)
    labels[::3, 1] = math.nan
    each = choose(logits, labels, sharing="per_class").temperatures
    assert each == pytest.approx([2, 0.5, 1], rel=0.1)
    assert each[2] == 1  # never positive
    shared = fit_temperature(logits[:, :2], labels[:, :2])
    assert 0.5 < shared < 2
    assert cooled(logits, each)[0] == pytest.approx(expit(logits[0] / each))


def test_ends_are_told_not_passed():
    assert fit_temperature([-1.0, 1.0], [0, 1]) == 1  # told apart without error, which fits no temperature
    assert fit_temperature([-40.0, 40.0], [0, 1]) == 1  # where every loss is 0 in floating point
    assert fit_temperature([-1.0, 1.0, 0.01], [0, 1, 0]) < 0.5
    assert fit_temperature([1.0, -1.0], [0, 1]) == pytest.approx(100)


def test_wrong_requests_are_refused():
    with pytest.raises(InputError, match="all validation labels are equal"):
        fit_temperature([1, 2], [1, math.nan])
    for call, says in (
        (lambda: fit_temperature([1, 2], [1]), "logits"),
        (lambda: cooled([1], 0), "temperature"),
        (lambda: brier([1.5], [1]), "outside"),
        (lambda: reliability([0.5], [1], 0), "0 bins"),
    ):
        with pytest.raises(ValueError, match=says):
            call()
