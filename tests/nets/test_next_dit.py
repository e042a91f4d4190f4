import sys

import pytest
import torch

from vesalius.errors import ConfigError, UsageError
from vesalius.nets import next_dit
from vesalius.nets.net import build
from vesalius.nets.next_dit import NextDiT, attend, rotations, turned

SMALL = {"inputs": 3, "width": 32, "depth": 2, "heads": 4, "kv_heads": 2, "patch": 4, "text_width": 12}
STEMS = {"patch": {}, "conv": {"stem": "conv", "stem_channels": 8}}


def make(stem="patch", *, random=True, **changes):
    """A net whose weights are all random: those that begin at 0, too."""
    torch.manual_seed(0)
    net = build(NextDiT(**{**SMALL, **STEMS[stem], **changes})).eval()
    for parameter in net.parameters() if random else ():
        parameter.data = torch.randn_like(parameter) * 0.2
    return net


def given(count=2, rows=8, columns=12, classes=0):
    torch.manual_seed(1)
    kept = torch.tensor([[True, True, False], [True, True, True]])[:count]
    x = torch.randn(count, 3, rows, columns), torch.rand(count), torch.randn(count, 3, 12), kept
    return (*x, torch.rand(count, classes, rows, columns) * 2 - 1) if classes else x


@pytest.mark.parametrize("stem", STEMS)
def test_shapes_and_bf16(stem):
    net = make(stem, mask_channels=2)
    out = net(*given(classes=2))
    assert out.shape == (2, 3, 8, 12)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        low = net(*given(classes=2))
    assert low.dtype == torch.bfloat16
    assert (low.float() - out).abs().mean() < 0.1 * out.abs().mean()


@pytest.mark.parametrize("stem", STEMS)
def test_a_fresh_net_predicts_nothing(stem):
    assert not make(stem, random=False)(*given()).any()


@pytest.mark.parametrize("stem", STEMS)
def test_a_mask_with_fresh_weights_changes_nothing(stem):
    net = make(stem, mask_channels=2)
    fresh = NextDiT(**{**SMALL, **STEMS[stem], "mask_channels": 2}).make()
    name = "stem.project_mask.weight" if stem == "patch" else "stem.mask.weight"
    assert not fresh.get_parameter(name).any()
    net.get_parameter(name).data.zero_()
    with torch.no_grad():
        assert net(*given(classes=2)).equal(net(*given()))


@pytest.mark.parametrize("stem", STEMS)
def test_a_mask_counts_once_its_weights_do(stem):
    net = make(stem, mask_channels=2)
    x = given(classes=2)
    assert not net(*x).equal(net(*x[:4], torch.zeros_like(x[4])))
    torch.testing.assert_close(net(*x[:4], torch.zeros_like(x[4])), net(*x[:4]))


CONTROL = {"mask_channels": 2, "mask_enters": "control"}


@pytest.mark.parametrize("stem", STEMS)
def test_a_fresh_branch_changes_nothing(stem):
    net = make(stem, **CONTROL)
    for layer in net.control.out:
        for parameter in layer.parameters():
            parameter.data.zero_()
    assert not any(parameter.any() for parameter in NextDiT(**SMALL, **CONTROL).make().control.out.parameters())
    with torch.no_grad():
        assert net(*given(classes=2)).equal(net(*given()))


@pytest.mark.parametrize("stem", STEMS)
def test_a_branch_adds_to_pictures_with_a_mask_alone(stem):
    net = make(stem, **CONTROL, control_depth=2)
    assert len(net.control.blocks) == 2
    *x, mask = given(classes=2)
    mask[0] = 0
    out, without = net(*x, mask), net(*x)
    torch.testing.assert_close(out[0], without[0])
    assert not torch.allclose(out[1], without[1], rtol=1e-3)


