"""Big Transfer ResNet-v2 (arXiv:1912.11370), the encoder of REMEDIS (arXiv:2205.09723), from timm.

Letters: B batch, C channel, J rows, I columns.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from vesalius.nets.encoder import Maps, Pyramid, PyramidNet

_ALMOST_ZERO = 1e-30
"""What the stem's pooling is padded with. ONNX Runtime merges a padding of zeros into the pooling, where it would count
as minus infinity; this far below float32's steps near any other number the result is the same."""


class BiT(PyramidNet):
    """x_BCJI, black -1 and white 1, to (whole_BD, places_BLD): the mean of the last map, and the map itself.

    50x1 is the default; 101x1 has depths 3, 4, 23, 3; 152x2 has depths 3, 8, 36, 3 and factor 2. Tensor names are
    timm's. The maps of block groups 1 to 3 are not normalized (each block begins with its norm), the last one is.
    """

    divisor: ClassVar[int] = 32
    inputs: int = Field(default=3, ge=1, description="channels of the image")
    depths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        default=(3, 4, 6, 3), description="blocks of a group"
    )
    factor: float = Field(
        default=1, ge=0.125, multiple_of=0.125, description="how many times wider than the plain one, in eighths"
    )
    norm_groups: int = Field(default=32, ge=1, description="groups of channels that are normalized together")

    @property
    def channels(self) -> tuple[int, int, int, int]:
        first, second, third, fourth = (round(width * self.factor) for width in (256, 512, 1024, 2048))
        return first, second, third, fourth

    def make(self) -> Pyramid:
        from timm.layers import GroupNormAct, StdConv2d
        from timm.models.resnetv2 import ResNetV2

        class Preactivated(Pyramid, ResNetV2):  # type: ignore[misc]
            """timm's network as a pyramid; a subclass, because a wrapper would change the names of the tensors."""

            stem: nn.Sequential
            stages: nn.Sequential
            norm: nn.Module

            def groups(self) -> list[list[nn.Module]]:
                first, second, third, fourth = self.stages
                return [[self.stem], [first], [second], [third], [fourth, self.norm]]

            def maps(self, x_BCJI: Tensor) -> Maps:
                first, second, third, fourth = self.stages
                x1 = first(self.stem(x_BCJI))
                x2 = second(x1)
                x3 = third(x2)
                return x1, x2, x3, self.norm(fourth(x3))

        net = Preactivated(
            layers=self.depths,
            width_factor=self.factor,
            in_chans=self.inputs,
            num_classes=0,
            global_pool="",
            stem_type="fixed",
            conv_layer=partial(StdConv2d, eps=1e-8),
            norm_layer=partial(GroupNormAct, num_groups=self.norm_groups),
        )
        net.stem.pad = nn.ConstantPad2d(1, _ALMOST_ZERO)
        return net
