"""The shape that all encoders share: one vector for the whole image and one for each of its places.

Letters: B batch, L places (row by row), D width.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import BeforeValidator, SerializeAsAny

from vesalius.nets.net import Net


class EncoderNet(Net):
    """A network whose module gives (whole_BD, places_BLD); it declares `width`, the D of both.

    A place is a patch of a transformer or a cell of the last map; its side is `divisor` voxels of the input.
    """

    outputs: ClassVar[None] = None

    if TYPE_CHECKING:  # a field in some encoders, a property in others

        @property
        @abstractmethod
        def width(self) -> int: ...


def _encoder(given: Any) -> Any:
    net = Net.read(given)
    if isinstance(net, Net) and not isinstance(net, EncoderNet):
        raise ValueError("is not an encoder")
    return net


AnyEncoder: TypeAlias = Annotated[SerializeAsAny[EncoderNet], BeforeValidator(_encoder)]
"""A field of a configuration that holds an encoder or its table."""
