"""Masks on a reconstruction against those on the original."""

import pytest

torch = pytest.importorskip("torch")

from vesalius.objectives.kept_masks import kept_masks  # noqa: E402


def thresholds(x_BCJI):
    """Three classes: dark, grey, bright."""
    return torch.cat([0.3 - x_BCJI, 0.2 - (x_BCJI - 0.5).abs(), x_BCJI - 0.7], 1) * 30


def test_slowly():
    draw = torch.Generator().manual_seed(0)
    x, truth = torch.rand(2, 1, 5, 6, generator=draw), torch.rand(2, 1, 5, 6, generator=draw)
    probability, classes = thresholds(x).softmax(1), thresholds(truth).argmax(1)
    classes[1][classes[1] == 2] = 0  # one class is not shown on the second picture
    lost = []
    for b in range(2):
        for n in (1, 2):
            p = probability[b, n].flatten().tolist()
            y = [float(value == n) for value in classes[b].flatten().tolist()]
            both = sum(one * other for one, other in zip(p, y, strict=True))
            if sum(y):
                lost.append(1 - 2 * both / (sum(p) + sum(y)))

    def found(pictures):
        logits = thresholds(pictures)
        if torch.equal(pictures, truth):
            logits[1, 0] += 100 * (logits[1].argmax(0) == 2)
        return logits

    assert len(lost) == 3
    assert kept_masks(x, truth, found).item() == pytest.approx(sum(lost) / 3, rel=1e-4)


def test_a_picture_without_a_class_loses_nothing():
    black = torch.zeros(1, 1, 4, 4)
    assert kept_masks(black + 0.1, black, thresholds).item() == 0


def test_what_moves_a_mask_costs_and_what_leaves_it_does_not():
    picture = torch.zeros(1, 1, 8, 8)
    picture[..., 2:6, 2:6] = 1.0
    assert kept_masks(picture, picture, thresholds).item() < 0.01
    assert kept_masks(picture * 0.95, picture, thresholds).item() < 0.01
    assert kept_masks(picture.roll(2, 3), picture, thresholds).item() > 0.2


def test_gradients_flow_through_the_segmenter_to_the_reconstruction():
    draw = torch.Generator().manual_seed(0)
    x = torch.rand(1, 1, 5, 6, generator=draw).requires_grad_()
    kept_masks(x, torch.rand(1, 1, 5, 6, generator=draw), thresholds).backward()
    assert x.grad.abs().sum() > 0
