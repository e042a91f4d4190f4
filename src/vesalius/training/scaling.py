"""Scaling of losses in fp16: small gradients would be 0 in half precision (arXiv:1710.03740).

PyTorch's scaler multiplies the loss, the gradients are divided again before anything looks at them. Where they
overflow, the step is skipped and the factor is halved; after a row of good steps it is doubled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from vesalius.errors import TrainingError

_LEAST = 1.0
"""A factor below this means that gradients overflow however small the loss is made."""


class Scaling:
    """Steps of optimizers by a scaler; without one they are plain steps.

    Args:
        scaler: PyTorch's, which scales the loss elsewhere; None: nothing is scaled.

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(1))
        >>> optimizer = torch.optim.SGD([weight], lr=1.0)
        >>> scaling = Scaling(torch.amp.GradScaler("cpu", init_scale=4.0))
        >>> scaling.scaler.scale(weight.sum() / 2).backward()
        >>> scaling.unscale({"net": optimizer})
        >>> weight.grad.item()
        0.5
        >>> scaling.step({"net": optimizer}, step=0)
        >>> weight.item()
        0.5
    """

    def __init__(self, scaler: torch.amp.GradScaler | None) -> None:
        self.scaler = scaler

    def unscale(self, optimizers: Mapping[str, Optimizer]) -> None:
        """Divide the gradients by the factor."""
        if self.scaler is not None:
            for optimizer in optimizers.values():
                if _has_gradients(optimizer):
                    self.scaler.unscale_(optimizer)

    def logged(self, numbers: Mapping[str, float]) -> dict[str, float]:
        """Return the numbers of a step with the factor, and without lengths of gradients that have overflowed."""
        if self.scaler is None:
            return dict(numbers)
        good = {
            name: value
            for name, value in numbers.items()
            if not name.startswith("gradient_norm") or math.isfinite(value)
        }
        return good | {"gradient_scale": float(self.scaler.get_scale())}

    def step(self, optimizers: Mapping[str, Optimizer], step: int) -> None:
        """Take the steps of all optimizers but of those whose gradients have overflowed; then adapt the factor.

        Args:
            optimizers: after `unscale`.
            step: its number, for the message.

        Raises:
            TrainingError: gradients overflow with every factor.
        """
        if self.scaler is None:
            for optimizer in optimizers.values():
                optimizer.step()
            return
        scaled = [optimizer for optimizer in optimizers.values() if _has_gradients(optimizer)]
        for optimizer in scaled:
            self.scaler.step(optimizer)
        if scaled:
            self.scaler.update()
        if self.scaler.get_scale() < _LEAST:
            what = f"gradients overflow in fp16 at step {step}, however small the loss is made"
            raise TrainingError(what, where="train.precision", fix="take bf16 or fp32, or lower optimizer.lr")

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs, as JSON holds it; nothing without a scaler."""
        return {} if self.scaler is None else {"scaler": self.scaler.state_dict()}

    def load(self, numbers: Mapping[str, Any]) -> None:
        """Take over the factor from the numbers of a state."""
        if self.scaler is not None and "scaler" in numbers:
            self.scaler.load_state_dict(numbers["scaler"])


def _has_gradients(optimizer: Optimizer) -> bool:
    """Whether a step would change anything; PyTorch's scaler refuses an optimizer without gradients."""
    return any(p.grad is not None for group in optimizer.param_groups for p in group["params"])
