"""What encoders of captions share: a caption becomes tokens of one width.

Letters: B captions, L tokens, D width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias

from pydantic import BeforeValidator, SerializeAsAny

from vesalius.nets.net import Net


class TextNet(Net):
    """A network whose module takes a list of captions and gives (text_BLD, kept_BL); it declares `width`, the D.

    `kept` marks the tokens that are text. `trained` says whether it learns with the net that it serves.
    """

    dims: ClassVar[None] = None
    inputs: ClassVar[None] = None
    outputs: ClassVar[None] = None
    divisor: ClassVar[int] = 1
    trained: ClassVar[bool] = True

    if TYPE_CHECKING:  # a field in some encoders, a property in others

        @property
        def width(self) -> int: ...


def _text(given: Any) -> Any:
    net = Net.read(given)
    if isinstance(net, Net) and not isinstance(net, TextNet):
        raise ValueError("is no encoder of text")
    return net


AnyText: TypeAlias = Annotated[SerializeAsAny[TextNet], BeforeValidator(_text)]
"""A field of a configuration that holds an encoder of text or its table."""