def test_a_branch_learns_its_mask():
    net = make(random=False, **CONTROL, depth=1)
    x, t, text, kept, mask = given(classes=2)
    wanted = mask[:, :1].repeat(1, 3, 1, 1)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)
    for _ in range(150):
        loss = (net(torch.randn_like(x), t, text, kept, mask) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * wanted.var().item()
    assert net.control.project_mask.weight.grad.any()


def test_tokens_that_are_no_text_are_not_read():
    net = make()
    x, t, text, kept = given()
    changed = torch.where(kept[:, :, None], text, text + 5)
    torch.testing.assert_close(net(x, t, changed, kept), net(x, t, text, kept))
    assert not torch.allclose(net(x, t, text + 5, kept), net(x, t, text, kept))


def test_without_a_caption_no_token_is_read():
    net = make()
    x, t, text, kept = given()
    none = torch.zeros_like(kept)
    out = net(x, t, text, none)
    assert out.isfinite().all()
    torch.testing.assert_close(net(x, t, text + 5, none), out)
    mixed = net(x, t, text, torch.stack([none[0], kept[1]]))
    torch.testing.assert_close(mixed[0], out[0])
    torch.testing.assert_close(mixed[1], net(x, t, text, kept)[1])


def test_a_picture_does_not_depend_on_those_beside_it():
    net, x = make("conv"), given()
    torch.testing.assert_close(net(*(part[:1] for part in x)), net(*x)[:1], atol=1e-5, rtol=1e-5)


def test_attention_by_hand():
    torch.manual_seed(0)
    q, k, v = torch.randn(1, 5, 4, 8), torch.randn(1, 3, 2, 8), torch.randn(1, 3, 2, 8)
    seen = torch.tensor([[True, False, True]])
    wanted = torch.zeros(1, 5, 4, 8)
    for head in range(4):
        scores = q[0, :, head] @ k[0, :, head // 2].T / 8**0.5
        scores[:, ~seen[0]] = -torch.inf
        wanted[0, :, head] = scores.softmax(-1) @ v[0, :, head // 2]
    torch.testing.assert_close(attend(q, k, v, seen), wanted.flatten(2))
    with torch.no_grad():  # by the fused kernel
        torch.testing.assert_close(attend(q, k, v, seen), wanted.flatten(2))


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fused_kernels_of_a_gpu_equal_the_open_sum(dtype):
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 64, heads, 64, device="cuda", dtype=dtype) for heads in (4, 2, 2))
    open_ = attend(q.cpu().float().requires_grad_(), k.cpu().float(), v.cpu().float())
    low = dtype == torch.bfloat16
    torch.testing.assert_close(attend(q, k, v).cpu().float(), open_.detach(), atol=3e-2 if low else 1e-4, rtol=1e-2)


@pytest.mark.gpu
def test_flash_attn_equals_the_kernels_of_pytorch():
    pytest.importorskip("flash_attn")
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 64, heads, 64, device="cuda", dtype=torch.bfloat16) for heads in (4, 2, 2))
    torch.testing.assert_close(attend(q, k, v, kernel="flash"), attend(q, k, v), atol=3e-2, rtol=1e-2)


def test_without_a_gpu_the_kernels_of_pytorch_answer():
    net, same = make(attention="flash"), make()
    with torch.no_grad():
        assert net(*given()).equal(same(*given()))


def test_a_missing_flash_attn_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "flash_attn", None)
    x = torch.zeros(1, 1, 1, 4)
    with pytest.raises(UsageError, match="pip install flash-attn"):
        next_dit._flash(x, x, x)


def test_turned_queries_and_keys_know_their_distance_alone():
    cosines, sines = rotations(6, 6, 16)
    turns = cosines[:, None].float(), sines[:, None].float()
    q, k = (turned(torch.randn(1, 1, 1, 16).expand(1, 36, 1, 16), turns)[0, :, 0] for _ in range(2))
    scores = (q @ k.T).reshape(6, 6, 6, 6)
    torch.testing.assert_close(scores[1, 2, 3, 5], scores[2, 1, 4, 4])
    torch.testing.assert_close(scores[0, 0, 0, 3], scores[5, 2, 5, 5])
    assert not torch.isclose(scores[0, 0, 3, 0], scores[0, 0, 0, 3])


def test_the_published_sizes():
    """2304 wide, 24 blocks: 1.627 thousand million weights with 8 heads of keys, 1.989 with 32 (Lumina-Next)."""
    for kv_heads, millions in ((8, 1627), (32, 1989)):
        sizes = NextDiT(
            inputs=4, width=2304, depth=24, heads=32, kv_heads=kv_heads, patch=2, text_width=2048, ffn_multiple=256,
            learns_sigma=True,
        )  # fmt: skip
        assert sizes.feed_forward_width == 6144
        with torch.device("meta"):
            net = sizes.make()
        assert round(sum(weight.numel() for weight in net.parameters()) / 1e6) == millions


@pytest.mark.parametrize("stem", STEMS)
def test_it_learns_a_few_pictures(stem):
    net = make(stem, random=False, depth=1)
    x, t, text, kept = given()
    wanted = torch.randn_like(x)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)
    first = None
    for _ in range(80):
        loss = (net(x, t, text, kept) - wanted).square().mean()
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2 * first


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"heads": 5}, "does not make 5 heads"),
        ({"kv_heads": 3}, "divide"),
        ({"control_depth": 3}, "deeper than the 2"),
    ],
)
def test_sizes_that_do_not_fit(changes, words):
    with pytest.raises(ConfigError, match=words):
        NextDiT.build(**{**SMALL, **changes})


@pytest.mark.parametrize("enters", ["channels", "control"])
def test_a_step_at_1024_pixels_in_latents(enters):
    """Latents of an autoencoder that makes 8 x 8 pixels one place: 128 x 128 places, 4096 patches."""
    net = make("patch", random=False, inputs=4, patch=2, depth=2, mask_channels=3, mask_enters=enters)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3)
    x, mask = torch.randn(1, 4, 128, 128), torch.ones(1, 3, 128, 128)
    losses = []
    for _ in range(2):
        out = net(x, torch.rand(1), torch.randn(1, 3, 12), torch.ones(1, 3).bool(), mask)
        loss = (out - x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
