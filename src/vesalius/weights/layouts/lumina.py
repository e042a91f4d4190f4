"""Lumina-Next (arXiv:2406.18583), as its authors name the tensors, and as diffusers does."""

from __future__ import annotations

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.table import Layout
from vesalius.weights.rules import Drop, Rename, Rule, SplitPairs, Strip, Twin

_GQA = {
    "name": "next-dit",
    "inputs": 4,
    "width": 2304,
    "depth": 24,
    "heads": 32,
    "kv_heads": 8,
    "patch": 2,
    "text_width": 2048,
    "ffn_multiple": 256,
    "learns_sigma": True,
}
_TURNED = r"\.attention\.(query|key|text_key)(_norm)?\.(weight|bias)$"
"""What RoPE turns, and text keys, which meet the same queries."""
_ATTENTION = r"\.attention\..*$"
_PAIRS = SplitPairs(_TURNED, heads=(_ATTENTION, ".attention.text_gate"), width=(_ATTENTION, ".attention.out.weight"))
_PAD: Rule = Drop(r"^pad_token$", "pads pictures of several sizes in one batch; here a batch has one size")

NEXT_DIT = Layout(
    about="Lumina-Next-T2I, consolidated*.safetensors or .pth with model_args of NextDiT_2B_GQA_patch2",
    net=_GQA,
    keymap=KeyMap(
        wrappers=("state_dict", "model"),
        rules=(
            Strip("module."),
            _PAD,
            Rename(r"^x_embedder\.", "stem.project."),
            Rename(r"^t_embedder\.mlp\.0\.", "time.first."),
            Rename(r"^t_embedder\.mlp\.2\.", "time.second."),
            Rename(r"^cap_embedder\.0\.", "pooled_norm."),
            Rename(r"^cap_embedder\.1\.", "pooled."),
            Rename(r"^final_layer\.linear\.", "stem.unproject."),
            Rename(r"^final_layer\.adaLN_modulation\.1\.", "stem.scale."),
            Rename(r"^layers\.", "blocks."),
            Rename(r"\.attention\.wq\.", ".attention.query."),
            Rename(r"\.attention\.wk\.", ".attention.key."),
            Rename(r"\.attention\.wv\.", ".attention.value."),
            Rename(r"\.attention\.wk_y\.", ".attention.text_key."),
            Rename(r"\.attention\.wv_y\.", ".attention.text_value."),
            Rename(r"\.attention\.wo\.", ".attention.out."),
            Rename(r"\.attention\.q_norm\.", ".attention.query_norm."),
            Rename(r"\.attention\.k_norm\.", ".attention.key_norm."),
            Rename(r"\.attention\.ky_norm\.", ".attention.text_key_norm."),
            Rename(r"\.attention\.gate$", ".attention.text_gate"),
            Rename(r"\.feed_forward\.w1\.", ".feed_forward.gate."),
            Rename(r"\.feed_forward\.w2\.", ".feed_forward.down."),
            Rename(r"\.feed_forward\.w3\.", ".feed_forward.up."),
            Rename(r"\.attention_norm1\.", ".before_attention."),
            Rename(r"\.attention_norm2\.", ".after_attention."),
            Rename(r"\.ffn_norm1\.", ".before_feed_forward."),
            Rename(r"\.ffn_norm2\.", ".after_feed_forward."),
            Rename(r"\.attention_y_norm\.", ".text_norm."),
            Rename(r"\.adaLN_modulation\.1\.", ".modulation."),
            _PAIRS,
        ),
    ),
)
DIFFUSERS = Layout(
    about="LuminaNextDiT2DModel of diffusers, diffusion_pytorch_model.safetensors",
    net=_GQA,
    keymap=KeyMap(
        rules=(
            _PAD,
            Twin(r"\.attn2\.(to_q|norm_q)\.", ".attn1.\\1."),
            Rename(r"^patch_embedder\.proj\.", "stem.project."),
            Rename(r"^time_caption_embed\.timestep_embedder\.linear_1\.", "time.first."),
            Rename(r"^time_caption_embed\.timestep_embedder\.linear_2\.", "time.second."),
            Rename(r"^time_caption_embed\.caption_embedder\.0\.", "pooled_norm."),
            Rename(r"^time_caption_embed\.caption_embedder\.1\.", "pooled."),
            Rename(r"^norm_out\.linear_1\.", "stem.scale."),
            Rename(r"^norm_out\.linear_2\.", "stem.unproject."),
            Rename(r"^layers\.(\d+)\.gate$", r"blocks.\1.attention.text_gate"),
            Rename(r"^layers\.", "blocks."),
            Rename(r"\.attn1\.to_q\.", ".attention.query."),
            Rename(r"\.attn1\.to_k\.", ".attention.key."),
            Rename(r"\.attn1\.to_v\.", ".attention.value."),
            Rename(r"\.attn1\.norm_q\.", ".attention.query_norm."),
            Rename(r"\.attn1\.norm_k\.", ".attention.key_norm."),
            Rename(r"\.attn2\.to_k\.", ".attention.text_key."),
            Rename(r"\.attn2\.to_v\.", ".attention.text_value."),
            Rename(r"\.attn2\.norm_k\.", ".attention.text_key_norm."),
            Rename(r"\.attn2\.to_out\.0\.", ".attention.out."),
            Rename(r"\.feed_forward\.linear_1\.", ".feed_forward.gate."),
            Rename(r"\.feed_forward\.linear_2\.", ".feed_forward.down."),
            Rename(r"\.feed_forward\.linear_3\.", ".feed_forward.up."),
            Rename(r"\.norm1\.linear\.", ".modulation."),
            Rename(r"\.norm1\.norm\.", ".before_attention."),
            Rename(r"\.norm2\.", ".after_attention."),
            Rename(r"\.ffn_norm1\.", ".before_feed_forward."),
            Rename(r"\.ffn_norm2\.", ".after_feed_forward."),
            Rename(r"\.norm1_context\.", ".text_norm."),
            _PAIRS,
        )
    ),
)
