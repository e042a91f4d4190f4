"""Where nets run."""

from __future__ import annotations

import torch

from vesalius.errors import UsageError


def on_cpu(device: str) -> bool:
    """Whether "auto", "cpu" or "cuda" means the CPU here.

    Raises:
        UsageError: a GPU is wanted and there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("there is no CUDA device", where="--device", fix="pass --device cpu")
    return device == "cpu" or not torch.cuda.is_available()
