"""Optimizers from their settings."""

from __future__ import annotations

from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from vesalius.training.config import OptimizerConfig
from vesalius.training.lars import Lars


def make_optimizer(config: OptimizerConfig, parameters: list[nn.Parameter]) -> Optimizer:
    """An optimizer; parameters with one axis or none are neither decayed nor, by LARS, adapted.

    Raises:
        ValueError: no parameters.
    """
    if not parameters:
        raise ValueError("there is nothing to train")
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if config.name == "lars":
        groups[1]["adapt"] = False
        return Lars(
            [group for group in groups if group["params"]], lr=config.lr, momentum=config.momentum, trust=config.trust
        )
    kept = [group for group in groups if group["params"]]
    if config.name == "sgd":
        return SGD(kept, lr=config.lr, momentum=config.momentum)
    return AdamW(kept, lr=config.lr, betas=config.betas)
