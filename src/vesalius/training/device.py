"""Where nets run, and with which numbers. Imports torch only to ask the hardware."""

from __future__ import annotations

from typing import Literal

from vesalius.errors import UsageError

Precision = Literal["auto", "fp32", "bf16"]
TrainPrecision = Literal["auto", "fp32", "bf16", "fp16"]
"""fp16 scales the loss, so it is for training alone."""


def on_cpu(device: str) -> bool:
    """Return whether "auto", "cpu", "gpu" or "cuda" means the CPU here.

    Raises:
        UsageError: a GPU is wanted and there is none.
    """
    import torch

    if device in ("gpu", "cuda") and not torch.cuda.is_available():
        raise UsageError("there is no GPU that PyTorch can use", where="--device", fix="pass --device cpu")
    return device == "cpu" or not torch.cuda.is_available()


def resolved(precision: Precision, device_type: str) -> Literal["fp32", "bf16"]:
    """Return what "auto" means on "cpu" or "cuda": bf16 where the hardware computes with it, else fp32."""
    if precision != "auto":
        return precision
    import torch

    gpu = device_type == "cuda"
    return "bf16" if (torch.cuda.is_bf16_supported() if gpu else torch.cpu._is_avx512_bf16_supported()) else "fp32"


def resolved_for_training(precision: TrainPrecision, device_type: str) -> Literal["fp32", "bf16", "fp16"]:
    """Return what `resolved` does; fp16 stays as it is.

    Raises:
        UsageError: fp16 without a GPU.
    """
    if precision != "fp16":
        return resolved(precision, device_type)
    if device_type != "cuda":
        raise UsageError(
            "fp16 needs a GPU, and the run is on the CPU", where="train.precision", fix="take bf16 or fp32"
        )
    return "fp16"
