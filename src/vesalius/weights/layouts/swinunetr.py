"""VoCo (CVPR 2024; Large-Scale-Medical, arXiv:2410.09890): the encoder of MONAI's SwinUNETR, version 2."""

from __future__ import annotations

from vesalius.weights.keymap import KeyMap
from vesalius.weights.layouts.table import Layout
from vesalius.weights.rules import Drop, Inflate, Rename, Strip

_KEYMAP = KeyMap(
    wrappers=("state_dict", "model", "net"),
    rules=(
        Strip("module."),
        Strip("backbone."),
        Drop(r"^teacher\.", "momentum teacher of the pre-training"),
        Drop(r"^(student\.)?(layer|proj_head|proj|projection)", "projection head of the pre-training"),
        Strip("student."),
        Rename(r"^swin_vit\.", "swinViT."),
        Inflate(r"^(swinViT\.patch_embed\.proj|encoder1\.layer\.conv[13]\.conv)\.weight$"),
    ),
)
"""Also takes what the published training writes: `student.` and `teacher.` are whole networks in the code of 2024 and
projection heads in that of 2025, beside `backbone.`"""

VOCO = Layout(
    about="VoCo_{B,L,H}_SSL_head.pt: encoder of SwinUNETR; width=48, 96 or 192",
    net={"name": "swin-encoder", "inputs": 1, "width": 48},
    keymap=_KEYMAP,
)
VOCO_ENCODER = Layout(
    about="the same files as an encoder that gives vectors, for voco; feature_size=48, 96 or 192",
    net={"name": "voco", "inputs": 1, "feature_size": 48},
    keymap=_KEYMAP,
)
VOCOMNI = Layout(
    about="VoComni_{B,L,H}.pt: whole SwinUNETR with 21 outputs; width=48, 96 or 192",
    net={"name": "swinunetr", "inputs": 1, "outputs": 21, "width": 48},
    keymap=_KEYMAP,
)
