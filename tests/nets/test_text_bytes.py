import pytest
import torch

from vesalius.errors import ConfigError
from vesalius.nets.net import build
from vesalius.nets.text_bytes import TextBytes


@pytest.fixture
def net():
    torch.manual_seed(0)
    return build(TextBytes(width=24, heads=3, depth=2, most=32)).eval()


def test_any_language_and_none(net):
    text, kept = net(["stained", "Färbung", "染色显微镜", ""])
    assert text.shape == (4, 4, 24)
    assert kept.sum(1).tolist() == [2, 2, 4, 0]  # bytes in fours: 7, 8, 15, 0
    assert text.isfinite().all()


def test_a_caption_does_not_depend_on_those_beside_it(net):
    alone, _ = net(["stained"])
    beside, kept = net(["a far longer caption", "stained"])
    torch.testing.assert_close(beside[1][kept[1]], alone[0])


def test_a_long_caption_is_cut(net):
    text, kept = net(["x" * 10_000])
    assert text.shape == (1, 8, 24)
    assert kept.all()


def test_captions_that_differ_have_other_tokens_and_gradients_flow(net):
    text, _ = net(["stained", "stainef"])
    assert not torch.allclose(text[0], text[1])
    text.square().sum().backward()
    assert all(weight.grad is not None for weight in net.parameters())


def test_half_a_surrogate_is_text_all_the_same(net):
    assert net(["\ud800"])[1].any()


def test_heads_that_do_not_fit():
    with pytest.raises(ConfigError, match="does not make 5 heads"):
        TextBytes.build(width=24, heads=5)
