import pytest
import torch

from vesalius.objectives.region_contrast import region_contrast


def test_a_change_of_delta_inside_and_none_outside_has_no_loss():
    region = torch.zeros(2, 4, 4)
    region[0, :2] = 1
    without = torch.randn(2, 3, 4, 4)
    wanted = without + 2 * region[:, None]
    assert region_contrast(wanted, without, region, 2.0) == pytest.approx(0, abs=1e-6)


def test_the_loss_by_hand():
    region = torch.tensor([[[1.0, 0.0]]])
    with_, without = torch.tensor([[[[0.5, 0.25]]]]), torch.zeros(1, 1, 1, 2)
    assert region_contrast(with_, without, region, 2.0) == pytest.approx(1.5 + 0.25)


def test_more_change_inside_is_not_rewarded_and_an_empty_region_wants_nothing():
    region = torch.ones(1, 2, 2)
    without = torch.zeros(1, 1, 2, 2)
    assert region_contrast(without + 9, without, region, 2.0) == pytest.approx(0)
    assert region_contrast(without + 1, without, torch.zeros(1, 2, 2), 2.0) == pytest.approx(1)


def test_its_gradient_raises_the_change_where_the_region_is():
    region = torch.zeros(1, 2, 2)
    region[0, 0] = 1
    change = torch.full((1, 1, 2, 2), 0.5, requires_grad=True)
    region_contrast(change, torch.zeros(1, 1, 2, 2), region, 2.0).backward()
    assert (change.grad[0, 0, 0] < 0).all()
    assert (change.grad[0, 0, 1] > 0).all()
