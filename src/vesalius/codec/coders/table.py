"""The one table of coders."""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING

from vesalius.errors import CorruptFileError, UsageError

if TYPE_CHECKING:  # the names of the coders need no NumPy
    from vesalius.codec.coders.protocol import Coder

_CODERS = {
    "deflate": "vesalius.codec.coders.deflate:Deflate",
    "jpegls": "vesalius.codec.coders.jpegls:JpegLs",
    "jpeg2000": "vesalius.codec.coders.jpeg2000:Jpeg2000",
    "jpegxl": "vesalius.codec.coders.jpegxl:JpegXl",
    "x265": "vesalius.codec.coders.x265:X265",
    "svtav1": "vesalius.codec.coders.svtav1:SvtAv1",
    "wls": "vesalius.codec.coders.wls.coder:Wls",
}
"""name -> "module:Class"."""

_NAMES_BY_ID = {1: "deflate", 2: "jpegls", 3: "jpeg2000", 4: "jpegxl", 5: "x265", 6: "svtav1", 16: "wls"}
"""Numbers in the file format, never reused. Reserved: 17 cine, 18 learned, 19 tokens."""


def names() -> tuple[str, ...]:
    """The words that `--coder` takes, besides "auto"."""
    return tuple(_CODERS)


@cache
def coder(name: str) -> Coder:
    """The coder called `name`.

    Raises:
        UsageError: no such coder.
    """
    if name not in _CODERS:
        raise UsageError(f"no coder {name!r}", where="--coder", fix=f"choose one of auto, {', '.join(_CODERS)}")
    module, cls = _CODERS[name].split(":")
    made: Coder = getattr(importlib.import_module(module), cls)()
    return made


def coder_by_id(number: int) -> Coder:
    """The coder with this number in the file format.

    Raises:
        CorruptFileError: no such number in this version.
    """
    if number not in _NAMES_BY_ID:
        raise CorruptFileError(f"coder number {number} is unknown to this version", fix="update vesalius")
    return coder(_NAMES_BY_ID[number])
