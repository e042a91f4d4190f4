"""Big Transfer ResNet-v2 (arXiv:1912.11370), the encoder of REMEDIS, from timm.

Letters: B batch, C channel, J rows, I columns, L places row by row, D width.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from vesalius.nets.encoder import EncoderNet


class BiT(EncoderNet):
    """x_BCJI, black -1 and white 1, to (whole_BD, places_BLD): the mean of the last map, and the map itself.

    50x1 is the default; 152x2 has depths 3, 8, 36, 3 and factor 2. Tensor names are timm's.
    """

    dims: ClassVar[int] = 2
    divisor: ClassVar[int] = 32
    inputs: int = Field(default=3, ge=1, description="channels of the image")
    depths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        default=(3, 4, 6, 3), description="blocks of a stage"
    )
    factor: int = Field(default=1, ge=1, description="how many times wider than the plain one")

    @property
    def width(self) -> int:
        return 2048 * self.factor

    def make(self) -> nn.Module:
        from timm.layers import StdConv2d
        from timm.models.resnetv2 import ResNetV2

        class Whole(ResNetV2):  # type: ignore[misc]
            """Both vectors; a subclass, because a wrapper would change the names of the tensors."""

            def forward(self, x_BCJI: Tensor) -> tuple[Tensor, Tensor]:
                places_BLD = self.forward_features(x_BCJI).flatten(2).transpose(1, 2)
                return places_BLD.mean(1), places_BLD

        net: nn.Module = Whole(
            layers=self.depths,
            width_factor=self.factor,
            in_chans=self.inputs,
            num_classes=0,
            global_pool="",
            stem_type="fixed",
            conv_layer=partial(StdConv2d, eps=1e-8),
        )
        return net
