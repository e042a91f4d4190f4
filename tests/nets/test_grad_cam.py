"""The map against a slow derivation, against CAM, and on pictures in which a bright square decides."""

import pytest
import torch
from torch import nn

from nets.battery import make
from vesalius.nets.bit import BiT
from vesalius.nets.classifier import Classifier
from vesalius.nets.grad_cam import grad_cam
from vesalius.nets.head import Head
from vesalius.nets.resnet import ResNet

NETS = [ResNet(depth=18, factor=0.25), BiT(depths=(1, 1, 1, 1))]


@pytest.fixture(params=NETS, ids=["resnet", "bit"])
def encoder(request):
    return make(request.param, 1).eval().requires_grad_(False)


def head_of(encoder, hidden):
    width = encoder(torch.zeros(1, 3, 32, 32))[0].shape[1]
    torch.manual_seed(2)
    return Head(inputs=width, outputs=2, hidden=hidden).make().eval()


def test_the_map_is_the_papers(encoder):
    """Derivatives by finite differences: every channel of the last map moved at every place, one at a time."""
    head = head_of(encoder, hidden=8).double()
    encoder = encoder.double()
    x, step = torch.randn(1, 3, 32, 64, dtype=torch.float64), 1e-4
    last_CHW = encoder.maps(x)[-1][0]
    slopes_CHW = torch.zeros_like(last_CHW)
    with torch.no_grad():
        logit = head(last_CHW.mean((1, 2)))[1]
        for place in torch.cartesian_prod(*map(torch.arange, last_CHW.shape)).tolist():
            moved_CHW = last_CHW.clone()
            moved_CHW[tuple(place)] += step
            slopes_CHW[tuple(place)] = (head(moved_CHW.mean((1, 2)))[1] - logit) / step
    expected_HW = torch.zeros_like(last_CHW[0])
    for slopes_HW, channel_HW in zip(slopes_CHW, last_CHW, strict=True):
        expected_HW += slopes_HW.mean() * channel_HW
    torch.testing.assert_close(grad_cam(encoder, head, x, 1)[0], expected_HW.clamp(min=0), rtol=1e-3, atol=1e-7)


def test_with_a_linear_head_it_is_cam_without_the_bias(encoder):
    """CAM (arXiv:1512.04150): the logit that a linear head gives each place."""
    head = head_of(encoder, hidden=0)
    x = torch.randn(2, 3, 64, 96)
    whole_BD, places_BLD = encoder(x)
    cam_BHW = (head(places_BLD)[..., 0] - head.bias[0]).unflatten(1, (2, 3))
    map_BHW = grad_cam(encoder, head, x, 0)
    torch.testing.assert_close(map_BHW, cam_BHW.clamp(min=0) / 6, rtol=1e-4, atol=1e-6)
    shares = (cam_BHW / 6).sum((1, 2))  # before the positive part: the logit without its bias
    torch.testing.assert_close(shares, head(whole_BD)[:, 0] - head.bias[0], rtol=1e-4, atol=1e-5)


def test_pictures_of_a_batch_do_not_depend_on_each_other(encoder):
    head, x = head_of(encoder, hidden=8), torch.randn(3, 3, 64, 64)
    torch.testing.assert_close(grad_cam(encoder, head, x, 1)[1:2], grad_cam(encoder, head, x[1:2], 1))


def test_no_gradient_stays_behind(encoder):
    head, x = head_of(encoder, hidden=8), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert not grad_cam(encoder, head, x, 1).requires_grad
    assert x.grad is None
    assert all(parameter.grad is None for parameter in (*encoder.parameters(), *head.parameters()))


@pytest.mark.parametrize(("hidden", "least"), [(0, 0.8), (16, 0.4)])
def test_the_peak_lies_in_the_square_that_decides(hidden, least):
    """A bright square of 16 pixels is class 1; a dark square, in every picture, is of no account.

    The square has 4 of the 36 places. Beyond a linear head the shares are of first order only.
    """
    config = Classifier(encoder=ResNet(depth=18, factor=0.125, inputs=1, stem="cifar"), outputs=1, hidden=hidden)
    net = make(config, 5)
    optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
    torch.manual_seed(6)
    for _ in range(20):
        x, labels, _ = squares(16)
        loss = nn.functional.binary_cross_entropy_with_logits(net(x)[0][:, 0], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    net.eval()
    x, labels, at = squares(30)
    maps_BHW = grad_cam(net.encoder, net.head, x, 0)[labels == 1]
    hottest = maps_BHW.flatten(1).argmax(1)
    rows, columns = hottest // maps_BHW.shape[2], hottest % maps_BHW.shape[2]
    middle = torch.stack([rows, columns], 1) * 8 + 4
    inside = ((middle >= at[labels == 1]) & (middle < at[labels == 1] + 16)).all(1)
    assert inside.float().mean() >= least


def squares(count):
    """Pictures of 48 pixels, whether each holds a bright square, and where it lies (row, column)."""
    x = 0.3 * torch.randn(count, 1, 48, 48)
    labels = (torch.arange(count) % 2).float()
    at = torch.randint(0, 5, (count, 2)) * 8
    for number in range(count):
        dark = torch.randint(0, 5, (2,)) * 8
        x[number, 0, dark[0] : dark[0] + 16, dark[1] : dark[1] + 16] -= 2
        if labels[number]:
            x[number, 0, at[number, 0] : at[number, 0] + 16, at[number, 1] : at[number, 1] + 16] = 2
    return x, labels, at
