"""Segment a whole volume in overlapping windows.

Letters: C channel, I J K voxel axes, N classes with the background first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vesalius.tasks.segment.config import InferConfig, Patch


@torch.no_grad()
def probabilities(net: nn.Module, x_CIJK: Tensor, patch: Patch, infer: InferConfig) -> Tensor:
    """Class probabilities, shape (N, I, J, K), float32, on the device of `x_CIJK`.

    Windows have the size of a patch and are weighted by a Gaussian at their centre. A net for pictures takes the slices
    along k one by one.
    """
    from monai.inferers import sliding_window_inference

    flat = patch[2] == 1
    x = x_CIJK.permute(3, 0, 1, 2) if flat else x_CIJK[None]
    logits = sliding_window_inference(
        x,
        roi_size=patch[:2] if flat else patch,
        sw_batch_size=infer.windows,
        predictor=net,
        overlap=infer.overlap,
        mode="gaussian",
    )
    p = logits.float().softmax(1)
    return p.permute(1, 2, 3, 0) if flat else p[0]
