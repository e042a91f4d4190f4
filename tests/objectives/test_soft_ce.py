import math

import pytest
import torch

from vesalius.objectives.soft_ce import SoftCe


def slow(logits, labels, smoothing=0.0):
    """- sum over classes of y log p, sample by sample, with exponentials written out."""
    each = []
    for row, target in zip(logits.tolist(), labels.tolist(), strict=True):
        if any(math.isnan(y) for y in target):
            continue
        total = sum(math.exp(x) for x in row)
        y = [(1 - smoothing) * value + smoothing / len(row) for value in target]
        each.append(-sum(share * math.log(math.exp(x) / total) for share, x in zip(y, row, strict=True)))
    return sum(each) / len(each)


def test_equals_the_formula_for_classes_and_for_mixtures():
    torch.manual_seed(0)
    logits = torch.randn(6, 3, dtype=torch.float64)
    hard = torch.eye(3, dtype=torch.float64)[torch.tensor([0, 1, 2, 0, 1, 2])]
    mixed = 0.3 * hard + 0.7 * hard[[3, 1, 4, 0, 5, 2]]
    for labels in (hard, mixed):
        for smoothing in (0.0, 0.1):
            assert float(SoftCe(smoothing)(logits, labels)) == pytest.approx(slow(logits, labels, smoothing), rel=1e-6)
    expected = torch.nn.functional.cross_entropy(logits, hard.argmax(1))
    assert float(SoftCe()(logits, hard)) == pytest.approx(float(expected), rel=1e-6)


def test_samples_of_unknown_class_are_left_out():
    logits, labels = torch.randn(4, 2), torch.eye(2)[[0, 1, 0, 1]]
    labels[1, 0] = math.nan
    assert float(SoftCe()(logits, labels)) == pytest.approx(slow(logits, labels), rel=1e-5)
    assert float(SoftCe()(logits, torch.full((4, 2), math.nan))) == 0
    with pytest.raises(ValueError, match="do not fit"):
        SoftCe()(logits, labels[:2])
