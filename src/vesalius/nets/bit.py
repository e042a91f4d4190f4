"""Big Transfer ResNet-v2 (arXiv:1912.11370), the encoder of REMEDIS, from timm.

Letters: B batch, C channel, J rows, I columns, D width, H W places down and across.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from pydantic import Field
from torch import nn

from vesalius.nets.net import Net

Positive = Annotated[int, Field(ge=1)]


class BiT(Net):
    """x_BCJI, black -1 and white 1, to map_BDHW of 2048 x `factor` channels on a grid 32 times coarser.

    50x1 is the default; 152x2 has depths 3, 8, 36, 3 and factor 2. Average the map for one vector of a picture.
    """

    inputs: int = Field(default=3, ge=1, description="channels of the image")
    depths: tuple[Positive, Positive, Positive, Positive] = Field(default=(3, 4, 6, 3), description="blocks of a stage")
    factor: int = Field(default=1, ge=1, description="how many times wider than the plain one")

    @property
    def dims(self) -> int:
        """It takes pictures."""
        return 2

    @property
    def divisor(self) -> int:
        """Axes of the input that are multiples of this lose nothing at the border."""
        return 32

    @property
    def width(self) -> int:
        """Channels of the map."""
        return 2048 * self.factor

    def make(self) -> nn.Module:
        from timm.layers import StdConv2d
        from timm.models.resnetv2 import ResNetV2

        net: nn.Module = ResNetV2(
            layers=self.depths,
            width_factor=self.factor,
            in_chans=self.inputs,
            num_classes=0,
            global_pool="",
            stem_type="fixed",
            conv_layer=partial(StdConv2d, eps=1e-8),
        )
        return net
