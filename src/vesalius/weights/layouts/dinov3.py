"""DINOv3 (arXiv:2508.10104) and MedDINOv3 (arXiv:2509.02379): ViT with registers and rotary positions."""

from __future__ import annotations

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.layout import Layout
from vesalius.weights.rules import Drop, Join, Rename, Split, Strip

_PRE_TRAINING = "used in pre-training only"
_INTO = Rename("^", "vit.")
_META = (
    Strip("module."),
    Drop(r"(^|\.)(dino_head|ibot_head|ibot|gram)", "head of the pre-training"),
    Strip("backbone."),
    Drop(r"^mask_token$", _PRE_TRAINING),
    Drop(r"^rope_embed\.periods$", "computed by the network"),
    Drop(r"\.bias_mask$", "says that keys have no bias; ours have none"),
    Split(r"\.attn\.qkv\.bias$", (".attn.q_bias", None, ".attn.v_bias"), "bias of the keys, masked in the original"),
    Rename(r"\.ls([12])\.gamma$", r".gamma_\1"),
    Rename(r"^storage_tokens$", "reg_token"),
    _INTO,
)
_TEACHERS = ("teacher", "model", "state_dict")

MEDDINOV3 = Layout(
    about="MedDINOv3 ViT-B/16, model.pth: CT slices; teacher with backbone and heads",
    net={"name": "vit", "size": "base", "eps": 1e-6, "qkv_bias": False, "rope": "bf16"},
    keymap=KeyMap(wrappers=_TEACHERS, rules=_META),
    ct_window="wide",
)
DINOV3 = Layout(
    about="Meta's own DINOv3 files, ViT-S, B or L of patch 16; size=, depth=",
    net={"name": "vit", "size": "base", "eps": 1e-5, "qkv_bias": True, "rope": "fp32"},
    keymap=KeyMap(wrappers=_TEACHERS, rules=_META),
)
DINOV3_TRANSFORMERS = Layout(
    about="DINOv3 as transformers names it (model.safetensors of the hub); size=, depth=",
    net={"name": "vit", "size": "base", "eps": 1e-5, "qkv_bias": True, "rope": "fp32"},
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
