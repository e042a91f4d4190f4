import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from scipy.special import expit

from vesalius.errors import InputError
from vesalius.metrics.operating import choose

DRAW = np.random.default_rng(2)
TRUE = DRAW.normal(-1, 2, (600, 3))
LABELS = (DRAW.random((600, 3)) < expit(TRUE)).astype(float)
LOGITS = TRUE * [3.0, 1.0, 0.5]
VALIDATION, TEST = slice(0, 300), slice(300, 600)


def test_temperatures_and_thresholds_of_validation():
    point = choose(LOGITS[VALIDATION], LABELS[VALIDATION], specificity=0.8, sharing="per_class")
    assert point.temperatures == pytest.approx([3, 1, 0.5], rel=0.3)
    assert (point.specificity, point.samples) == (0.8, 300)
    for found in point.judge(LOGITS[VALIDATION], LABELS[VALIDATION]):
        assert 0.8 <= found.specificity < 0.83
    for found in point.judge(LOGITS[TEST], LABELS[TEST]):
        assert found.specificity == pytest.approx(0.8, abs=0.1)
    shared = choose(LOGITS[VALIDATION], LABELS[VALIDATION])
    assert len(set(shared.temperatures)) == 1


@pytest.mark.parametrize("sharing", ["shared", "per_class"])
def test_labels_of_the_test_set_cannot_change_what_was_chosen(sharing):
    point = choose(LOGITS[VALIDATION], LABELS[VALIDATION], sharing=sharing)
    before = point.probabilities(LOGITS[TEST])
    judged = point.judge(LOGITS[TEST], LABELS[TEST])
    for labels in (1 - LABELS[TEST], np.ones((300, 3)), np.full((300, 3), math.nan), DRAW.permutation(LABELS[TEST])):
        other = point.judge(LOGITS[TEST], labels)
        assert [one.threshold for one in other] == [one.threshold for one in judged] == list(point.thresholds)
        called = [one.true_positive + one.false_positive for one in other]
        if not np.isnan(labels).any():
            assert called == [one.true_positive + one.false_positive for one in judged]
    assert point == choose(LOGITS[VALIDATION], LABELS[VALIDATION], sharing=sharing)
    assert np.array_equal(point.probabilities(LOGITS[TEST]), before)
    with pytest.raises(FrozenInstanceError):
        point.thresholds = (0.0, 0.0, 0.0)


def test_a_class_without_negatives_has_no_threshold():
    labels = LABELS.copy()
    labels[:, 1] = 1
    point = choose(LOGITS, labels, sharing="per_class")
    assert math.isnan(point.thresholds[1])
    assert point.temperatures[1] == 1
    assert point.judge(LOGITS, labels)[1] is None
    with pytest.raises(InputError, match="all validation labels are equal"):
        choose(LOGITS, np.ones_like(LABELS))
