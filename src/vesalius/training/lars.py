"""LARS (You et al. 2017, arXiv:1708.03888) as Google's SimCLR code applies it.

The learning rate lies inside the momentum buffer, so that buffered steps keep the rate they were made with. Published
PyTorch versions multiply it outside, which differs as soon as the rate changes. Parameters of a group with
`adapt=False` get plain momentum SGD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer


class Lars(Optimizer):
    """Momentum SGD whose rate is lr * trust * |w| / |g + decay * w| in each parameter tensor.

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
