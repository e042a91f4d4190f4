"""In one process; `tests/tasks/simclr/test_processes.py` trains in two."""

import pytest
import torch
from torch import distributed, nn

from vesalius.nets import shared_norm
from vesalius.nets.shared_norm import SharedBatchNorm, shared_norms


def net():
    torch.manual_seed(0)
    inner = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU())
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3, momentum=0.3), nn.Flatten(), nn.LazyLinear(6), inner)


def test_replaces_norms_below_and_keeps_their_tensors():
    plain = net()
    x = torch.randn(4, 1, 6, 6)
    expected = plain(x)
    tensors = plain.state_dict(keep_vars=True)
    again = net()
    again(x)
    again.load_state_dict(plain.state_dict())
    again.train()
    shared = shared_norms(plain)
    assert [type(m).__name__ for m in shared.modules()].count("SharedBatchNorm") == 2
    assert all(shared.state_dict(keep_vars=True)[key] is tensor for key, tensor in tensors.items())
    assert shared[1].momentum == 0.3
    torch.testing.assert_close(shared(x), again(x))
    torch.testing.assert_close(shared[1].running_mean, again[1].running_mean)
    assert shared(x).shape == expected.shape


@pytest.mark.parametrize("affine", [True, False])
def test_two_processes_that_see_the_same_are_one(monkeypatch, affine):
    """With both halves equal, sums over two processes are twice those of one: the arithmetic can be played alone."""
    plain, shared = nn.BatchNorm1d(3, affine=affine), SharedBatchNorm(3, affine=affine)
    half = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(shared_norm.distributed, "all_reduce", lambda x: x.mul_(2))
    both = torch.cat([half, half]).requires_grad_()
    part = half.clone().requires_grad_()
    weights = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(1))
    (plain(both) * torch.cat([weights, weights])).sum().backward()
    (shared(part) * weights).sum().backward()
    torch.testing.assert_close(part.grad, both.grad[:5], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(shared.running_mean, plain.running_mean)
    torch.testing.assert_close(shared.running_var, plain.running_var)
    assert shared.num_batches_tracked == plain.num_batches_tracked == 1
    assert shared(half.bfloat16()).dtype == torch.bfloat16


def test_vectors_without_channels_are_refused():
    with pytest.raises(ValueError, match=r"takes \(B, C"):
        SharedBatchNorm(3)(torch.ones(3))
