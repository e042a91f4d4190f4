"""Gradient caching (arXiv:2101.06983): a loss over a large batch, an encoder that sees a part of it at a time.

Letters: B pictures, V views, C channel, J rows, I columns, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Cached:
    """The vectors of a batch, encoded in chunks without a graph; `backward` encodes them again, each with its gradient.

    The gradients are those of the whole batch at once, and memory is that of a chunk. What holds exactly: a net
    without batch norm gives the gradients of the whole batch. With batch norm a net normalizes each chunk alone,
    both times (of all processes together where norms are shared); the gradients are those of the loss over the whole
    batch for that net. Running statistics move once. Dropout draws the same both times.

    Args:
        encoder: gives (whole_BD, places_BLD).
        x_BVCJI: the views of the batch of this process.
        chunk: pictures at once.
    """

    def __init__(self, encoder: nn.Module, x_BVCJI: Tensor, chunk: int) -> None:
        self._encoder = encoder
        self._chunks = torch.split(x_BVCJI, chunk)
        self._seeds = torch.randint(2**62, (len(self._chunks),)).tolist()
        device = x_BVCJI.device.type
        self._precision = (device, torch.get_autocast_dtype(device), torch.is_autocast_enabled(device))
        with torch.no_grad(), _steady(encoder):
            encoded = [self._encoded(number) for number in range(len(self._chunks))]
        self.whole_BVD = torch.cat(encoded).requires_grad_()

    def backward(self) -> None:
        """Give the encoder its gradients; those of `whole_BVD` are there."""
        if self.whole_BVD.grad is None:
            raise ValueError("the loss has not gone backwards to whole_BVD")
        gradients = torch.split(self.whole_BVD.grad, [len(chunk) for chunk in self._chunks])
        last = len(self._chunks) - 1
        for number, gradient in enumerate(gradients):
            with nullcontext() if number == last else _alone(self._encoder):
                with self._as_before():
                    vectors_BVD = self._encoded(number)
                torch.autograd.backward(vectors_BVD, gradient)

    def _encoded(self, number: int) -> Tensor:
        torch.manual_seed(self._seeds[number])
        x_BVCJI = self._chunks[number]
        whole: Tensor = self._encoder(in_order(x_BVCJI))[0]
        whole_VD = whole.to(torch.promote_types(whole.dtype, torch.float32))
        return whole_VD.reshape(x_BVCJI.shape[1], -1, whole.shape[1]).transpose(0, 1)

    def _as_before(self) -> Any:
        device, dtype, is_on = self._precision
        return torch.autocast(device, dtype, enabled=is_on)


def in_order(x_BVCJI: Tensor) -> Tensor:
    """Return the first views of all pictures (or their vectors), then the second ones: shape (V * B, ...)."""
    return x_BVCJI.transpose(0, 1).flatten(0, 1)


def _alone(module: nn.Module) -> Any:
    """Leave the sum over processes to a later backward pass."""
    return module.no_sync() if isinstance(module, nn.parallel.DistributedDataParallel) else nullcontext()


@contextmanager
def _steady(net: nn.Module) -> Iterator[None]:
    """Keep running statistics as they are while batch norms normalize by the batch."""
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    kept = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, kept, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
