import math

import torch

from vesalius.objectives.masked_bce import MaskedBce
from vesalius.objectives.soft_ce import SoftCe
from vesalius.tasks.finetune.mixup import mixed


def batch_of(count=16):
    torch.manual_seed(1)
    labels = torch.eye(3)[torch.arange(count) % 3]
    return {"image": torch.randn(count, 1, 4, 4), "labels": labels}


def share_and_order(batch, blended):
    """The share and the partners, found again from the pictures alone."""
    flat, out = batch["image"].flatten(1).double(), blended["image"].flatten(1).double()
    for row in range(1, len(flat)):
        for partner in range(len(flat)):
            difference = flat[row] - flat[partner]
            share = (
                float(((out[row] - flat[partner]) @ difference) / (difference @ difference)) if row != partner else 1.0
            )
            order = [
                next(
                    (
                        n
                        for n in range(len(flat))
                        if torch.allclose(share * flat[i] + (1 - share) * flat[n], out[i], atol=1e-5)
                    ),
                    None,
                )
                for i in range(len(flat))
            ]
            if None not in order and row != partner:
                return share, order
    raise AssertionError("no share explains the blended pictures")


def test_pictures_and_labels_are_blended_by_one_share_with_the_same_partners():
    batch = batch_of()
    torch.manual_seed(5)
    blended = mixed(batch, 1.0)
    share, order = share_and_order(batch, blended)
    assert 0 < share < 1
    assert sorted(order) == list(range(16))
    expected = share * batch["labels"] + (1 - share) * batch["labels"][order]
    torch.testing.assert_close(blended["labels"], expected, rtol=1e-4, atol=1e-5)
    torch.manual_seed(5)
    torch.testing.assert_close(mixed(batch, 1.0)["image"], blended["image"], rtol=0, atol=0)


def test_the_loss_of_blended_labels_is_the_blend_of_the_losses():
    labels = torch.eye(3)[[0, 1, 2, 1]]
    logits, other, share = torch.randn(4, 3), labels[[2, 0, 3, 1]], 0.3
    for loss in (SoftCe(), MaskedBce([2.0, 1.0, 0.5])):
        both = share * loss(logits, labels) + (1 - share) * loss(logits, other)
        torch.testing.assert_close(loss(logits, share * labels + (1 - share) * other), both)


def test_what_is_unknown_of_either_picture_is_unknown():
    batch = batch_of(4)
    batch["labels"][0, 0] = math.nan
    torch.manual_seed(0)
    unknown = mixed(batch, 0.5)["labels"].isnan()
    assert unknown[:, 0].sum() in (1, 2)  # itself, and the one that it was blended into
    assert unknown[0, 0]
    assert not unknown[:, 1:].any()


def test_shares_follow_the_beta_distribution():
    """Mean 1/2 and variance 1 / (4 (2 a + 1)) over many draws."""
    batch = {"image": torch.tensor([0.0, 1.0])}
    torch.manual_seed(0)
    shares = []
    for _ in range(3000):
        low, high = sorted(mixed(batch, 0.5)["image"].tolist())
        shares.append(high if torch.rand(1) < 0.5 else low)
    values = torch.tensor([share for share in shares if share not in (0.0, 1.0)])
    assert abs(float(values.mean()) - 0.5) < 0.03
    assert abs(float(values.var()) - 1 / 8) < 0.02
