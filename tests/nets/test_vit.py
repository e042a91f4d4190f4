import timm
import torch

from nets.battery import check_bf16, check_overfits, check_saved_equals_loaded, make
from nets.test_unet import blocks
from vesalius.nets.vit import SIZES, DinoV2, ViT

SMALL = ViT(size="tiny", depth=2, inputs=1)


def test_class_and_patches_row_by_row():
    net = make(SMALL).eval()
    class_BD, patches_BLD = net(torch.randn(2, 1, 32, 48))
    assert class_BD.shape == (2, 192)
    assert patches_BLD.shape == (2, 6, 192)
    for block in net.vit.blocks:  # without mixing, a patch depends on its own pixels only
        torch.nn.init.zeros_(block.gamma_1)
    x = torch.randn(1, 1, 32, 48)
    y = x.clone()
    y[..., 16:, 32:] += 1  # row 1, column 2
    changed = (net(x)[1] - net(y)[1]).abs().amax(-1)[0]
    assert changed.nonzero().flatten().tolist() == [5]


def test_sizes():
    assert {size: make(ViT(size=size, depth=1)).vit.embed_dim for size in SIZES} == {k: v[0] for k, v in SIZES.items()}
    assert sum(one.numel() for one in make(ViT(size="tiny")).parameters()) < 6e6
    assert SMALL.width == 192
    assert (SMALL.dims, SMALL.divisor) == (2, 16)


def test_defaults_are_those_of_meddinov3():
    net = make(ViT(size="base", depth=1))
    assert {one.eps for one in net.modules() if isinstance(one, torch.nn.LayerNorm)} == {1e-6}
    assert net.vit.global_pool == "token"
    assert net.vit.num_prefix_tokens == 5
    assert net.vit.blocks[0].attn.q_bias is None


def test_the_norm_of_tokens_is_the_one_of_timm():
    net = make(ViT(size="tiny", depth=1, eps=1e-5)).eval()
    sizes = {"embed_dim": 192, "num_heads": 3, "depth": 1, "num_classes": 0}
    theirs = timm.create_model("vit_base_patch16_dinov3", **sizes).eval()  # pools the mean, as timm does by default
    theirs.load_state_dict(net.vit.state_dict())
    x = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(theirs(x), net(x)[1].mean(1), atol=1e-5, rtol=1e-5)


def test_rough_positions_are_near_the_exact_ones_and_add_no_tensor():
    exact, rough = (make(ViT(size="tiny", depth=1, rope=rope), 1).eval() for rope in ("fp32", "bf16"))
    assert list(exact.state_dict()) == list(rough.state_dict())
    tables = [net.vit.rope.get_embed(shape=(3, 5)) for net in (exact, rough)]
    assert tables[1].shape == (15, 128)
    assert tables[1].dtype == torch.float32
    assert 0 < (tables[0] - tables[1]).abs().max() < 0.05


def test_the_largest_of_the_patches_in_the_place_of_the_class_token():
    net, plain = (make(ViT(size="micro", depth=1, pool=pool)).eval() for pool in ("max", "class"))
    x = torch.randn(2, 3, 32, 48)
    largest_BD, patches_BLD = net(x)
    assert torch.equal(patches_BLD, plain(x)[1])
    assert torch.equal(largest_BD, patches_BLD.max(1).values)
    assert not torch.equal(largest_BD, plain(x)[0])


def test_battery(tmp_path):
    x, target = blocks()
    x = x.repeat_interleave(4, -1).repeat_interleave(4, -2)  # a class for each patch
    check_saved_equals_loaded(SMALL, x, tmp_path)
    check_saved_equals_loaded(SMALL.model_copy(update={"rope": "bf16"}), x, tmp_path)
    check_bf16(SMALL, x, within=0.05)
    patch = target[:, ::4, ::4].flatten(1)
    check_overfits(SMALL, x, patch, steps=80, logits=lambda out: out[1][..., :3].transpose(1, 2))


def test_rough_positions_are_those_of_arithmetic_in_bfloat16():
    from weights.layouts.dinov3_by_hand import _angles

    table = make(ViT(size="tiny", depth=1, rope="bf16")).vit.rope.get_embed(shape=(14, 20))
    assert torch.equal(table, torch.cat(_angles((14, 20), 64, torch.bfloat16), -1).float())


def test_a_stem_of_convolutions_halves_four_times(tmp_path):
    net = make(ViT(size="micro", depth=1, inputs=3, stem="conv")).eval()
    class_BD, patches_BLD = net(torch.randn(2, 3, 48, 32))
    assert (class_BD.shape, patches_BLD.shape) == ((2, 128), (2, 6, 128))
    strides = [one.stride for one in net.vit.patch_embed.proj if isinstance(one, torch.nn.Conv2d)]
    assert strides == [(2, 2)] * 4 + [(1, 1)]
    one = torch.randn(1, 3, 32, 32)
    both = torch.cat([one, torch.randn(1, 3, 32, 32)])
    assert torch.allclose(net(both)[0][0], net(one)[0][0], atol=1e-5)
    check_saved_equals_loaded(ViT(size="micro", depth=1, inputs=3, stem="conv"), torch.randn(1, 3, 32, 32), tmp_path)


SMALL_DINOV2 = DinoV2(size="tiny", depth=2, inputs=1, side=56)


def test_class_and_patches_of_dinov2():
    net = make(SMALL_DINOV2).eval()
    class_BD, patches_BLD = net(torch.randn(2, 1, 56, 56))
    assert class_BD.shape == (2, 192)
    assert patches_BLD.shape == (2, 16, 192)
    assert net(torch.randn(1, 1, 28, 70))[1].shape == (1, 10, 192)
    assert net.vit.pos_embed.shape == (1, 17, 192)
    assert {one.eps for one in net.modules() if isinstance(one, torch.nn.LayerNorm)} == {1e-6}
    assert (SMALL_DINOV2.dims, SMALL_DINOV2.divisor, SMALL_DINOV2.width) == (2, 14, 192)


def test_battery_of_dinov2(tmp_path):
    torch.manual_seed(0)
    target = torch.randint(0, 3, (4, 4, 4))
    x = (target[:, None] - 1.0).repeat_interleave(14, 2).repeat_interleave(14, 3) + 0.1 * torch.randn(4, 1, 56, 56)
    check_saved_equals_loaded(SMALL_DINOV2, x, tmp_path)
    check_bf16(SMALL_DINOV2, x, within=0.05)
    check_overfits(SMALL_DINOV2, x, target.flatten(1), steps=80, logits=lambda out: out[1][..., :3].transpose(1, 2))
