"""The networks of VoCo (CVPR 2024, arXiv:2402.17300; Large-Scale-Medical, arXiv:2410.09890): its encoder, its head.

Letters: B batch, C channel, I J K voxels, L places, D width of the encoder, E width of the projection, N rows.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from vesalius.nets.encoder import EncoderNet
from vesalius.nets.map_vectors import whole_and_places
from vesalius.nets.net import Net
from vesalius.nets.swinunetr import SwinEncoder, SwinMaps

_MAPS = 1 + 1 + 2 + 4 + 16
"""Channels of the five maps of the encoder, in those of the first."""


class VocoEncoder(EncoderNet):
    """x_BCIJK to (whole_BD, places_BLD) from the five maps of `SwinEncoder`, whose tensors it has: 145 of them.

    whole_BD is the mean of each map, side by side, as in the published code; places are cells of the last map. Sizes B,
    L and H have `feature_size` 48, 96 and 192. Axes are multiples of 32, and one of them is 64 or more. The published
    code of 2024 doubles each crop along k before it is encoded; nothing is doubled here.
    """

    dims: ClassVar[int] = 3
    divisor: ClassVar[int] = 32
    inputs: int = Field(default=1, ge=1, description="channels of the image")
    feature_size: int = Field(default=48, ge=12, multiple_of=12, description="channels of the first level")
    depths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        default=(2, 2, 2, 2), description="blocks of a stage"
    )
    window: int = Field(default=7, ge=1, description="side of the window of attention, in voxels of the stage")

    @property
    def width(self) -> int:
        return _MAPS * self.feature_size

    def make(self) -> nn.Module:
        sizes = SwinEncoder(inputs=self.inputs, width=self.feature_size, depths=self.depths, window=self.window)
        return _VocoModule(sizes.whole(1))


class _VocoModule(SwinMaps):
    def forward(self, x_BCIJK: Tensor) -> tuple[Tensor, Tensor]:
        return whole_and_places(self.maps(x_BCIJK))


class VocoHead(Net):
    """x_ND to z_NE: three linear maps; after the first two a batch norm without scale and running statistics, and ReLU.

    `hidden` and `outputs` are 2048 in the code of 2024 and 1024 in that of 2025. Because of its norms it takes several
    rows, in eval mode too, and they are normalized together: all crops of a batch.

    Example:
        >>> import torch
        >>> VocoHead(inputs=8, hidden=16, outputs=4).make()(torch.randn(3, 8)).shape
        torch.Size([3, 4])
    """

    dims: ClassVar[None] = None
    divisor: ClassVar[int] = 1
    inputs: int = Field(ge=1, description="width of the vectors")
    hidden: int = Field(default=2048, ge=1, description="width between the layers")
    outputs: int = Field(default=2048, ge=1, description="numbers in a projection")

    def make(self) -> nn.Module:
        layers: list[nn.Module] = []
        for inputs in (self.inputs, self.hidden):
            norm = nn.BatchNorm1d(self.hidden, affine=False, track_running_stats=False)
            layers += [nn.Linear(inputs, self.hidden), norm, nn.ReLU(inplace=True)]
        return nn.Sequential(*layers, nn.Linear(self.hidden, self.outputs))


class VoxelHead(Net):
    """places_BLD to the voxels of each place, (B, L, `voxels`): a linear map, for masked autoencoding."""

    dims: ClassVar[None] = None
    divisor: ClassVar[int] = 1
    inputs: int = Field(ge=1, description="width of a place")
    voxels: int = Field(ge=1, description="numbers of a place: voxels times channels")

    @property
    def outputs(self) -> int:
        return self.voxels

    def make(self) -> nn.Module:
        return nn.Linear(self.inputs, self.voxels)
