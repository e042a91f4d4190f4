"""The memory of training a net by its sizes alone: nothing is allocated, so nets that fit nowhere here can be asked.

The net and its inputs lie on PyTorch's meta device. A forward pass there shows what autograd keeps for the backward.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_FULL, _HALF = 4, 2
_MOMENTS = {"adamw": 2, "sgd": 1, "lars": 1}


@dataclass(frozen=True)
class Footprint:
    """Bytes that training takes, without what PyTorch itself and the batches of the loader take.

    Args:
        parameters: number of weights; `trained` of them learn.
        trained: see `parameters`.
        weights: bytes of the weights, float32, and of their halves under bf16.
        gradients: bytes.
        optimizer: bytes of its moments.
        average: bytes of the averaged weights; 0 without them.
        activations: bytes that one forward pass keeps for the backward.
    """

    parameters: int
    trained: int
    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int

    @property
    def total(self) -> int:
        """Bytes in all."""
        return self.weights + self.gradients + self.optimizer + self.average + self.activations

    def words(self) -> str:
        """Return the parts for people.

        Example:
            >>> Footprint(10**9, 10**9, 2**32, 2**32, 2**33, 0, 2**30).words()
            'weights 4.0 GiB, gradients 4.0 GiB, optimizer 8.0 GiB, activations 1.0 GiB; 17.0 GiB in all'
        """
        names = ("weights", "gradients", "optimizer", "average", "activations")
        parts = [f"{name} {_amount(getattr(self, name))}" for name in names if getattr(self, name)]
        return f"{', '.join(parts)}; {_amount(self.total)} in all"


def footprint(
    net: nn.Module,
    inputs: Sequence[Tensor],
    *,
    beside: Sequence[nn.Module] = (),
    numbers: Literal["fp32", "bf16"] = "fp32",
    optimizer: str = "adamw",
    averaged: bool = True,
    kernels: Literal["fused", "open"] = "fused",
) -> Footprint:
    """Return what training a net takes.

    Args:
        net: on the meta device; it is changed to `numbers`.
        inputs: what it takes, on the meta device.
        beside: modules on the meta device that learn, too, whose activations are few.
        numbers: of the forward pass. bf16 counts a net that runs in bf16 throughout; autocast keeps norms in float32,
            which takes up to a third more.
        optimizer: name of the optimizer.
        averaged: whether averaged weights are kept.
        kernels: of attention; fused ones, those of GPUs, keep no scores, open ones do.

    Example:
        >>> with torch.device("meta"):
        ...     net, x = nn.Linear(1000, 1000, bias=False), torch.empty(50, 1000)
        >>> cost = footprint(net, [x], averaged=False)
        >>> cost.weights, cost.gradients, cost.optimizer, cost.activations
        (4000000, 4000000, 8000000, 200000)
    """
    modules = [net, *beside]
    every = [weight for module in modules for weight in module.parameters()]
    count, trained = (sum(w.numel() for w in every), sum(w.numel() for w in every if w.requires_grad))
    half = numbers == "bf16"
    if half:
        net.to(torch.bfloat16)
        inputs = [x.to(torch.bfloat16) if x.is_floating_point() else x for x in inputs]
    weights = {weight.untyped_storage()._cdata for weight in net.parameters()}
    kept: dict[int, int] = {}

    def keep(x: Tensor) -> Tensor:
        storage = x.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = storage.nbytes()
            alive.append(x)
        return x

    alive: list[Tensor] = []  # so that no other storage comes to lie where one was
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x), _Kernels(kernels):
        alive.append(net(*inputs))
    return Footprint(
        parameters=count,
        trained=trained,
        weights=count * (_FULL + (_HALF if half else 0)),
        gradients=trained * _FULL,
        optimizer=trained * _FULL * _MOMENTS[optimizer],
        average=trained * _FULL if averaged else 0,
        activations=sum(kept.values()),
    )


class _Kernels(TorchFunctionMode):
    """On the meta device PyTorch attends openly; this stands for the fused kernels, which keep what they are given."""

    def __init__(self, kernels: Literal["fused", "open"]) -> None:
        super().__init__()
        self._fused = kernels == "fused"

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        del types
        if self._fused and func is functional.scaled_dot_product_attention:
            return _Fused.apply(*args[:3])
        return func(*args, **(kwargs or {}))


class _Fused(torch.autograd.Function):
    """Keeps queries, keys, values and what comes out, as fused attention does."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = q.new_empty(*q.shape[:-1], v.shape[-1])
        ctx.save_for_backward(q, k, v, out)
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        del gradients
        return tuple(torch.empty_like(x) for x in ctx.saved_tensors[:3])


def _amount(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
