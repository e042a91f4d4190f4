import torch
from einops import rearrange

from nets.battery import make
from nets.test_titok import ANCHORED, SMALL, TWO_STAGES, pictures
from vesalius.nets.latents import interpolated


def test_positions_of_other_grids_are_interpolated():
    places = torch.randn(1 + 4 * 3, 5)
    wanted = torch.nn.functional.interpolate(places[1:].T.reshape(1, 5, 4, 3), (6, 5), mode="bicubic")
    assert torch.equal(interpolated(places, (4, 3), (6, 5))[1:], wanted.reshape(5, 30).T)
    assert torch.equal(interpolated(places, (4, 3), (6, 5))[:1], places[:1])
    assert interpolated(places, (4, 3), (4, 3)) is places


def test_the_decoder_puts_the_pixels_of_a_patch_where_it_lies():
    net = make(ANCHORED).eval()
    y_BPW = torch.randn(1, 12, 128)
    pixels = rearrange(net.head.pixels(y_BPW), "b (h w) (p q c) -> b c (h p) (w q)", h=4, p=8, q=8)
    assert torch.allclose(net.head(y_BPW, (4, 3)), net.head.last(pixels), atol=1e-6)


def test_an_anchored_token_depends_on_its_cell_first():
    """Without attention the other patches do not reach it."""
    net = make(ANCHORED).eval()
    for block in net.encoder.blocks:
        torch.nn.init.zeros_(block.proj.weight)
    x = pictures(ANCHORED, 1)
    y = x.clone()
    y[..., :8, :8] += 1
    moved = (net.encoder(x) - net.encoder(y)).abs().amax(-1)[0] > 1e-6
    assert int(moved[:2].sum()) == 1
    assert int(moved[2:].sum()) == 1
    free = make(SMALL).eval()
    for block in free.encoder.blocks:
        torch.nn.init.zeros_(block.proj.weight)
    assert torch.equal(free.encoder(x), free.encoder(y))


def test_the_reshaped_order_mixes_tokens_as_memory_lies():
    config = TWO_STAGES.model_copy(update={"order": "transposed"})
    plain, legacy = make(config).eval(), make(TWO_STAGES).eval()
    legacy.load_state_dict(plain.state_dict())
    x = pictures(config)
    kept = []
    plain.encoder.norm_after.register_forward_hook(lambda *parts: kept.append(parts[2]))
    with torch.no_grad():
        plain.encoder(x)
        flat = kept[0].contiguous().flatten(1)
        out = plain.encoder.out
        wanted = torch.stack([flat[:, token::6] @ out.weight.T + out.bias for token in range(6)], 1)
        assert torch.allclose(legacy.encoder(x), wanted, atol=1e-5)
