"""A whole volume through a net, in overlapping windows.

Letters: C channel, I J K voxel axes, N classes with the background first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vesalius.tasks.segment.config import InferConfig, Patch


@torch.no_grad()
def probabilities(net: nn.Module, x_CIJK: Tensor, patch: Patch, infer: InferConfig) -> Tensor:
    """Probabilities of the classes, shape (N, I, J, K), float32, where `x_CIJK` lies.

    Windows have the size of a patch and are weighted by a Gaussian about their middle. A net for pictures gets the
    slices along k one by one.
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
