import timm
import torch

from vesalius.nets.dinov2 import DinoV2
from vesalius.weights.keymap import match
from vesalius.weights.layouts.dinov2 import DINOV2, DINOV2_TRANSFORMERS, RAD_DINO

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


def raw_state():
    """Meta's own names, which are timm's for this family, with the mask token of the pre-training."""
    sizes = {"img_size": 28, "embed_dim": 192, "num_heads": 3, "depth": 2, "num_classes": 0}
    draw = torch.Generator().manual_seed(0)
    state = timm.create_model("vit_base_patch14_dinov2", **sizes).state_dict()
    state = {name: 0.1 * torch.randn(tensor.shape, generator=draw) for name, tensor in state.items()}
    return state | {"mask_token": torch.zeros(1, 192)}


def as_transformers(raw):
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
    raw, nets = raw_state(), [TINY.make().eval() for _ in range(3)]
    layouts = [(raw, DINOV2), (as_transformers(raw), DINOV2_TRANSFORMERS), (as_transformers(raw), RAD_DINO)]
    for net, (state, layout) in zip(nets, layouts, strict=True):
        report = match(state, net, layout.keymap)
        assert report.fits
        assert [why for _, why in report.dropped] == ["used in pre-training only"]
        assert len(report.loaded) == len(net.state_dict()) == len(raw) - 1
        for name, tensor in raw.items():
            assert name == "mask_token" or torch.equal(net.vit.state_dict()[name], tensor), name


def test_the_teacher_of_a_run_with_its_heads():
    raw = {f"backbone.{name}": tensor for name, tensor in raw_state().items()}
    report = match({"teacher": raw | {"dino_head.last_layer.weight": torch.zeros(3)}}, TINY.make(), DINOV2.keymap)
    assert ("dino_head.last_layer.weight", "head of the pre-training") in report.dropped


def test_the_public_one_is_a_base_of_518_pixels():
    with torch.device("meta"):
        net = DinoV2(**{key: value for key, value in DINOV2.net.items() if key != "name"}).make()
    assert net.vit.pos_embed.shape == (1, 1370, 768)
    assert round(sum(one.numel() for one in net.parameters()) / 1e6, 1) == 86.6
