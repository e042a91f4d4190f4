"""Byte strings inside a chunk: lists in which each stands behind its length; inflating to a known size.

Lengths are LEB128: seven bits a byte, lowest first, the high bit says that another byte follows.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from vesalius.errors import CorruptFileError

_MAX_LENGTH_BYTES = 6


def join(parts: Sequence[bytes]) -> bytes:
    """Join parts, each behind its length.

    Example:
        >>> split(join([b"ab", b""]), most=2)
        [b'ab', b'']
    """
    return b"".join(leb128(len(part)) + part for part in parts)


def split(data: bytes, most: int) -> list[bytes]:
    """Split the result of `join`.

    Args:
        data: the joined bytes.
        most: more parts than this are refused before they are listed.

    Raises:
        CorruptFileError: a length points beyond the end, or there are more than `most` parts.
    """
    parts: list[bytes] = []
    start = 0
    while start < len(data):
        length, start = read_leb128(data, start)
        if length > len(data) - start or len(parts) == most:
            raise CorruptFileError("the lengths inside a chunk do not fit its bytes")
        parts.append(data[start : start + length])
        start += length
    return parts


def leb128(number: int) -> bytes:
    """Return a number >= 0 in LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_leb128(data: bytes, start: int) -> tuple[int, int]:
    """Return the LEB128 number at `start` and the position behind it. Raises CorruptFileError where it is cut short."""
    number = 0
    for place, byte in enumerate(data[start : start + _MAX_LENGTH_BYTES]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, start + place + 1
    raise CorruptFileError("a length inside a chunk is cut short")


def inflate(
    data: bytes,
    size: int,
    name: str,
    *,
    least: int | None = None,
    wbits: int = zlib.MAX_WBITS,
    dictionary: bytes = b"",
) -> bytes:
    """Inflate a zlib stream (a raw one where `wbits` is negative) to `size` bytes, or to `least` to `size` of them.

    `dictionary` is the one that a raw stream was deflated with.

    No more than that is taken in memory.

    Raises:
        CorruptFileError: not such a stream, or one of another length; the message begins with `name`.
    """
    stream = zlib.decompressobj(wbits, dictionary) if dictionary else zlib.decompressobj(wbits)
    try:
        raw = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise CorruptFileError(f"{name} cannot be inflated") from error
    if not (size if least is None else least) <= len(raw) <= size or not stream.eof or stream.unused_data:
        raise CorruptFileError(f"{name} has another length than stated")
    return raw
