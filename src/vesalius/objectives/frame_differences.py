"""Motion should stay: differences of neighbouring frames of the reconstruction against those of the original.

Letters: B batch, T frames.
"""

from __future__ import annotations

from torch import Tensor


def frame_differences(x_BT: Tensor, truth_BT: Tensor) -> Tensor:
    """Return the mean absolute error of the differences between each frame and the next one, around the cycle.

    A smooth but wrong motion is no better than a rough one: what is compared is the original's motion, not smoothness.

    Args:
        x_BT: reconstructions, shape (B, T, ...).
        truth_BT: originals of the same shape; a single frame has no motion and gives 0.

    Example:
        >>> import torch
        >>> frame_differences(torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 3.0]])).item()
        3.0
    """
    wrong_BT = x_BT.float() - truth_BT.float()
    return (wrong_BT.roll(-1, 1) - wrong_BT).abs().mean()
