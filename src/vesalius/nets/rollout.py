"""Attention rollout: where the class token of a transformer looks, through all its blocks (arXiv:2005.00928).

Letters: B pictures, H heads, N tokens (class token, registers, patches), L patches row by row.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vesalius.nets.vit import Tokens


def attends(net: nn.Module) -> bool:
    """Whether `attention_rollout` can look into a net: one of timm's transformers whose every block attends."""
    return isinstance(net, Tokens) and bool(_attending(net)) and None not in _attending(net)


@torch.no_grad()
def attention_rollout(net: Tokens, x_BCJI: Tensor) -> Tensor:
    """Return the shares (B, L) of patches in what reaches the class token; with the other tokens they add up to 1.

    Attention is averaged over heads; the residual branch counts as much as the attention. It knows nothing of classes.

    Raises:
        ValueError: the net shows no attention.
    """
    if not attends(net):
        raise ValueError("the net shows no attention")
    total_BNN: Tensor | None = None
    for attention_BHNN in _attentions(net, x_BCJI):
        mean_BNN = attention_BHNN.float().mean(1)
        mixed_BNN = (mean_BNN + torch.eye(mean_BNN.shape[-1], device=mean_BNN.device)) / 2
        total_BNN = mixed_BNN if total_BNN is None else mixed_BNN @ total_BNN
    assert total_BNN is not None  # there is a block
    return total_BNN[:, 0, net.vit.num_prefix_tokens :]


def _attentions(net: Tokens, x_BCJI: Tensor) -> list[Tensor]:
    """Return the attention of each block, (B, H, N, N), from the plain kernels: the fused ones hide it."""
    attentions: list[Tensor] = []
    hooks, fused = [], []
    for attention in _attending(net):
        fused.append((attention, attention.fused_attn))
        attention.fused_attn = False
        hooks.append(attention.attn_drop.register_forward_hook(lambda _module, x, _out: attentions.append(x[0])))
    try:
        net(x_BCJI)
    finally:
        for hook in hooks:
            hook.remove()
        for attention, before in fused:
            attention.fused_attn = before
    return attentions


def _attending(net: Tokens) -> list[Any]:
    """Return the attention layer of each block; None for a block that shows no attention."""
    layers = [getattr(block, "attn", None) for block in getattr(net.vit, "blocks", [])]
    return [layer if hasattr(layer, "fused_attn") and hasattr(layer, "attn_drop") else None for layer in layers]
