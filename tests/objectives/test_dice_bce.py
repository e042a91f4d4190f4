import math

import pytest
import torch

from vesalius.objectives.dice_bce import DiceBceConfig, region_terms
from vesalius.objectives.dice_ce import NOT_LABELLED

MEMBERS = torch.tensor([[False, True, True], [False, False, True]])  # whole, core


def slow(logits, classes, missing, members):
    """The terms voxel by voxel."""
    entropies, overlaps = [], []
    for b in range(len(logits)):
        for r in range(len(members)):
            if (missing[b] & members[r]).any():
                continue
            both = p_sum = y_sum = 0.0
            for logit, number in zip(logits[b, r].tolist(), classes[b].tolist(), strict=True):
                if number == NOT_LABELLED:
                    continue
                p, y = 1 / (1 + math.exp(-logit)), float(members[r, number])
                entropies.append(-math.log(p if y else 1 - p))
                both, p_sum, y_sum = both + p * y, p_sum + p, y_sum + y
            overlaps.append((2 * both + 1e-5) / (p_sum + y_sum + 1e-5))
    return sum(overlaps) / len(overlaps), sum(entropies) / len(entropies)


@pytest.mark.parametrize("hides", [False, True])
def test_equals_a_slow_derivation(hides):
    draw = torch.Generator().manual_seed(1)
    logits = torch.randn(2, 2, 9, generator=draw)
    classes = torch.randint(-1, 3, (2, 9), generator=draw)
    missing = torch.tensor([[False, hides, False], [False, False, False]])
    overlap, entropy = region_terms(logits, classes, missing, MEMBERS)
    expected = slow(logits, classes, missing, MEMBERS)
    assert overlap.item() == pytest.approx(expected[0], abs=1e-6)
    assert entropy.item() == pytest.approx(expected[1], abs=1e-6)


def test_weights():
    logits, classes = torch.randn(1, 2, 5), torch.tensor([[0, 1, 2, 2, 0]])
    batch = {"classes": classes, "missing": torch.zeros(1, 3, dtype=torch.bool), "regions": MEMBERS}
    overlap, entropy = region_terms(logits, classes, batch["missing"], MEMBERS)
    total, _ = DiceBceConfig(dice=2.0, bce=0.5).make()(logits, batch)
    assert total.item() == pytest.approx(2 * (1 - overlap.item()) + 0.5 * entropy.item())


def test_the_truth_costs_nothing():
    classes = torch.tensor([[0, 1, 2, 2, 0]])
    logits = 40.0 * (MEMBERS.float().T[classes].transpose(1, 2) - 0.5)
    batch = {"classes": classes, "missing": torch.zeros(1, 3, dtype=torch.bool), "regions": MEMBERS}
    assert DiceBceConfig().make()(logits, batch)[0] < 1e-5
