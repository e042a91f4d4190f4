"""Table of coders."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from vesalius.errors import CorruptFileError, UsageError
from vesalius.named import Table

if TYPE_CHECKING:  # the names of the coders need no NumPy
    from vesalius.codec.coders.protocol import Coder

CODERS = Table(
    "coder",
    {
        "deflate": "vesalius.codec.coders.deflate:Deflate",
        "jpegls": "vesalius.codec.coders.jpegls:JpegLs",
        "jpeg2000": "vesalius.codec.coders.jpeg2000:Jpeg2000",
        "jpegxl": "vesalius.codec.coders.jpegxl:JpegXl",
        "x265": "vesalius.codec.coders.x265:X265",
        "svtav1": "vesalius.codec.coders.svtav1:SvtAv1",
        "wls": "vesalius.codec.coders.wls.coder:Wls",
    },
    error=UsageError,
    also=("auto",),
)
"""Their numbers in the file format (`Coder.id`) are never reused. Reserved: 17 cine, 18 learned, 19 tokens."""


@cache
def coder(name: str) -> Coder:
    """Return the coder called `name`; UsageError where there is none."""
    instance: Coder = CODERS.get(name, where=f"--coder {name}")()
    return instance


def coder_by_id(number: int, name: str = "") -> Coder:
    """Return the coder with this number in the file format.

    Args:
        number: the number.
        name: the name that the file states; only a hint, which spares the import of other coders.

    Raises:
        CorruptFileError: no such number in this version.
    """
    for known in sorted(CODERS, key=lambda entry: entry != name):
        if coder(known).id == number:
            return coder(known)
    raise CorruptFileError(f"coder number {number} is unknown to this version", fix="update vesalius")
