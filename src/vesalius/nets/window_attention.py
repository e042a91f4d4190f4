"""Attention in windows without the scores of all windows in memory.

A window of 7^3 has 343 x 343 scores for each head, far more numbers than the map itself. Here a few windows are scored
at a time, and again on the way back (as in arXiv:2205.14135), so that scores stay in the cache of the processor.

Letters: B crops, W windows of a crop, w windows of a part, H heads, N places of a window, D width of a head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_PART_BYTES = {"cpu": 4 << 20}
_OTHER_BYTES = 1 << 30
"""Scores of a part: within the cache of a processor; enough to fill a GPU."""


class WindowAttention(nn.Module):
    """MONAI's module of the same name, with its tensors and results, in parts.

    Args:
        whole: MONAI's; its tensors are taken over. Its dropout of scores must be 0.
    """

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.heads, self.scale = whole.num_heads, whole.scale
        self.relative_position_bias_table = whole.relative_position_bias_table
        self.register_buffer("relative_position_index", whole.relative_position_index)
        self.qkv, self.proj, self.proj_drop = whole.qkv, whole.proj, whole.proj_drop

    def forward(self, x_XNC: Tensor, mask: Tensor | None) -> Tensor:
        """Return the windows after attention, in the order X (crops times windows) of the input.

        Args:
            x_XNC: the places of each window.
            mask: (W, N, N), added to the scores where windows are shifted.
        """
        count, places, channels = x_XNC.shape
        windows = 1 if mask is None else mask.shape[0]
        qkv = self.qkv(x_XNC).reshape(count, places, 3, self.heads, channels // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.reshape(3, count // windows, windows, *qkv.shape[2:]).unbind()
        index: Any = self.relative_position_index
        bias_HNN = self.relative_position_bias_table[index[:places, :places].reshape(-1)]
        bias_HNN = bias_HNN.reshape(places, places, -1).permute(2, 0, 1)
        if mask is None:  # all windows are alike: crops and windows may be parted as one axis
            q, k, v = (y.transpose(0, 1) for y in (q, k, v))
        y_BWHND: Tensor = (
            _at_once(q, k, v, bias_HNN, mask, self.scale)
            if torch.compiler.is_exporting()
            else _Attention.apply(q, k, v, bias_HNN, mask, self.scale)
        )
        y_XNC = y_BWHND.reshape(count, self.heads, places, -1).transpose(1, 2).reshape(count, places, channels)
        z_XNC: Tensor = self.proj_drop(self.proj(y_XNC))
        return z_XNC


def _at_once(q: Tensor, k: Tensor, v: Tensor, bias_HNN: Tensor, mask_WNN: Tensor | None, scale: float) -> Tensor:
    """The same as `_Attention` in operators that ONNX has."""
    scores = scale * q @ k.transpose(-2, -1) + bias_HNN
    if mask_WNN is not None:
        scores = scores + mask_WNN[:, None]
    return scores.softmax(-1) @ v


class _Attention(torch.autograd.Function):
    """softmax(scale * q k^T + bias + mask) v for q, k, v of shape (B, W, H, N, D).

    PyTorch's own attention gives the result, but no gradient of the bias on a CPU, so that the way back stands here.
    """

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, bias_HNN: Tensor, mask_WNN: Tensor | None, scale: float
    ) -> Tensor:
        y = torch.empty_like(q)
        with torch.autocast(q.device.type, enabled=False):
            for part, crop, added in _parts(q, bias_HNN, mask_WNN):
                at = crop, part
                y[at] = functional.scaled_dot_product_attention(
                    q[at], k[at], v[at], attn_mask=added.to(q.dtype), scale=scale
                )
        ctx.save_for_backward(q, k, v, y, bias_HNN, mask_WNN)
        ctx.scale = scale
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, y, bias_HNN, mask_WNN = ctx.saved_tensors
        dy = gradients[0].to(v.dtype)
        dq, dk, dv = torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)
        dbias_HNN = torch.zeros_like(bias_HNN)
        with torch.autocast(q.device.type, enabled=False):
            scaled, along = q * ctx.scale, (dy.to(bias_HNN.dtype) * y).sum(-1, keepdim=True)
            for part, crop, added in _parts(q, bias_HNN, mask_WNN):
                at = crop, part
                scores = (scaled[at] @ k[at].transpose(-2, -1)).to(bias_HNN.dtype).add_(added)
                weights = scores.softmax(-1)
                dv[at] = weights.to(v.dtype).transpose(-2, -1) @ dy[at]
                dscores = (dy[at] @ v[at].transpose(-2, -1)).to(weights.dtype).sub_(along[at]).mul_(weights)
                dbias_HNN += dscores.sum(0)
                dscores = dscores.to(q.dtype)
                dq[at] = dscores @ k[at]
                dk[at] = dscores.transpose(-2, -1) @ scaled[at]
        return dq.mul_(ctx.scale), dk, dv, dbias_HNN, None, None


def _parts(q: Tensor, bias_HNN: Tensor, mask_WNN: Tensor | None) -> Iterator[tuple[slice, int, Tensor]]:
    """Yield windows of each crop, with what is added to their scores: (w, H, N, N), or (1, H, N, N) without a mask.

    Always four axes: with fewer, PyTorch's attention on a CPU keeps all scores in memory.
    """
    crops, windows, heads, places, _ = q.shape
    most = max(1, _PART_BYTES.get(q.device.type, _OTHER_BYTES) // (4 * heads * places**2))
    for first in range(0, windows, most):
        part = slice(first, first + most)
        added = bias_HNN[None] if mask_WNN is None else bias_HNN + mask_WNN[part, None]
        for crop in range(crops):
            yield part, crop, added


def in_parts(net: nn.Module) -> nn.Module:
    """Replace MONAI's attention in windows wherever the net has it; tensors keep their names."""
    from monai.networks.nets.swin_unetr import WindowAttention as MonaiWindowAttention

    for module in list(net.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, MonaiWindowAttention):
                setattr(module, name, WindowAttention(child))
    return net
