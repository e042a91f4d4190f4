import pytest
import timm
import torch
from timm.models.eva import checkpoint_filter_fn

from vesalius.errors import InputError
from vesalius.nets.vit import DinoV2, ViT
from vesalius.weights.keymap import match
from vesalius.weights.layouts.dino import (
    DINOV2,
    DINOV2_TRANSFORMERS,
    DINOV3,
    DINOV3_TRANSFORMERS,
    MEDDINOV3,
    RAD_DINO,
)
from weights.layouts.dinov3_by_hand import forward, raw_state


def as_meddinov3(raw):
    """The file as it is shared: a teacher with its backbone and the heads of the pre-training."""
    teacher = {f"backbone.{name}": tensor for name, tensor in raw.items()}
    teacher |= {f"dino_head.mlp.{n}.weight": torch.zeros(4, 4) for n in range(3)}
    teacher["ibot_head.last_layer.weight"] = torch.zeros(4, 4)
    return {"teacher": teacher, "student": {"backbone.cls_token": torch.zeros(1)}, "iteration": 7}


def as_transformers(raw, width):
    """The names that transformers gives the same tensors."""
    out = {}
    ends = {"norm1": "norm1", "norm2": "norm2", "attn.proj": "attention.o_proj", "mlp.fc1": "mlp.up_proj"}
    ends |= {"mlp.fc2": "mlp.down_proj", "ls1": "layer_scale1", "ls2": "layer_scale2"}
    heads = {"cls_token": "cls_token", "storage_tokens": "register_tokens", "mask_token": "mask_token"}
    heads |= {"patch_embed.proj.weight": "patch_embeddings.weight", "patch_embed.proj.bias": "patch_embeddings.bias"}
    for name, tensor in raw.items():
        if name in heads:
            out[f"embeddings.{heads[name]}"] = tensor
        elif name.startswith("norm."):
            out[name] = tensor
        elif name.startswith("blocks."):
            _, n, rest = name.split(".", 2)
            if rest.startswith("attn.qkv."):
                kind = rest.rpartition(".")[2]
                for letter, part in zip("qkv", tensor.split(width), strict=True) if kind != "bias_mask" else ():
                    if (letter, kind) != ("k", "bias"):
                        out[f"layer.{n}.attention.{letter}_proj.{kind}"] = part
                continue
            stem, last = rest.rpartition(".")[::2]
            out[f"layer.{n}.{ends[stem]}.{'lambda1' if last == 'gamma' else last}"] = tensor
    return out


def picture(side=64, batch=2):
    return torch.randn(batch, 3, side, side + 32, generator=torch.Generator().manual_seed(5))


