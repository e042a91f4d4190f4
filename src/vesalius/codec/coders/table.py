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
"""name -> "module:Class". The class states its number in the file format; 17 cine, 18 learned and 19 tokens are
reserved."""


def names() -> tuple[str, ...]:
    """The words that `--coder` takes, besides "auto"."""
    return tuple(_CODERS)


@cache
def coder(name: str) -> Coder:
    """Return the coder called `name`.

    Raises:
        UsageError: no such coder.
    """
    if name not in _CODERS:
        raise UsageError(f"no coder {name!r}", where="--coder", fix=f"choose one of auto, {', '.join(_CODERS)}")
    module, cls = _CODERS[name].split(":")
    instance: Coder = getattr(importlib.import_module(module), cls)()
    return instance


def coder_by_id(number: int, name: str = "") -> Coder:
    """Return the coder with this number in the file format.

    Args:
        number: the number.
        name: name that the file states; only a hint, which spares the import of other coders.

    Raises:
        CorruptFileError: no such number in this version.
    """
    for known in sorted(names(), key=lambda other: other != name):
        if coder(known).id == number:
            return coder(known)
    raise CorruptFileError(f"coder number {number} is unknown to this version", fix="update vesalius")
