"""Batch norm over the pictures of all processes, on any device (PyTorch's own needs a GPU).

Letters: B pictures, C channel, M moments of a channel: its mean and its variance.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SharedBatchNorm(_BatchNorm):
    """Batch norm whose statistics in training are those of all processes together, each with equally many numbers.

    Means and variances of the processes are averaged, the variance of their means is added; gradients flow through
    the averages. In one process and in eval mode it is PyTorch's batch norm. Tensor names are the same.
    """

    def _check_input_dim(self, x: Tensor) -> None:
        if x.ndim < 2:
            raise ValueError(f"a batch norm takes (B, C, ...), not {tuple(x.shape)}")

    def forward(self, x: Tensor) -> Tensor:
        shared = distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1
        if not (self.training and shared):
            return super().forward(x)
        axes = [axis for axis in range(x.ndim) if axis != 1]
        values = x.to(torch.promote_types(x.dtype, torch.float32))
        variance_C, mean_C = torch.var_mean(values, axes, correction=0)
        world = distributed.get_world_size()
        mean_of_all_C: Tensor = _MeanOverProcesses.apply(mean_C)
        variances_C = variance_C + (mean_C - mean_of_all_C) ** 2
        variance_of_all_C: Tensor = _MeanOverProcesses.apply(variances_C)
        self._follow(mean_of_all_C.detach(), variance_of_all_C.detach(), world * x.numel() // x.shape[1])
        shape = [1, -1] + [1] * (x.ndim - 2)
        scale_C = torch.rsqrt(variance_of_all_C + self.eps)
        if self.weight is not None:
            scale_C = scale_C * self.weight
        out = (values - mean_of_all_C.view(shape)) * scale_C.view(shape)
        if self.bias is not None:
            out = out + self.bias.view(shape)
        return out.to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean_C: Tensor, variance_C: Tensor, count: int) -> None:
        """Move the running statistics; like PyTorch's they hold the unbiased variance."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean_C.to(self.running_mean.dtype), share)
        self.running_var.lerp_((variance_C * count / max(1, count - 1)).to(self.running_var.dtype), share)


def shared_norms(net: nn.Module) -> nn.Module:
    """Replace every batch norm below `net` by one that all processes share; the tensors stay the same objects.

    Example:
        >>> net = shared_norms(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
        >>> type(net[1]).__name__, sorted(net.state_dict())[0]
        ('SharedBatchNorm', '0.bias')
    """
    for name, child in net.named_children():
        if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            setattr(net, name, _shared(child))
        else:
            shared_norms(child)
    return net


def _shared(norm: _BatchNorm) -> SharedBatchNorm:
    shared = SharedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    shared.training = norm.training
    for name in ("weight", "bias"):
        shared.register_parameter(name, getattr(norm, name))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        shared.register_buffer(name, getattr(norm, name))
    return shared


class _MeanOverProcesses(torch.autograd.Function):
    """Forward: the mean over processes. Backward: every process' gradients reach every process, as a mean as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        del ctx
        return _mean(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        del ctx
        return _mean(gradient)


def _mean(x: Tensor) -> Tensor:
    total = x.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()
