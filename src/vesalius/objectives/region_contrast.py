"""Region-contrastive loss: a mask must change the picture where it lies, and nowhere else (MAISI-v2, arXiv:2508.05772).

Letters: B batch, C channel, J rows, I columns.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from vesalius.config import Config


class RegionContrastConfig(Config):
    """Weights of the loss."""

    weight: float = Field(default=0.01, ge=0, description="of the loss beside the flow")
    delta: float = Field(default=2.0, gt=0, description="wanted mean difference inside; more is not rewarded")


def region_contrast(with_BCJI: Tensor, without_BCJI: Tensor, region_BJI: Tensor, delta: float) -> Tensor:
    """Return how far two outputs are from differing by `delta` inside a region and by nothing outside, a scalar.

    Both parts are means of absolute differences; pictures without a region have the outer part alone.

    Args:
        with_BCJI: output for the mask.
        without_BCJI: output for the mask without the region.
        region_BJI: share of the region in each place, 0 to 1.
        delta: as in `RegionContrastConfig`.
    """
    change_BJI = (with_BCJI - without_BCJI).abs().mean(1)
    size_B, rest_B = region_BJI.sum((1, 2)), (1 - region_BJI).sum((1, 2))
    inside_B = (change_BJI * region_BJI).sum((1, 2)) / size_B.clamp(min=1e-6)
    outside_B = (change_BJI * (1 - region_BJI)).sum((1, 2)) / rest_B.clamp(min=1e-6)
    wanted_B = (delta - inside_B).clamp(min=0) * (size_B > 0)
    return (wanted_B + outside_B).mean()
