"""The memory of training a configuration, from its sizes alone: the 2B net can be asked where it fits nowhere."""

from __future__ import annotations

import torch

from vesalius.nets.lora import add_lora
from vesalius.tasks.generate.config import GenerateConfig
from vesalius.training.device import resolved_for_training
from vesalius.training.footprint import Footprint, footprint

_TOKENS = 256
"""Tokens of a caption, at most."""


def memory_of(config: GenerateConfig, device_type: str) -> Footprint:
    """Return what a step takes on one device that has the whole batch, at the largest size.

    Args:
        config: of the run.
        device_type: "cpu" or "cuda"; kernels of attention differ.
    """
    net, batch = config.net, config.batch
    rows, columns = max((size.shape for size in config.sizes), key=lambda shape: shape[0] * shape[1])
    factor = 1 if config.vae is None else config.vae.divisor
    rows, columns = rows // factor, columns // factor
    with torch.device("meta"):
        module = net.make()
        if config.lora is not None:
            add_lora(module, config.lora)
        inputs = [
            torch.empty(batch, net.inputs, rows, columns),
            torch.empty(batch),
            torch.empty(batch, _TOKENS, config.text.width),
            torch.ones(batch, _TOKENS, dtype=torch.bool),
        ]
        if net.mask_channels:
            inputs.append(torch.empty(batch, net.mask_channels, rows, columns))
    precision = resolved_for_training(config.train.precision, device_type)
    return footprint(
        module,
        inputs,
        numbers="fp32" if precision == "fp32" else "bf16",
        optimizer=config.train.optimizer.name,
        averaged=config.train.ema_decay is not None,
        kernels="open" if device_type == "cpu" else "fused",
    )
