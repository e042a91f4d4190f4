import math

import pytest
import torch

from vesalius.objectives.dice_ce import NOT_LABELLED, DiceCe


def slow(logits, target, dice, ce, over, smooth):
    """Derived again, voxel by voxel."""
    batch, classes = logits.shape[:2]
    rows = [
        (b, logits[b, :, x].double().softmax(0).tolist(), int(target[b, x]))
        for b in range(batch)
        for x in range(logits.shape[2])
        if int(target[b, x]) != NOT_LABELLED
    ]
    entropy = sum(-math.log(p[y]) for _, p, y in rows) / len(rows)
    overlaps = []
    for group in [range(batch)] if over == "batch" else [[b] for b in range(batch)]:
        for n in range(1, classes):
            mine = [(p[n], y == n) for b, p, y in rows if b in group]
            both = sum(p for p, here in mine if here)
            sizes = sum(p + here for p, here in mine)
            overlaps.append((2 * both + smooth) / (sizes + smooth))
    return dice * (1 - sum(overlaps) / len(overlaps)) + ce * entropy


@pytest.mark.parametrize("over", ["sample", "batch"])
def test_equals_the_slow_derivation(over):
    torch.manual_seed(0)
    logits, target = torch.randn(3, 4, 5, 6), torch.randint(-1, 4, (3, 5, 6))
    given = DiceCe(0.7, 1.3, over, 0.01)(logits, target)
    assert given.item() == pytest.approx(slow(logits.flatten(2), target.flatten(1), 0.7, 1.3, over, 0.01), abs=1e-6)


@pytest.mark.parametrize("over", ["sample", "batch"])
def test_equals_monai(over):
    losses = pytest.importorskip("monai.losses")
    torch.manual_seed(1)
    logits, target = torch.randn(2, 3, 4, 5, 6), torch.randint(0, 3, (2, 4, 5, 6))
    theirs = losses.DiceCELoss(
        include_background=False, to_onehot_y=True, softmax=True, batch=over == "batch", smooth_nr=1e-5, smooth_dr=1e-5
    )(logits, target[:, None])
    assert DiceCe(over=over)(logits, target).item() == pytest.approx(theirs.item(), abs=1e-5)


def test_right_and_sure_is_near_zero():
    target = torch.randint(0, 3, (2, 8, 8))
    logits = 50.0 * torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2)
    assert DiceCe()(logits, target).item() < 1e-4


def test_what_is_not_labelled_gives_no_gradient():
    logits = torch.randn(1, 3, 10, requires_grad=True)
    target = torch.tensor([[0, 1, 2, 1, 0, -1, -1, -1, -1, -1]])
    DiceCe()(logits, target).backward()
    assert logits.grad[..., 5:].abs().max() == 0
    assert logits.grad[..., :5].abs().max() > 0


def test_a_batch_without_labels_is_finite():
    assert DiceCe()(torch.randn(1, 2, 4), torch.full((1, 4), NOT_LABELLED)).isfinite()


def test_converges():
    logits = torch.zeros(2, 3, 16, requires_grad=True)
    target = torch.randint(0, 3, (2, 16))
    optimizer, loss = torch.optim.Adam([logits], 0.5), DiceCe()
    for _ in range(100):
        optimizer.zero_grad()
        loss(logits, target).backward()
        optimizer.step()
    assert loss(logits, target).item() < 0.01
    assert torch.equal(logits.argmax(1), target)


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="do not fit"):
        DiceCe()(torch.zeros(1, 2, 4), torch.zeros(1, 5, dtype=torch.int64))


@pytest.mark.parametrize("over", ["sample", "batch"])
def test_what_hides_in_the_background_is_not_punished(over):
    """A net that finds a class which nobody labelled in this sample loses nothing."""
    target = torch.tensor([[0, 0, 1, 1, 0, 0]])
    finds = torch.tensor([[2, 0, 1, 1, 0, 2]])
    logits = 40.0 * torch.nn.functional.one_hot(finds, 3).permute(0, 2, 1)
    missing = torch.tensor([[False, False, True]])
    assert DiceCe(over=over)(logits, target).item() > 5
    assert DiceCe(over=over)(logits, target, missing).item() < 1e-4


def test_a_missing_class_in_one_sample_of_two():
    """Equals the loss over two classes where the third is missing everywhere, and the ordinary one where it is not."""
    torch.manual_seed(3)
    logits, target = torch.randn(1, 3, 12), torch.randint(0, 2, (1, 12))
    merged = torch.stack([torch.logsumexp(logits[:, [0, 2]], 1), logits[:, 1]], 1)
    missing = torch.tensor([[False, False, True]])
    assert DiceCe()(logits, target, missing).item() == pytest.approx(DiceCe()(merged, target).item(), abs=1e-6)
    nothing = torch.zeros(1, 3, dtype=torch.bool)
    assert DiceCe()(logits, target, nothing).item() == pytest.approx(DiceCe()(logits, target).item(), abs=1e-7)
