import pytest
import torch

from vesalius.objectives.simsiam import SimSiamLoss


def test_is_the_mean_negative_cosine_and_stops_the_gradient_at_projections():
    draw = torch.Generator().manual_seed(0)
    p1, p2, z1, z2 = (torch.randn(5, 4, generator=draw, requires_grad=True) for _ in range(4))
    expected = 0.0
    for p, z in ((p1, z2), (p2, z1)):
        for row, other in zip(p.tolist(), z.tolist(), strict=True):
            dot = sum(a * b for a, b in zip(row, other, strict=True))
            lengths = (sum(a * a for a in row) * sum(b * b for b in other)) ** 0.5
            expected -= dot / lengths / 5 / 2
    loss = SimSiamLoss()(p1, p2, z1, z2)
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    loss.backward()
    assert z1.grad is None
    assert z2.grad is None
    assert p1.grad.abs().sum() > 0
    assert p2.grad.abs().sum() > 0
