"""Vision transformers trained by self-distillation, as their authors and as transformers name the tensors.

DINOv2 (arXiv:2304.07193) and RAD-DINO (arXiv:2401.10815): patch 14, learned positions. DINOv3 (arXiv:2508.10104) and
MedDINOv3 (arXiv:2509.02379): patch 16, registers and rotary positions.
"""

from __future__ import annotations

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.table import Layout
from vesalius.weights.rules import Drop, Join, Rename, Split, Strip

_PRE_TRAINING = "used in pre-training only"
_HEAD = "head of the pre-training"
_INTO = Rename("^", "vit.")
_TEACHERS = ("teacher", "model", "state_dict")
_NET2 = {"name": "dinov2", "size": "base", "side": 518}
_NET3 = {"name": "vit", "size": "base", "eps": 1e-5, "qkv_bias": True, "rope": "fp32"}

_TRANSFORMERS2 = KeyMap(
    rules=(
        Strip("dinov2."),
        Drop(r"^embeddings\.mask_token$", _PRE_TRAINING),
        Rename(r"^embeddings\.cls_token$", "cls_token"),
        Rename(r"^embeddings\.position_embeddings$", "pos_embed"),
        Rename(r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
        Rename(r"^encoder\.layer\.", "blocks."),
        Join(r"\.attention\.attention\.{}\.(weight|bias)$", ("query", "key", "value"), r".attn.qkv.\1"),
        Rename(r"\.attention\.output\.dense\.", ".attn.proj."),
        Rename(r"\.layer_scale([12])\.lambda1$", r".ls\1.gamma"),
        Rename(r"^layernorm\.", "norm."),
        _INTO,
    )
)
_META3 = KeyMap(
    wrappers=_TEACHERS,
    rules=(
        Strip("module."),
        Drop(r"(^|\.)(dino_head|ibot_head|ibot|gram)", _HEAD),
        Strip("backbone."),
        Drop(r"^mask_token$", _PRE_TRAINING),
        Drop(r"^rope_embed\.periods$", "computed by the network"),
        Drop(r"\.bias_mask$", "says that keys have no bias; ours have none"),
        Split(
            r"\.attn\.qkv\.bias$", (".attn.q_bias", None, ".attn.v_bias"), "bias of the keys, masked in the original"
        ),
        Rename(r"\.ls([12])\.gamma$", r".gamma_\1"),
        Rename(r"^storage_tokens$", "reg_token"),
        _INTO,
    ),
)

DINOV2 = Layout(
    about="Meta's own DINOv2 files without registers; also RAD-DINO's backbone_compatible; size=, depth=",
    net=_NET2,
    keymap=KeyMap(
        wrappers=_TEACHERS,
        rules=(
            Strip("module."),
            Drop(r"(^|\.)(dino_head|ibot_head)", _HEAD),
            Strip("backbone."),
            Drop(r"^mask_token$", _PRE_TRAINING),
            _INTO,
        ),
    ),
)
DINOV2_TRANSFORMERS = Layout(
    about="DINOv2 as transformers names it (model.safetensors of the hub); size=, depth=",
    net=_NET2,
    keymap=_TRANSFORMERS2,
)
RAD_DINO = Layout(
    about="RAD-DINO ViT-B/14, model.safetensors of the hub: chest X-rays",
    net=_NET2,
    keymap=_TRANSFORMERS2,
)
MEDDINOV3 = Layout(
    about="MedDINOv3 ViT-B/16, model.pth: CT slices; teacher with backbone and heads",
    net={"name": "vit", "size": "base", "eps": 1e-6, "qkv_bias": False, "rope": "bf16"},
    keymap=_META3,
    images="ct-wide",
)
DINOV3 = Layout(about="Meta's own DINOv3 files, ViT-S, B or L of patch 16; size=, depth=", net=_NET3, keymap=_META3)
DINOV3_TRANSFORMERS = Layout(
    about="DINOv3 as transformers names it (model.safetensors of the hub); size=, depth=",
    net=_NET3,
    keymap=KeyMap(
        rules=(
            Drop(r"^embeddings\.mask_token$", _PRE_TRAINING),
            Rename(r"^embeddings\.cls_token$", "cls_token"),
            Rename(r"^embeddings\.register_tokens$", "reg_token"),
            Rename(r"^embeddings\.patch_embeddings\.", "patch_embed.proj."),
            Rename(r"^(model\.)?layer\.", "blocks."),
            Join(r"\.attention\.{}_proj\.weight$", ("q", "k", "v"), ".attn.qkv.weight"),
            Rename(r"\.attention\.([qv])_proj\.bias$", r".attn.\1_bias"),
            Rename(r"\.attention\.o_proj\.", ".attn.proj."),
            Rename(r"\.layer_scale([12])\.lambda1$", r".gamma_\1"),
            Rename(r"\.mlp\.up_proj\.", ".mlp.fc1."),
            Rename(r"\.mlp\.down_proj\.", ".mlp.fc2."),
            _INTO,
        )
    ),
)
