"""Signed integers as adaptive Rice codes: the weights of the predictors."""

from __future__ import annotations

from collections.abc import Iterable

from vesalius.errors import CorruptFileError

_LONGEST = 24
_FADE = 8


class _Width:
    """Number of plain bits, from the mean of the numbers so far."""

    def __init__(self) -> None:
        self.total, self.count = 64, 1

    def bits(self) -> int:
        bits = 0
        while self.count << bits < self.total:
            bits += 1
        return bits

    def learn(self, folded: int) -> None:
        self.total += folded
        self.count += 1
        if self.count == _FADE:
            self.total, self.count = self.total >> 1, self.count >> 1


def write(numbers: Iterable[int]) -> bytes:
    """Write numbers of at most 17 bits as bytes, highest bit first, filled up with zeros.

    Example:
        >>> read(write([0, -1, 5, 40]), 4)
        [0, -1, 5, 40]

    v becomes 2 v, or -2 v - 1 where it is negative. With w plain bits: the rest in unary (ones, then a zero), then the
    plain bits; from 24 ones on there is no zero, and 18 plain bits give the whole.
    """
    out: list[str] = []
    width = _Width()
    for number in numbers:
        folded = 2 * number if number >= 0 else -2 * number - 1
        bits = width.bits()
        if folded >> bits >= _LONGEST:
            out.append("1" * _LONGEST + f"{folded:018b}")
        else:
            out.append("1" * (folded >> bits) + "0" + (f"{folded & (1 << bits) - 1:0{bits}b}" if bits else ""))
        width.learn(folded)
    text = "".join(out)
    text += "0" * (-len(text) % 8)
    return int("1" + text, 2).to_bytes(len(text) // 8 + 1, "big")[1:]


def read(data: bytes, count: int) -> list[int]:
    """Invert `write` for `count` numbers. Raises CorruptFileError where the bytes end early or go on."""
    text = bin(int.from_bytes(b"\1" + data, "big"))[3:]
    place, numbers = 0, []
    width = _Width()
    for _ in range(count):
        bits = width.bits()
        stop = text.find("0", place, place + _LONGEST)
        ones = (stop if stop >= 0 else place + _LONGEST) - place
        start = place + ones + (ones < _LONGEST)
        wide = bits if ones < _LONGEST else 18
        place = start + wide
        if place > len(text):
            raise CorruptFileError("the weights of a chunk end early")
        plain = int(text[start:place], 2) if wide else 0
        folded = (ones << bits) + plain if ones < _LONGEST else plain
        width.learn(folded)
        numbers.append(folded >> 1 if folded % 2 == 0 else -(folded + 1) // 2)
    if len(text) - place >= 8 or "1" in text[place:]:
        raise CorruptFileError("the weights of a chunk have bytes left over")
    return numbers
