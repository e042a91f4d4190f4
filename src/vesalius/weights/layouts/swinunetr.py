"""VoCo (CVPR 2024; Large-Scale-Medical, arXiv:2410.09890): the encoder of MONAI's SwinUNETR, version 2."""

from __future__ import annotations

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.table import Layout
from vesalius.weights.rules import Drop, Inflate, Rename, Strip

VOCO = Layout(
    about="VoCo_{B,L,H}_SSL_head.pt: encoder of SwinUNETR; width=48, 96 or 192",
    net={"name": "swin-encoder", "inputs": 1, "width": 48},
    keymap=KeyMap(
        wrappers=("state_dict", "model", "net"),
        rules=(
            Strip("module."),
            Strip("backbone."),
            Rename(r"^swin_vit\.", "swinViT."),
            Drop(r"^(student|teacher|proj|projection)", "projection head of the pre-training"),
            Inflate(r"^(swinViT\.patch_embed\.proj|encoder1\.layer\.conv[13]\.conv)\.weight$"),
        ),
    ),
)
