"""The shapes that all encoders share: a vector of the whole image, one of each place, and maps in a pyramid.

Letters: B batch, C channel, J rows, I columns, L places (row by row), D width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import BeforeValidator, SerializeAsAny
from torch import Tensor, nn

from vesalius.errors import UsageError
from vesalius.nets.net import Net

Maps: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]
"""The ends of block groups 1 to 4, finest first."""


class EncoderNet(Net):
    """A network whose module gives (whole_BD, places_BLD); it declares `width`, the D of both.

    A place is a patch of a transformer or a cell of the last map; its side is `divisor` voxels of the input.
    """

    outputs: ClassVar[None] = None

    if TYPE_CHECKING:  # a field in some encoders, a property in others

        @property
        @abstractmethod
        def width(self) -> int: ...


class Pyramid(nn.Module, ABC):
    """A residual network for pictures: a stem and four block groups, each but the first half as fine as the one before.

    Fine-tuning, decoders, class activation maps and exports rest on `groups` and `maps` alone.
    """

    @abstractmethod
    def groups(self) -> list[list[nn.Module]]:
        """Return the modules of the stem (number 0) and of block groups 1 to 4; together they hold every tensor.

        A norm that follows the last group belongs to it.
        """

    @abstractmethod
    def maps(self, x_BCJI: Tensor) -> Maps:
        """Return the end of each block group, shape (B, channels, J / stride, I / stride)."""

    def forward(self, x_BCJI: Tensor) -> tuple[Tensor, Tensor]:
        """Return (whole_BD, places_BLD): the mean of the last map, and its cells row by row."""
        places_BLD = self.maps(x_BCJI)[-1].flatten(2).transpose(1, 2)
        return places_BLD.mean(1), places_BLD


class PyramidNet(EncoderNet):
    """An encoder that makes a `Pyramid`; it declares `channels`, those of the maps of block groups 1 to 4.

    The strides of the maps are `divisor` / 8, / 4, / 2 and `divisor`: 4, 8, 16 and 32 with the usual stem.
    """

    dims: ClassVar[int] = 2

    if TYPE_CHECKING:  # as above

        @property
        @abstractmethod
        def channels(self) -> tuple[int, int, int, int]: ...

    @property
    def width(self) -> int:
        return self.channels[-1]

    @abstractmethod
    def make(self) -> Pyramid:
        """Return the network, freshly initialized from PyTorch's global generator."""


def check_pictures(net: EncoderNet, shape: Sequence[int], where: str | None = None) -> None:
    """Raise UsageError if an encoder of pictures takes other channels or sizes.

    Args:
        net: the encoder.
        shape: of the pictures; its last axes are C, J, I.
        where: the key that decides the shape, for the message.
    """
    channels, *sides = shape[-3:]
    if channels != net.inputs or any(side % net.divisor for side in sides):
        given = f"{_channels(channels)} of {sides[0]} x {sides[1]} pixels"
        fix = f"give it {_channels(net.inputs)} and multiples of {net.divisor} pixels"
        raise UsageError(f"the encoder does not take {given}", where=where, fix=fix)


def _channels(count: int | None) -> str:
    return f"{count} {'channel' if count == 1 else 'channels'}"


def _encoder(given: Any) -> Any:
    net = Net.read(given)
    if isinstance(net, Net) and not isinstance(net, EncoderNet):
        raise ValueError("is not an encoder")
    return net


AnyEncoder: TypeAlias = Annotated[SerializeAsAny[EncoderNet], BeforeValidator(_encoder)]
"""A field of a configuration that holds an encoder or its table."""
