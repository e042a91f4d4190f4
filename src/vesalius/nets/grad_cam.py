"""Grad-CAM: which places of a picture speak for a class (Selvaraju et al. 2017, arXiv:1610.02391).

Letters: B pictures, C channel of the last map, N classes, J rows, I columns, D width, H W places down and across.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from vesalius.nets.encoder import Pyramid


def grad_cam(encoder: Pyramid, head: Callable[[Tensor], Tensor], x_BCJI: Tensor, n: int) -> Tensor:
    """Return the map (B, H, W) of class `n`, in the size of the last map; it is 0 where a place speaks against it.

    A channel of the last map weighs as much as the mean, over all places, of the derivative of the logit by that
    channel (equation 1 of the paper); the map is the positive part of the weighted sum of the channels (equation 2).

    With a linear head on the mean of the places the weighted sum, over all places, is the logit without its bias: each
    place shows its share of the logit. With any other head it shows the share to first order.

    Args:
        encoder: in eval mode; with batch norms in train mode the pictures would depend on each other.
        head: whole_BD, the mean of the places, to logits_BN.
        x_BCJI: pictures.
        n: number of the class.
    """
    with torch.enable_grad():
        last_BCHW = encoder.maps(x_BCJI.detach().requires_grad_())[-1]
        logits_BN = head(last_BCHW.mean((2, 3)))
        (slope_BCHW,) = torch.autograd.grad(logits_BN[:, n].sum(), last_BCHW)
    weights_BC = slope_BCHW.mean((2, 3))
    return torch.einsum("bc,bchw->bhw", weights_BC, last_BCHW.detach()).relu()
