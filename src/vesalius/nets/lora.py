"""LoRA (arXiv:2106.09685): named linear layers learn a product of two narrow matrices beside their frozen weights.

`up` begins at 0, so that the net begins as it was; `merged` adds the product to the weights, and the net has its own
layers and names again. Scales are those of the paper, alpha / rank.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fnmatch import fnmatchcase

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vesalius.config import Config
from vesalius.errors import UsageError

NEW = "*.lora_*"
"""Tensors that LoRA adds: what `init_from.allow` must name where the weights to start from are loaded."""


class LoraConfig(Config):
    """Which layers learn, and how much they can change."""

    rank: int = Field(default=8, ge=1, description="of the change of each layer")
    alpha: float | None = Field(default=None, gt=0, description="the change is scaled by alpha / rank; none: by 1")
    layers: tuple[str, ...] = Field(
        default=("*.attention.query", "*.attention.key", "*.attention.value", "*.attention.out"),
        min_length=1,
        description="names of linear layers, * for anything",
    )
    also: tuple[str, ...] = Field(
        default=(), description="tensors that learn in full besides, e.g. stem.project_mask.*"
    )


class LoraLinear(nn.Linear):
    """A linear layer with a change of low rank; `weight` and `bias` keep their names and are frozen."""

    def __init__(self, layer: nn.Linear, rank: int, scale: float) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, device="meta")
        self.weight, self.bias = layer.weight, layer.bias
        self.requires_grad_(False)
        self.scale = scale
        self.lora_down = nn.Parameter(layer.weight.new_empty(rank, layer.in_features))
        self.lora_up = nn.Parameter(layer.weight.new_zeros(layer.out_features, rank))
        nn.init.kaiming_uniform_(self.lora_down, a=math.sqrt(5))

    def forward(self, input: Tensor) -> Tensor:
        """Return W x + scale * up down x + b."""
        change = functional.linear(functional.linear(input, self.lora_down), self.lora_up)
        return functional.linear(input, self.weight, self.bias) + self.scale * change

    @torch.no_grad()
    def plain(self) -> nn.Linear:
        """The layer with the change in its weights."""
        layer = nn.Linear(self.in_features, self.out_features, self.bias is not None, device="meta")
        layer.weight = nn.Parameter(self.weight + self.scale * (self.lora_up @ self.lora_down))
        if self.bias is not None:
            layer.bias = nn.Parameter(self.bias.detach().clone())
        return layer


def add_lora(net: nn.Module, config: LoraConfig) -> None:
    """Freeze a net, in place, but for changes of the named layers and what learns besides.

    Raises:
        UsageError: a pattern names no linear layer, or no tensor.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
        >>> add_lora(net, LoraConfig(layers=("1",), rank=1))
        >>> [name for name, weight in net.named_parameters() if weight.requires_grad]
        ['1.lora_down', '1.lora_up']
    """
    linear = {name: layer for name, layer in net.named_modules() if type(layer) is nn.Linear}
    names = _named(config.layers, linear, "lora.layers", "linear layer")
    tensors = _named(config.also, dict(net.named_parameters()), "lora.also", "tensor")
    net.requires_grad_(False)
    for name in names:
        scale = 1.0 if config.alpha is None else config.alpha / config.rank
        _replace(net, name, LoraLinear(linear[name], config.rank, scale))
    for name in tensors:
        net.get_parameter(name).requires_grad_(True)


def merge_lora(net: nn.Module) -> None:
    """Give a net its own layers again, in place, with the learned changes in their weights."""
    for name, layer in list(net.named_modules()):
        if isinstance(layer, LoraLinear):
            _replace(net, name, layer.plain())


def _named(patterns: tuple[str, ...], of: Mapping[str, object], where: str, what: str) -> list[str]:
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in of):
            some = ", ".join(list(of)[:3])
            raise UsageError(f"{pattern} names no {what}", where=where, fix=f"their names are like {some}")
    return [name for name in of if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _replace(net: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(net.get_submodule(parent), last, layer)
