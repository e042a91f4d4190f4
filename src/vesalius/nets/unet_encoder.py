"""The way down of the house's U-Net as an encoder; a U-Net of `segment` starts from its weights.

Letters: B batch, C channel, I J K voxels, L places, D width.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from vesalius.nets.encoder import EncoderNet
from vesalius.nets.map_vectors import whole_and_places
from vesalius.nets.unet import UNet


class UNetEncoder(EncoderNet):
    """x_BCIJK to (whole_BD, places_BLD) from the maps of all levels; D is the sum of `channels`.

    Tensors have the names of those of `UNet`, so `init_from: {model: RUN, allow: ["*.2.0.*", "*.2.1.*"]}` starts a
    U-Net of equal sizes whose way up is fresh.
    """

    dims: ClassVar[int] = 3
    inputs: int = Field(default=1, ge=1, description="channels of the image")
    channels: tuple[PositiveInt, ...] = Field(default=(16, 32, 64, 128), min_length=2, description="of each level")
    units: int = Field(default=2, ge=0, description="convolutions in a residual unit")
    norm: Literal["instance", "batch"] = "instance"

    @property
    def width(self) -> int:
        return sum(self.channels)

    @property
    def divisor(self) -> int:
        return 2 ** (len(self.channels) - 1)

    def make(self) -> nn.Module:
        whole = UNet(
            dims=3, inputs=self.inputs, outputs=1, channels=self.channels, units=self.units, norm=self.norm
        ).make()
        return _WayDown(whole.model)


class _WayDown(nn.Module):
    """The levels of a MONAI U-Net without its way up."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        level: Any = model
        while isinstance(level, nn.Sequential):
            del level[2]
            level = level[1].submodule

    def maps(self, x_BCIJK: Tensor) -> list[Tensor]:
        """Return the end of each level, finest first."""
        maps: list[Tensor] = []
        level: Any = self.model
        while isinstance(level, nn.Sequential):
            x_BCIJK = level[0](x_BCIJK)
            maps.append(x_BCIJK)
            level = level[1].submodule
        return [*maps, level(x_BCIJK)]

    def forward(self, x_BCIJK: Tensor) -> tuple[Tensor, Tensor]:
        return whole_and_places(self.maps(x_BCIJK))
