"""U-Net with residual units (Kerfoot et al. 2019; Ronneberger et al. 2015, arXiv:1505.04597), from MONAI."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, PositiveInt, model_validator
from torch import nn

from vesalius.nets.net import Net, channels_last


class UNet(Net):
    """x_BCIJ or x_BCIJK to logits of the same voxels, (B, `outputs`, ...).

    The net halves each axis `len(channels) - 1` times where the stride is 2: axes must be multiples of `divisor`.
    """

    dims: Literal[2, 3] = Field(description="pictures or volumes")
    inputs: int = Field(ge=1, description="channels of the image")
    outputs: int = Field(ge=1, description="classes, the background among them")
    channels: tuple[PositiveInt, ...] = Field(default=(16, 32, 64, 128), min_length=2, description="of each level")
    strides: tuple[PositiveInt, ...] | None = Field(default=None, description="between levels; None: 2 everywhere")
    units: int = Field(default=2, ge=0, description="convolutions in a residual unit")
    norm: Literal["instance", "batch"] = "instance"
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _one_stride_between_levels(self) -> UNet:
        if self.strides is not None and len(self.strides) != len(self.channels) - 1:
            raise ValueError(f"{len(self.channels)} levels need {len(self.channels) - 1} strides")
        return self

    @property
    def divisor(self) -> int:
        return math.prod(self._strides)

    @property
    def _strides(self) -> tuple[int, ...]:
        return self.strides or (2,) * (len(self.channels) - 1)

    def make(self) -> nn.Module:
        from monai.networks.nets import UNet as MonaiUNet

        net: nn.Module = MonaiUNet(
            spatial_dims=self.dims,
            in_channels=self.inputs,
            out_channels=self.outputs,
            channels=self.channels,
            strides=self._strides,
            num_res_units=self.units,
            norm=("INSTANCE", {"affine": True}) if self.norm == "instance" else "BATCH",
            dropout=self.dropout,
        )
        return channels_last(net) if self.dims == 2 else net
