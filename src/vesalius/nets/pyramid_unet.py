"""U-Net decoder on a pyramid of maps (Ronneberger et al. 2015, arXiv:1505.04597), for encoders such as ResNet and BiT.

Letters: B batch, C channel, N classes, J rows, I columns.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any, ClassVar, TypeAlias

import torch
from pydantic import BeforeValidator, Field, PositiveInt, SerializeAsAny, model_validator
from torch import Tensor, nn

from vesalius.nets.encoder import Maps, Pyramid, PyramidNet
from vesalius.nets.net import Net, channels_last

_GROUPS = 8
_WIDTHS = (256, 128, 64, 32, 16)
_PYRAMID_LEVELS = 3


def _pyramid(given: Any) -> Any:
    net = Net.read(given)
    if isinstance(net, Net) and not isinstance(net, PyramidNet):
        raise ValueError("has no pyramid of maps; resnet and bit have one")
    return net


AnyPyramid: TypeAlias = Annotated[SerializeAsAny[PyramidNet], BeforeValidator(_pyramid)]
"""A field of a configuration that holds an encoder with a pyramid of maps, or its table."""


class MapDecoder(Net):
    """The maps of a pyramid and its picture to logits of the pixels, (B, `outputs`, J, I).

    Each level doubles the rows and columns, joins the map of that stride, and convolves twice. The finest map has a
    stride of `divisor` / 8; where that is above 1, the picture itself gives what the finer levels join, through a
    convolution for each. Norms are over groups of channels (arXiv:1803.08494), so that a batch of one trains as well.
    """

    dims: ClassVar[int] = 2
    inputs: int = Field(ge=1, description="channels of the picture")
    outputs: int = Field(ge=1, description="classes, the background among them")
    channels: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(description="of the maps, finest first")
    divisor: int = Field(default=32, ge=8, description="stride of the coarsest map, a power of 2")
    widths: tuple[PositiveInt, ...] = Field(default=_WIDTHS, description="channels of the levels, coarsest first")

    @model_validator(mode="after")
    def _one_width_for_each_level(self) -> MapDecoder:
        if self.divisor & (self.divisor - 1):
            raise ValueError(f"divisor {self.divisor} is no power of 2")
        if len(self.widths) != self.levels:
            raise ValueError(f"widths needs {self.levels} numbers, one for each doubling")
        return self

    @property
    def levels(self) -> int:
        """Doublings from the coarsest map to the picture."""
        return self.divisor.bit_length() - 1

    def make(self) -> nn.Module:
        return _MapDecoder(self)


class PyramidUNet(Net):
    """x_BCIJ to logits_BNIJ: an encoder and a decoder of its maps.

    Segmentation has columns first and encoders have rows first (x_BCJI), as they were pretrained: the net turns the
    picture before the encoder, and the logits back.

    Example:
        >>> net = PyramidUNet.build(encoder={"name": "resnet", "depth": 18, "factor": 0.5}, outputs=2)
        >>> net.decoder.channels, net.make()(torch.zeros(1, 3, 64, 32)).shape
        ((32, 64, 128, 256), torch.Size([1, 2, 64, 32]))
    """

    dims: ClassVar[int] = 2
    encoder: AnyPyramid = Field(description="resnet or bit")
    outputs: int = Field(ge=1, description="classes, the background among them")
    widths: tuple[PositiveInt, ...] | None = Field(
        default=None, description="channels of the decoder's levels, coarsest first; None: 256, halved at each level"
    )

    @model_validator(mode="after")
    def _has_a_decoder(self) -> PyramidUNet:
        _ = self.decoder
        return self

    @property
    def inputs(self) -> int | None:
        return self.encoder.inputs

    @property
    def divisor(self) -> int:
        return self.encoder.divisor

    @property
    def decoder(self) -> MapDecoder:
        """The decoder alone."""
        levels = self.divisor.bit_length() - 1
        return MapDecoder(
            inputs=self.encoder.inputs or 1,
            outputs=self.outputs,
            channels=self.encoder.channels,
            divisor=self.divisor,
            widths=self.widths or _WIDTHS[:levels],
        )

    @classmethod
    def of(cls, encoder: PyramidNet, decoder: MapDecoder) -> PyramidUNet:
        """Return the configuration of the net that an encoder and a decoder make together."""
        return cls(encoder=encoder, outputs=decoder.outputs, widths=decoder.widths)

    def make(self) -> nn.Module:
        return self.joined(self.encoder.make(), self.decoder.make())

    def joined(self, encoder: Pyramid, decoder: nn.Module) -> nn.Module:
        """Return the net of two existing networks."""
        return channels_last(_PyramidUNet(encoder, decoder))


class _PyramidUNet(nn.Module):
    def __init__(self, encoder: Pyramid, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, x_BCIJ: Tensor) -> Tensor:
        x_BCJI = x_BCIJ.transpose(2, 3)
        logits_BNJI: Tensor = self.decoder(self.encoder.maps(x_BCJI), x_BCJI)
        return logits_BNJI.transpose(2, 3)


class _MapDecoder(nn.Module):
    def __init__(self, config: MapDecoder) -> None:
        super().__init__()
        finer = config.widths[_PYRAMID_LEVELS:][::-1]  # finest first
        self.details = nn.ModuleList(
            _convolved(before, after, stride=1 if number == 0 else 2)
            for number, (before, after) in enumerate(pairwise((config.inputs, *finer)))
        )
        skips = (*config.channels[-2::-1], *finer[::-1])
        self.levels = nn.ModuleList(
            nn.Sequential(_convolved(before + skip, after), _convolved(after, after))
            for before, skip, after in zip(
                (config.channels[-1], *config.widths[:-1]), skips, config.widths, strict=True
            )
        )
        self.logits = nn.Conv2d(config.widths[-1], config.outputs, 1)

    def forward(self, maps: Maps, x_BCJI: Tensor) -> Tensor:
        fine = []  # finest first
        for detail in self.details:
            x_BCJI = detail(x_BCJI)
            fine.append(x_BCJI)
        y_BCJI = maps[-1]
        for level, skip_BCJI in zip(self.levels, (*maps[-2::-1], *fine[::-1]), strict=True):
            doubled_BCJI = nn.functional.interpolate(y_BCJI, scale_factor=2, mode="nearest")
            y_BCJI = level(torch.cat([doubled_BCJI, skip_BCJI], 1))
        logits_BNJI: Tensor = self.logits(y_BCJI)
        return logits_BNJI


def _convolved(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A convolution of 3 x 3, its norm over groups of channels, and ReLU."""
    norm = nn.GroupNorm(math.gcd(_GROUPS, after), after)
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, padding=1, bias=False), norm, nn.ReLU(inplace=True))
