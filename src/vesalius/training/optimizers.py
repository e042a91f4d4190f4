"""Optimizers and their learning rates, from their settings.

A rate is a pure function of the step: nothing to save, nothing to resume.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW, Optimizer

from vesalius.training.config import OptimizerConfig, ScheduleConfig


def make_optimizer(config: OptimizerConfig, parameters: list[nn.Parameter]) -> Optimizer:
    """Make an optimizer; parameters with one axis or none are neither decayed nor, by LARS, adapted.

    Raises:
        ValueError: no parameters.
    """
    if not parameters:
        raise ValueError("there is nothing to train")
    matrices = [parameter for parameter in parameters if parameter.ndim > 1]
    vectors = [parameter for parameter in parameters if parameter.ndim <= 1]
    adapt = {"adapt": False} if config.name == "lars" else {}
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0, **adapt},
    ]
    groups = [group for group in groups if group["params"]]
    if config.name == "lars":
        return Lars(groups, lr=config.lr, momentum=config.momentum, trust=config.trust)
    if config.name == "sgd":
        return SGD(groups, lr=config.lr, momentum=config.momentum)
    return AdamW(groups, lr=config.lr, betas=config.betas)


def rate_factor(config: ScheduleConfig, step: int, steps: int) -> float:
    """Return the factor of the peak rate for optimizer step number `step` (from 0) of `steps`.

    Warm-up: (step + 1) / warmup_steps. Cosine: from 1 after the warm-up to `floor` at the last step. Google's SimCLR
    code counts from 0, so that its first step trains nothing and its last one stays above the floor: each factor here
    lies between Google's for this step and for the next. A warm-up in epochs comes as steps (`in_steps`).

    Example:
        >>> schedule = ScheduleConfig(warmup_steps=2)
        >>> [round(rate_factor(schedule, step, 5), 2) for step in range(5)]
        [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.name == "constant":
        return 1.0
    if config.name == "steps":
        return math.prod(config.gamma for share in config.milestones if step >= share * steps)
    length = max(1, steps - 1 - config.warmup_steps)
    share = min(1.0, (step - config.warmup_steps) / length)
    return config.floor + (1 - config.floor) * 0.5 * (1 + math.cos(math.pi * share))


class Lars(Optimizer):
    """LARS (You et al. 2017, arXiv:1708.03888) as Google's SimCLR code applies it.

    Momentum SGD whose rate is lr * trust * |w| / |g + decay * w| in each parameter tensor; plain momentum SGD in groups
    with `adapt=False`. The learning rate lies inside the momentum buffer, so that buffered steps keep the rate they
    were made with. Published PyTorch versions multiply it outside, which differs as soon as the rate changes.

    Args:
        params: parameters or groups; a group may set `adapt` and `weight_decay`.
        lr: learning rate.
        momentum: share of the buffer that is kept.
        weight_decay: L2 penalty, inside the trust ratio.
        trust: eta of the paper.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 1e-3,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust, "adapt": True}
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient; `closure` is not supported."""
        if closure is not None:
            raise ValueError("LARS takes no closure")
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                change = parameter.grad.add(parameter, alpha=group["weight_decay"])
                rate = torch.as_tensor(group["lr"], dtype=change.dtype, device=change.device)
                if group["adapt"]:
                    weights, length = parameter.norm(), change.norm()
                    ratio = group["trust"] * weights / length
                    rate = rate * torch.where((weights > 0) & (length > 0), ratio, torch.ones_like(ratio))
                state = self.state[parameter]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].mul_(group["momentum"]).add_(change * rate)
                parameter.sub_(state["momentum"])
