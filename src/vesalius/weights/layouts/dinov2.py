"""DINOv2 (arXiv:2304.07193) and RAD-DINO (arXiv:2401.10815): ViT of patch 14 with learned positions."""

from __future__ import annotations

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.layout import Layout
from vesalius.weights.rules import Drop, Join, Rename, Strip

_PRE_TRAINING = "used in pre-training only"
_NET = {"name": "dinov2", "size": "base", "side": 518}
_INTO = Rename("^", "vit.")
_TRANSFORMERS = KeyMap(
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

DINOV2 = Layout(
    about="Meta's own DINOv2 files without registers; also RAD-DINO's backbone_compatible; size=, depth=",
    net=_NET,
    keymap=KeyMap(
        wrappers=("teacher", "model", "state_dict"),
        rules=(
            Strip("module."),
            Drop(r"(^|\.)(dino_head|ibot_head)", "head of the pre-training"),
            Strip("backbone."),
            Drop(r"^mask_token$", _PRE_TRAINING),
            _INTO,
        ),
    ),
)
DINOV2_TRANSFORMERS = Layout(
    about="DINOv2 as transformers names it (model.safetensors of the hub); size=, depth=",
    net=_NET,
    keymap=_TRANSFORMERS,
)
RAD_DINO = Layout(
    about="RAD-DINO ViT-B/14, model.safetensors of the hub: chest X-rays",
    net=_NET,
    keymap=_TRANSFORMERS,
)
