"""The first fields of a JPEG XL code stream (ISO/IEC 18181-1): picture size and depth, read before decoding.

Letters: J rows, I columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from vesalius.errors import CorruptFileError

SIGNATURE = b"\xff\x0a"
"""How a bare code stream begins."""

_HEADER_BYTES = 24
_RATIOS = (
    None,
    Fraction(1),
    Fraction(6, 5),
    Fraction(4, 3),
    Fraction(3, 2),
    Fraction(16, 9),
    Fraction(5, 4),
    Fraction(2),
)
_SIDE_BITS = (9, 13, 18, 30)
_DEPTHS = (8, 10, 12)


@dataclass(frozen=True)
class JpegXlHeader:
    """What a stream claims: shape (J, I) and depth in bits."""

    shape_JI: tuple[int, int]
    bits: int


def read_header(stream: bytes) -> JpegXlHeader:
    """Read a bare code stream's SizeHeader and the start of its ImageMetadata.

    Raises:
        CorruptFileError: not a code stream, or one with what our pictures never have: a preview, an animation, a
            rotation, floating-point samples or extra channels.
    """
    if not stream.startswith(SIGNATURE):
        raise CorruptFileError("a picture is not a JPEG XL code stream")
    bits = _Bits(stream[len(SIGNATURE) : _HEADER_BYTES])
    small = bool(bits.take(1))
    rows = _side(bits, small)
    ratio = _RATIOS[bits.take(3)]
    columns = _side(bits, small) if ratio is None else int(rows * ratio)
    all_default, extra_fields, is_float = bits.take(1), bits.take(1), bits.take(1)
    selector = bits.take(2)
    depth = _DEPTHS[selector] if selector < len(_DEPTHS) else 1 + bits.take(6)
    bits.take(1)  # whether 16-bit buffers are enough for the modular mode
    extra_channels = bits.take(2)
    if all_default or extra_fields or is_float or extra_channels:
        raise CorruptFileError("a JPEG XL picture is not a plain grey one")
    return JpegXlHeader((rows, columns), depth)


def _side(bits: _Bits, small: bool) -> int:
    return 8 * (1 + bits.take(5)) if small else 1 + bits.take(_SIDE_BITS[bits.take(2)])


class _Bits:
    """Bits of a byte string, lowest first; zeros beyond its end."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value
