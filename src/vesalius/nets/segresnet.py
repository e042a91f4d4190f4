"""SegResNet without its autoencoder branch (Myronenko 2018, arXiv:1810.11654), from MONAI."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt, model_validator
from torch import nn

from vesalius.nets.net import Net


class SegResNet(Net):
    """x_BCIJ or x_BCIJK to logits of the same voxels, (B, `outputs`, ...); axes must be multiples of `divisor`."""

    dims: Literal[2, 3] = Field(description="pictures or volumes")
    inputs: int = Field(ge=1, description="channels of the image")
    outputs: int = Field(ge=1, description="classes, the background among them")
    width: int = Field(default=16, ge=8, multiple_of=8, description="channels of the first level; doubled at each next")
    down: tuple[PositiveInt, ...] = Field(default=(1, 2, 2, 4), min_length=1, description="blocks of each level down")
    up: tuple[PositiveInt, ...] = Field(default=(1, 1, 1), description="blocks of each level up")
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _as_many_up_as_down(self) -> SegResNet:
        if len(self.up) != len(self.down) - 1:
            raise ValueError(f"{len(self.down)} levels down need {len(self.down) - 1} levels up")
        return self

    @property
    def divisor(self) -> int:
        return 2 ** len(self.up)

    def make(self) -> nn.Module:
        from monai.networks.nets import SegResNet as MonaiSegResNet

        # Not channels-last: its group norms take twice as long there on CPUs in bf16, and fp32 gains nothing.
        net: nn.Module = MonaiSegResNet(
            spatial_dims=self.dims,
            init_filters=self.width,
            in_channels=self.inputs,
            out_channels=self.outputs,
            dropout_prob=self.dropout or None,
            blocks_down=self.down,
            blocks_up=self.up,
        )
        return net