def test_meddinov3_fits_to_the_last_tensor_and_gives_what_the_description_gives():
    """Acceptance: zero missing, zero unexpected; base size, 164 tensors in the bare encoder."""
    raw = raw_state(768, 12, qkv_bias=False)
    assert len(raw) == 164
    config = ViT(**{k: v for k, v in MEDDINOV3.net.items() if k != "name"}).model_copy(update={"rope": "fp32"})
    net = config.make().eval()
    report = match(as_meddinov3(raw), net, MEDDINOV3.keymap)
    assert report.fits
    assert (report.missing, report.unexpected, report.shapes, report.allowed) == ((), (), (), ())
    assert len(report.loaded) == len(net.state_dict()) == 162
    assert report.parameters == 85_641_216
    reasons = dict(report.dropped)
    assert reasons["student"] == "beside teacher"
    assert reasons["dino_head.mlp.0.weight"] == "head of the pre-training"
    assert {module.eps for module in net.modules() if isinstance(module, torch.nn.LayerNorm)} == {1e-6}
    x = picture(32, 1)
    with torch.no_grad():
        class_BD, patches_BLD = net(x)
        wanted = forward(raw, x, heads=12, eps=1e-6)
    assert patches_BLD.shape == (1, 2 * 4, 768)
    assert net.vit.num_prefix_tokens == 5
    assert net.vit.global_pool == "token"
    torch.testing.assert_close(class_BD, wanted[0], atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(patches_BLD, wanted[1], atol=2e-5, rtol=1e-5)


def test_timm_loads_the_same_by_its_own_filter():
    raw = raw_state(192, 2, qkv_bias=False)
    config = ViT(size="tiny", depth=2)
    net = config.make().eval()
    match(as_meddinov3(raw), net, MEDDINOV3.keymap)
    sizes = {"embed_dim": 192, "num_heads": 3, "depth": 2, "num_classes": 0, "global_pool": "token"}
    theirs = timm.create_model("vit_base_patch16_dinov3", **sizes).eval()
    for module in theirs.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = 1e-6
    theirs.load_state_dict(checkpoint_filter_fn(dict(raw), theirs), strict=True)
    with torch.no_grad():
        tokens = theirs.forward_features(picture())
        class_BD, patches_BLD = net(picture())
        assert torch.equal(theirs(picture()), class_BD)
    assert torch.equal(tokens[:, 0], class_BD)
    assert torch.equal(tokens[:, 5:], patches_BLD)


def test_the_norms_of_meta_and_of_meddinov3_are_told_apart():
    raw = raw_state(192, 2, qkv_bias=False)
    nets = [ViT(size="tiny", depth=2, eps=eps).make().eval() for eps in (1e-6, 1e-5)]
    for net in nets:
        match(raw, net, MEDDINOV3.keymap)
    x = 1e-3 * picture()
    with torch.no_grad():
        for net, eps in zip(nets, (1e-6, 1e-5), strict=True):
            torch.testing.assert_close(net(x)[0], forward(raw, x, heads=3, eps=eps)[0], atol=2e-5, rtol=1e-5)


def test_meta_with_a_bias_of_queries_and_values():
    raw = raw_state(192, 2, qkv_bias=True)
    net = ViT(size="tiny", depth=2, eps=1e-5, qkv_bias=True).make().eval()
    report = match(raw, net, DINOV3.keymap)
    assert report.fits
    assert ("blocks.1.attn.qkv.bias, part 2", "bias of the keys, masked in the original") in report.dropped
    with torch.no_grad():
        for got, wanted in zip(net(picture()), forward(raw, picture(), heads=3, eps=1e-5), strict=True):
            torch.testing.assert_close(got, wanted, atol=2e-5, rtol=1e-5)


def test_transformers_names_are_the_same_network():
    raw = raw_state(192, 2, qkv_bias=True)
    net, other = (ViT(size="tiny", depth=2, qkv_bias=True).make() for _ in range(2))
    match(raw, net, DINOV3.keymap)
    renamed = as_transformers(raw, 192)
    assert len(renamed) == 7 + 17 * 2
    assert match(renamed, other, DINOV3_TRANSFORMERS.keymap).fits
    for name, tensor in net.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


def test_a_block_without_its_keys_is_refused():
    renamed = as_transformers(raw_state(192, 1, qkv_bias=True), 192)
    del renamed["layer.0.attention.k_proj.weight"]
    with pytest.raises(InputError, match=r"1 missing \(vit.blocks.0.attn.qkv.weight\); 2 unexpected \(layer.0"):
        match(renamed, ViT(size="tiny", depth=1, qkv_bias=True).make(), DINOV3_TRANSFORMERS.keymap)


def test_rough_positions_are_nearer_to_how_meddinov3_was_trained():
    raw = raw_state(192, 2, qkv_bias=False)
    with torch.no_grad():
        wanted = forward(raw, picture(), heads=3, eps=1e-6, rope=torch.bfloat16)
        away = {}
        for rope in ("fp32", "bf16"):
            net = ViT(size="tiny", depth=2, rope=rope).make().eval()
            match(raw, net, MEDDINOV3.keymap)
            away[rope] = max((got - one).abs().mean().item() for got, one in zip(net(picture()), wanted, strict=True))
    assert away["bf16"] < 0.7 * away["fp32"]
    assert away["bf16"] < 2e-3


@pytest.mark.parametrize(
    ("rope", "class_B4", "last_B4", "within"),
    [
        ("fp32", (0.773539, -0.019596, -0.173789, -0.310251), (-1.126438, -1.223372, -0.275477, -0.216151), 1e-5),
        ("bf16", (0.774394, -0.018761, -0.174784, -0.310576), (-1.126318, -1.223156, -0.275342, -0.215801), 5e-3),
    ],
)
def test_what_the_published_implementation_gave(rope, class_B4, last_B4, within):
    """First numbers of the class token and of the last patch, from ricklisz/MedDINOv3 at a2460c2 on torch 2.15."""
    raw = raw_state(192, 2, qkv_bias=False)
    net = ViT(size="tiny", depth=2, rope=rope).make().eval()
    assert match(as_meddinov3(raw), net, MEDDINOV3.keymap).fits
    x = 2 * torch.linspace(-1, 1, 3 * 64 * 96).reshape(1, 3, 64, 96).sin()
    with torch.no_grad():
        class_BD, patches_BLD = net(x)
    torch.testing.assert_close(class_BD[0, :4], torch.tensor(class_B4), atol=within, rtol=0)
    torch.testing.assert_close(patches_BLD[0, -1, :4], torch.tensor(last_B4), atol=within, rtol=0)


TINY = DinoV2(size="tiny", depth=2, side=28)
ENDS = {
    "attn.proj": "attention.output.dense",
    "ls1": "layer_scale1",
    "ls2": "layer_scale2",
    "norm1": "norm1",
    "norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}


def raw_state_v2():
    """Meta's own names, which are timm's for this family, with the mask token of the pre-training."""
    sizes = {"img_size": 28, "embed_dim": 192, "num_heads": 3, "depth": 2, "num_classes": 0}
    draw = torch.Generator().manual_seed(0)
    state = timm.create_model("vit_base_patch14_dinov2", **sizes).state_dict()
    state = {name: 0.1 * torch.randn(tensor.shape, generator=draw) for name, tensor in state.items()}
    return state | {"mask_token": torch.zeros(1, 192)}


def as_transformers_v2(raw):
    tops = {
        "cls_token": "embeddings.cls_token",
        "pos_embed": "embeddings.position_embeddings",
        "mask_token": "embeddings.mask_token",
        "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
        "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
        "norm.weight": "layernorm.weight",
        "norm.bias": "layernorm.bias",
    }
    out = {}
    for name, tensor in raw.items():
        if name in tops:
            out[tops[name]] = tensor
            continue
        _, n, rest = name.split(".", 2)
        stem, kind = rest.rpartition(".")[::2]
        if stem == "attn.qkv":
            for word, part in zip(("query", "key", "value"), tensor.split(192), strict=True):
                out[f"encoder.layer.{n}.attention.attention.{word}.{kind}"] = part
        else:
            out[f"encoder.layer.{n}.{ENDS[stem]}.{'lambda1' if kind == 'gamma' else kind}"] = tensor
    return out


def test_both_names_give_one_network():
    raw, nets = raw_state_v2(), [TINY.make().eval() for _ in range(3)]
    layouts = [(raw, DINOV2), (as_transformers_v2(raw), DINOV2_TRANSFORMERS), (as_transformers_v2(raw), RAD_DINO)]
    for net, (state, layout) in zip(nets, layouts, strict=True):
        report = match(state, net, layout.keymap)
        assert report.fits
        assert [why for _, why in report.dropped] == ["used in pre-training only"]
        assert len(report.loaded) == len(net.state_dict()) == len(raw) - 1
        for name, tensor in raw.items():
            assert name == "mask_token" or torch.equal(net.vit.state_dict()[name], tensor), name


def test_the_teacher_of_a_run_with_its_heads():
    raw = {f"backbone.{name}": tensor for name, tensor in raw_state_v2().items()}
    report = match({"teacher": raw | {"dino_head.last_layer.weight": torch.zeros(3)}}, TINY.make(), DINOV2.keymap)
    assert ("dino_head.last_layer.weight", "head of the pre-training") in report.dropped


def test_the_public_one_is_a_base_of_518_pixels():
    with torch.device("meta"):
        net = DinoV2(**{key: value for key, value in DINOV2.net.items() if key != "name"}).make()
    assert net.vit.pos_embed.shape == (1, 1370, 768)
    assert round(sum(one.numel() for one in net.parameters()) / 1e6, 1) == 86.6
