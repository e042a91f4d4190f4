"""TiTok (arXiv:2406.07550, arXiv:2501.07730) and the MaskGIT-VQGAN below it, as their authors name the tensors."""

from __future__ import annotations

from typing import Any

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.table import Layout
from vesalius.weights.rules import Fill, Rename, Rule, Squeeze, Strip

_VQGAN = {"name": "vqgan", "inputs": 3, "width": 128, "multiples": (1, 1, 2, 2, 4), "dim": 256, "codes": 1024}
_USAGE = Fill("quantizer.usage_N", "even use; the checkpoint does not say how often codes are used")
_PIXELS: tuple[Rule, ...] = (
    Rename(r"(?<=coder\.)conv_in\.", "first."),
    Rename(r"(?<=coder\.)conv_out\.", "last."),
    Rename(r"(?<=coder\.)norm_out\.", "norm."),
    Rename(r"(?<=coder\.)mid\.", "middle."),
    Rename(r"(?<=coder\.)down\.(\d+)\.block\.", r"levels.\1."),
    Rename(r"(?<=coder\.)up\.(\d+)\.block\.", r"levels.\1.blocks."),
    Rename(r"(?<=coder\.)up\.(\d+)\.upsample_conv\.", r"levels.\1.grow."),
    Rename(r"\.nin_shortcut\.", ".shortcut."),
)
"""Names inside the encoder and the decoder of the VQGAN."""


def _tokens(head: tuple[Rule, ...]) -> KeyMap:
    return KeyMap(
        rules=(
            Strip("module."),
            Rename(r"^latent_tokens$", "encoder.latents_LW"),
            Rename(r"^(en|de)coder\.class_embedding$", r"\1coder.whole_1W"),
            Rename(r"^(en|de)coder\.positional_embedding$", r"\1coder.positions_PW"),
            Rename(r"^(en|de)coder\.latent_token_positional_embedding$", r"\1coder.latent_positions_LW"),
            Rename(r"^decoder\.mask_token$", "decoder.mask_1W"),
            Rename(r"^encoder\.patch_embed\.", "encoder.patches."),
            Rename(r"^decoder\.decoder_embed\.", "decoder.into."),
            Rename(r"^(en|de)coder\.ln_pre\.", r"\1coder.norm_before."),
            Rename(r"^(en|de)coder\.ln_post\.", r"\1coder.norm_after."),
            Rename(r"^(en|de)coder\.transformer\.", r"\1coder.blocks."),
            Rename(r"\.ln_([12])\.", r".norm\1."),
            Rename(r"\.attn\.in_proj_(weight|bias)$", r".qkv.\1"),
            Rename(r"\.attn\.out_proj\.", ".proj."),
            Rename(r"\.mlp\.c_fc\.", ".fc1."),
            Rename(r"\.mlp\.c_proj\.", ".fc2."),
            Rename(r"^encoder\.conv_out\.", "encoder.out."),
            Rename(r"^quantize\.embedding\.weight$", "quantizer.codebook_ND"),
            *head,
            Squeeze(r"^(encoder\.out|decoder\.mask_1W|head\.)"),
            _USAGE,
        )
    )


_TWO_STAGES = _tokens(
    (
        Rename(r"^decoder\.ffn\.0\.", "head.first."),
        Rename(r"^decoder\.ffn\.2\.", "head.last."),
        Rename(r"^pixel_quantize\.embedding\.weight$", "pixel_decoder.codebook_ND"),
        Rename(r"^pixel_decoder\.(?!codebook_ND$)", "pixel_decoder.decoder."),
        *_PIXELS,
    )
)
_ONE_STAGE = _tokens((Rename(r"^decoder\.ffn\.0\.", "head.pixels."), Rename(r"^decoder\.conv_out\.", "head.last.")))


def _two_stages(size: str, latents: int) -> Layout:
    net: dict[str, Any] = {"name": "titok", "encoder": size, "decoder": size, "latents": latents}
    net |= {"quantizer": {"name": "vq", "codes": 4096, "dim": 12, "l2_norm": True}}
    net |= {"head": "codes", "order": "reshaped", "vqgan": _VQGAN}
    about = f"TiTok {size[0].upper()}-{latents}, model.safetensors of the hub, with its pixel decoder"
    return Layout(about=about, net=net, keymap=_TWO_STAGES)


def _one_stage(encoder: str, latents: int, quantizer: dict[str, Any]) -> Layout:
    net: dict[str, Any] = {"name": "titok", "encoder": encoder, "decoder": "large", "latents": latents}
    kind = {"vq": "8192 codes", "gaussian": "continuous tokens"}[quantizer["name"]]
    about = f"TiTok {encoder[0].upper()}L-{latents} with {kind}, model.safetensors of the hub"
    return Layout(about=about, net=net | {"quantizer": quantizer}, keymap=_ONE_STAGE)


_VQ = {"name": "vq", "codes": 8192, "dim": 64}
_VAE = {"name": "gaussian", "dim": 16}

S128 = _two_stages("small", 128)
B64 = _two_stages("base", 64)
L32 = _two_stages("large", 32)
BL64_VQ = _one_stage("base", 64, _VQ)
BL128_VQ = _one_stage("base", 128, _VQ)
SL256_VQ = _one_stage("small", 256, _VQ)
LL32_VAE = _one_stage("large", 32, _VAE)
BL64_VAE = _one_stage("base", 64, _VAE)
BL128_VAE = _one_stage("base", 128, _VAE)
MASKGIT_VQGAN = Layout(
    about="MaskGIT-VQGAN f16 with 1024 codes, maskgit-vqgan-imagenet-f16-256.bin",
    net=_VQGAN,
    keymap=KeyMap(
        rules=(Strip("module."), Rename(r"^quantize\.embedding\.weight$", "quantizer.codebook_ND"), *_PIXELS, _USAGE)
    ),
)
