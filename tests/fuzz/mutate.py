"""Damage by class and number: the same everywhere, so a failure is named by (format, class, number)."""

from dataclasses import dataclass

import numpy as np

from vesalius.seeding import generator

EXTREME = (b"\0\0", b"\xff\xff", b"\x7f\xff", b"\xff\x7f", b"\x80\0", b"\0\x80", b"\0\0\xc0\x7f", b"\0\0\x80\x7f")
"""Runs that make numbers extreme: zero, largest, smallest, NaN, infinity."""


@dataclass(frozen=True)
class Mutation:
    """Changed bytes and where the first of them lies."""

    data: bytes
    start: int


def flip(data: bytes, rng: np.random.Generator) -> Mutation:
    """One bit."""
    return _set(data, place := int(rng.integers(len(data))), bytes([data[place] ^ 1 << int(rng.integers(8))]))


def byte(data: bytes, rng: np.random.Generator) -> Mutation:
    """One byte becomes any other."""
    return _set(data, place := int(rng.integers(len(data))), bytes([data[place] ^ int(rng.integers(1, 256))]))


def head(data: bytes, rng: np.random.Generator) -> Mutation:
    """One byte near the start, where headers are."""
    return _set(data, place := int(rng.integers(min(len(data), 600))), bytes([data[place] ^ int(rng.integers(1, 256))]))


def extreme(data: bytes, rng: np.random.Generator) -> Mutation:
    """A number near the start becomes extreme."""
    return _set(data, int(rng.integers(min(len(data), 600))), EXTREME[rng.integers(len(EXTREME))])


def cut(data: bytes, rng: np.random.Generator) -> Mutation:
    """The end is missing."""
    start = int(rng.integers(len(data)))
    return Mutation(data[:start], start)


def longer(data: bytes, rng: np.random.Generator) -> Mutation:
    """Something follows."""
    return Mutation(data + rng.bytes(int(rng.integers(1, 2000))), len(data))


def drop(data: bytes, rng: np.random.Generator) -> Mutation:
    """A piece is missing within."""
    start = int(rng.integers(len(data)))
    return Mutation(data[:start] + data[start + int(rng.integers(1, 65)) :], start)


def twice(data: bytes, rng: np.random.Generator) -> Mutation:
    """A piece stands there twice."""
    start = int(rng.integers(len(data)))
    stop = start + int(rng.integers(1, 65))
    return Mutation(data[:stop] + data[start:], start)


def blank(data: bytes, rng: np.random.Generator) -> Mutation:
    """A run of zeros, as a lost sector leaves it."""
    return _set(data, int(rng.integers(len(data))), bytes(int(rng.integers(1, 513))))


def noise(data: bytes, rng: np.random.Generator) -> Mutation:
    """A run of anything."""
    return _set(data, int(rng.integers(len(data))), rng.bytes(int(rng.integers(2, 65))))


def swap(data: bytes, rng: np.random.Generator) -> Mutation:
    """Two pieces change places."""
    length = int(rng.integers(1, max(2, min(65, len(data) // 2))))
    first, second = sorted(int(place) for place in rng.integers(0, max(1, len(data) - length), 2))
    second = max(second, first + length)
    pieces = data[:first], data[first : first + length], data[first + length : second]
    return Mutation(pieces[0] + data[second : second + length] + pieces[2] + pieces[1] + data[second + length :], first)


def empty(data: bytes, rng: np.random.Generator) -> Mutation:
    """Nothing at all, or nothing but zeros."""
    return Mutation(bytes(len(data)) if rng.integers(2) else b"", 0)


CLASSES = {
    mutation.__name__: mutation
    for mutation in (flip, byte, head, extreme, cut, longer, drop, twice, blank, noise, swap, empty)
}


def mutated(data: bytes, kind: str, name: str, number: int) -> Mutation:
    """Mutation `number` of the class `kind` of the format `name`."""
    return CLASSES[kind](data, generator("fuzz", name, kind, number))


def _set(data: bytes, start: int, piece: bytes) -> Mutation:
    piece = piece[: len(data) - start]
    return Mutation(data[:start] + piece + data[start + len(piece) :], start)
