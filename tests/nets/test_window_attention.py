"""Attention in parts equals MONAI's, values and gradients."""

import copy

import pytest
import torch
from monai.networks.nets.swin_unetr import WindowAttention as MonaiWindowAttention

import vesalius.nets.window_attention as windows
from vesalius.nets.swinunetr import SwinEncoder
from vesalius.nets.window_attention import WindowAttention

CROPS, WINDOWS, PLACES, WIDTH, HEADS = 2, 5, 16, 12, 3


def both(dtype=torch.float64):
    torch.manual_seed(0)
    theirs = MonaiWindowAttention(WIDTH, HEADS, (4, 4), qkv_bias=True).to(dtype)
    torch.nn.init.normal_(theirs.relative_position_bias_table)
    return theirs, WindowAttention(copy.deepcopy(theirs))


@pytest.mark.parametrize("part", [1, 2, 99])
@pytest.mark.parametrize("masked", [False, True])
def test_values_and_gradients_are_those_of_monai(monkeypatch, masked, part):
    monkeypatch.setattr(windows, "_PART_BYTES", {"cpu": part * 4 * HEADS * PLACES**2})
    theirs, ours = both()
    mask = torch.randn(WINDOWS, PLACES, PLACES, dtype=torch.float64) if masked else None
    x = torch.randn(CROPS * WINDOWS, PLACES, WIDTH, dtype=torch.float64)
    given = [x.clone().requires_grad_() for _ in range(2)]
    results = [module(each, mask=mask) for module, each in zip((theirs, ours), given, strict=True)]
    torch.testing.assert_close(results[1], results[0], rtol=1e-12, atol=1e-12)
    direction = torch.randn_like(results[0])
    for result in results:
        (result * direction).sum().backward()
    torch.testing.assert_close(given[1].grad, given[0].grad, rtol=1e-10, atol=1e-10)
    found = dict(ours.named_parameters())
    assert found.keys() == dict(theirs.named_parameters()).keys()
    for name, expected in theirs.named_parameters():
        torch.testing.assert_close(found[name].grad, expected.grad, rtol=1e-10, atol=1e-10)


def test_windows_that_are_smaller_than_the_table():
    """The last stage of a small crop has fewer places than its table of positions."""
    theirs, ours = both()
    x = torch.randn(3, 9, WIDTH, dtype=torch.float64)
    torch.testing.assert_close(ours(x, None), theirs(x, None), rtol=1e-12, atol=1e-12)


def test_half_precision_keeps_gradients_of_the_bias_in_single():
    theirs, ours = both(torch.float32)
    x = torch.randn(CROPS * WINDOWS, PLACES, WIDTH)
    with torch.autocast("cpu", torch.bfloat16):
        results = [module(x, None) for module in (theirs, ours)]
    assert results[1].dtype == torch.bfloat16
    torch.testing.assert_close(results[1].float(), results[0].float(), rtol=0.05, atol=0.02)
    results[1].float().sum().backward()
    assert ours.relative_position_bias_table.grad.dtype == torch.float32


def test_the_encoder_has_it_everywhere():
    net = SwinEncoder(dims=2, inputs=1, width=12, window=4).make()
    kinds = [type(module) for module in net.modules() if type(module).__name__ == "WindowAttention"]
    assert kinds == [WindowAttention] * 8
