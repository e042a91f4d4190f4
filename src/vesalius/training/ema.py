"""Averaged weights: an exponential moving average of parameters and floating buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from vesalius.training.task import bare


class Ema:
    """average = decay * average + (1 - decay) * weights, with min(decay, (1 + step) / (10 + step)) at the beginning.

    Parameters that are not trained (`requires_grad` is false) are constant and have no average.
    """

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        self._modules = {name: bare(module) for name, module in modules.items()}
        self._decay = decay
        self.averages = {key: value.detach().clone() for key, value in self._weights()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Follow the weights after optimizer step number `step` (from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for key, value in self._weights():
            if value.is_floating_point():
                self.averages[key].lerp_(value, 1 - decay)
            else:
                self.averages[key].copy_(value)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages into the modules for a while."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def load(self, averages: Mapping[str, Tensor]) -> None:
        """Take saved averages."""
        for key, value in self.averages.items():
            value.copy_(averages[key])

    @torch.no_grad()
    def _swap(self) -> None:
        for key, value in self._weights():
            kept = value.detach().clone()
            value.copy_(self.averages[key])
            self.averages[key] = kept

    def _weights(self) -> Iterator[tuple[str, Tensor]]:
        for name, module in self._modules.items():
            for key, value in module.state_dict(keep_vars=True).items():
                if value.requires_grad or not isinstance(value, nn.Parameter):
                    yield f"{name}.{key}", value
