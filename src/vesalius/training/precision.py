"""Which numbers nets compute with. Imports torch only to ask the hardware."""

from __future__ import annotations

from typing import Literal

Precision = Literal["auto", "fp32", "bf16"]


def resolved(asked: Precision, device_type: str) -> Literal["fp32", "bf16"]:
    """What "auto" means on a device: bf16 where the hardware computes with it, else fp32.

    Args:
        asked: by the user.
        device_type: "cpu" or "cuda".
    """
    if asked != "auto":
        return asked
    import torch

    gpu = device_type == "cuda"
    return "bf16" if (torch.cuda.is_bf16_supported() if gpu else torch.cpu._is_avx512_bf16_supported()) else "fp32"
