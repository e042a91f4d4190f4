"""What gradient caching promises: exactly the gradients of the whole batch for that net."""

import pytest
import torch
from torch import nn

from tasks.simclr.small import RESNET, VIT
from vesalius.nets.net import Net
from vesalius.objectives.nt_xent import NtXent
from vesalius.tasks.simclr.cached import Cached, in_order


def views(count=10):
    return torch.randn(count, 2, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def made(table):
    torch.manual_seed(1)
    net = Net.read(table).make()
    for name, parameter in net.named_parameters():
        if "norm" in name or "bn" in name:  # the last norms of fresh blocks are 0
            nn.init.normal_(parameter, 1, 0.1)
    return net.train()


def cached_gradients(net, x_BVCJI, chunk):
    cached = Cached(net, x_BVCJI, chunk)
    loss = NtXent()(*in_order(cached.whole_BVD).chunk(2))
    loss.backward()
    cached.backward()
    return loss.detach(), [parameter.grad.clone() for parameter in net.parameters() if parameter.grad is not None]


def gradients(net, whole_VD):
    loss = NtXent()(*whole_VD.chunk(2))
    loss.backward()
    return loss.detach(), [parameter.grad.clone() for parameter in net.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("chunk", [3, 10])
def test_without_batch_norm_equals_the_whole_batch(chunk):
    x, net = views(), made(VIT)
    loss, cached = cached_gradients(net, x, chunk)
    net.zero_grad()
    expected, whole = gradients(net, net(in_order(x))[0])
    torch.testing.assert_close(loss, expected)
    assert len(cached) == len(whole) > 10
    for one, other in zip(cached, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_with_batch_norm_equals_the_whole_loss_of_chunks_that_are_normalized_alone():
    x, net = views(), made(RESNET)
    start = {name: value.clone() for name, value in net.state_dict().items()}
    loss, cached = cached_gradients(net, x, 4)
    moved = {name: value.clone() for name, value in net.named_buffers()}
    net.load_state_dict(start)
    net.zero_grad()
    parts = [net(in_order(part))[0].unflatten(0, (2, -1)) for part in x.split(4)]
    expected, whole = gradients(net, torch.cat(parts, 1).flatten(0, 1))
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(cached, whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
    for name, value in net.named_buffers():  # running statistics have moved once
        torch.testing.assert_close(moved[name], value)
    net.load_state_dict(start)
    assert abs(NtXent()(*net(in_order(x))[0].chunk(2)) - expected) > 1e-4, "one batch would be normalized otherwise"


def test_dropout_draws_the_same_both_times():
    x = views()
    torch.manual_seed(0)

    class Dropping(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.seen = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(1024, 8)), []

        def forward(self, x_BCJI):
            out = self.net(x_BCJI)
            self.seen.append(out.detach())
            return out, None

    net = Dropping()
    cached_gradients(net, x, 4)
    first, second = net.seen[:3], net.seen[3:]
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other)
    assert not torch.allclose(net.net(in_order(x[:4])), first[0])


def test_the_loss_goes_backwards_first():
    with pytest.raises(ValueError, match="has not gone backwards"):
        Cached(made(VIT), views(4), 2).backward()
