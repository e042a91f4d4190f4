"""Tiers: ways to turn the stored values of a chunk into a payload and back.

`LosslessTier` gives back every bit. `LossyTier` rounds to the depth of a lossy coder. `BoundedTier` adds a quantised
residual, coded exactly, to a lossy base or to nothing, so that no value is off by more than half a step.
Letters: C channel, T time, I J voxel axes of one chunk.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.integer_keys import IntegerKeys
from vesalius.codec.mapping import ExactMap, Offset
from vesalius.codec.sequences import SequenceReader, encode_sequence
from vesalius.errors import CorruptFileError

Shape = tuple[int, int, int, int]
_QUANTA = struct.Struct("<qB")


class Tier(Protocol):
    """One way of coding a scan."""

    @property
    def coder(self) -> Coder:
        """The coder whose number stands at each chunk."""
        ...

    @property
    def exact(self) -> bool:
        """True where every conforming decoder gives the same numbers."""
        ...

    def encode(self, stored_CTIJ: NDArray[Any], quality: float | None, threads: int) -> bytes:
        """Stored values of one chunk to a payload; `quality` is a rung of the coder's ladder or None.

        Up to `threads` channels are coded at a time.
        """
        ...

    def decode(self, payload: bytes, shape_CTIJ: Shape) -> NDArray[Any]:
        """A payload to stored values. Raises CorruptFileError where the payload is not such a chunk."""
        ...


@dataclass(frozen=True, eq=False)
class LosslessTier:
    """Keys of the stored values, cut into planes by an exact map, each plane coded losslessly."""

    coder: Coder
    keys: IntegerKeys
    map: ExactMap

    @property
    def exact(self) -> bool:
        """Always."""
        return True

    def encode(self, stored_CTIJ: NDArray[Any], quality: float | None = None, threads: int = 1) -> bytes:
        """See Tier; `quality` plays no part."""
        planes = self.map.split(self.keys.to_keys(stored_CTIJ))
        pairs = zip(planes, self.map.plane_bits, strict=True)
        return b"".join(encode_sequence(plane, bits, self.coder, None, threads) for plane, bits in pairs)

    def decode(self, payload: bytes, shape_CTIJ: Shape) -> NDArray[Any]:
        """See Tier."""
        c, t, i, j = shape_CTIJ
        reader, shape = SequenceReader(payload), (c * self.keys.components, t, i, j)
        planes = [reader.decode(shape, bits, self.coder) for bits in self.map.plane_bits]
        reader.finish()
        return self.keys.to_stored(self.map.join(planes, self.keys.bits))


@dataclass(frozen=True, eq=False)
class LossyTier:
    """picture = round((stored - low) / step), coded lossily; non-finite values are kept in a mask.

    Args:
        coder: coder of the pictures.
        dtype: stored dtype (integer or float).
        low: stored value of picture value 0.
        step: stored difference of one picture value.
        masked: each payload starts with the mask of non-finite values.
    """

    coder: Coder
    dtype: np.dtype[Any]
    low: float
    step: float
    masked: bool

    @property
    def exact(self) -> bool:
        """As the coder's lossy decoder is."""
        return self.coder.exact_lossy

    def encode(self, stored_CTIJ: NDArray[Any], quality: float | None, threads: int = 1) -> bytes:
        """See Tier."""
        values, mask = _finite(stored_CTIJ, self.low, self.masked)
        top = (1 << self.coder.lossy_bits) - 1
        pictures = np.clip(np.rint((values - self.low) / self.step), 0, top).astype(np.uint16)
        return mask + encode_sequence(pictures, self.coder.lossy_bits, self.coder, quality, threads)

    def decode(self, payload: bytes, shape_CTIJ: Shape) -> NDArray[Any]:
        """See Tier."""
        reader = SequenceReader(payload)
        mask = _read_mask(reader, shape_CTIJ, self.masked)
        values = self.decode_values(reader, shape_CTIJ)
        reader.finish()
        return _unmask(_to_dtype(values, self.dtype), mask)

    def decode_values(self, reader: SequenceReader, shape_CTIJ: Shape) -> NDArray[np.float64]:
        """The pictures as float64 stored values, before rounding to the dtype."""
        pictures = reader.decode(shape_CTIJ, self.coder.lossy_bits, self.coder)
        with np.errstate(over="ignore"):  # a hostile step; the sum is clipped
            return self.low + self.step * pictures.astype(np.float64)


@dataclass(frozen=True, eq=False)
class BoundedTier:
    """stored = base + step * quantum, the quanta coded exactly: no value is off by more than half a step.

    Args:
        coder: exact coder of the quanta.
        dtype: stored dtype (integer or float).
        low: base where there is no lossy base.
        step: stored difference of one quantum: 2 E + 1 for integers, just under 2 E for floats.
        masked: each payload starts with the mask of non-finite values.
        base: lossy tier with an exact decoder, or None.
        base_quality: rung of the base's ladder (only the encoder needs it).
    """

    coder: Coder
    dtype: np.dtype[Any]
    low: float
    step: float
    masked: bool
    base: LossyTier | None = None
    base_quality: float | None = None

    @property
    def exact(self) -> bool:
        """Always: the base decodes exactly on every machine, and so does the residual."""
        return True

    def encode(self, stored_CTIJ: NDArray[Any], quality: float | None = None, threads: int = 1) -> bytes:
        """See Tier; `quality` plays no part."""
        values, mask = _finite(stored_CTIJ, self.low, self.masked)
        coded_base, base = b"", np.full(values.shape, self.low)
        if self.base is not None:
            coded_base = self.base.encode(values.astype(np.float64), self.base_quality, threads)
            base = self._base_values(SequenceReader(coded_base), _shape(values))
        quanta = np.rint((values - base) / self.step).astype(np.int64)
        low, span = int(quanta.min()), int(quanta.max() - quanta.min())
        planes = _plane_bits(span)
        parts = Offset(0, planes).split((quanta - low).astype(np.uint64))
        coded = [
            encode_sequence(part, bits, self.coder, None, threads) for part, bits in zip(parts, planes, strict=True)
        ]
        return b"".join([mask, coded_base, _QUANTA.pack(low, max(1, span.bit_length())), *coded])

    def decode(self, payload: bytes, shape_CTIJ: Shape) -> NDArray[Any]:
        """See Tier."""
        reader = SequenceReader(payload)
        mask = _read_mask(reader, shape_CTIJ, self.masked)
        base: NDArray[np.float64] | float = self.low
        if self.base is not None:
            base = self._base_values(reader, shape_CTIJ)
        low, bits = reader.take(_QUANTA)
        if not 1 <= bits <= 64:
            raise CorruptFileError("the residual has an impossible depth")
        planes = _plane_bits((1 << bits) - 1)
        parts = [reader.decode(shape_CTIJ, depth, self.coder) for depth in planes]
        reader.finish()
        quanta = Offset(0, planes).join(parts, 64).astype(np.int64) + low
        with np.errstate(over="ignore", invalid="ignore"):  # a hostile step; the sum is clipped
            values = base + self.step * quanta.astype(np.float64)
        return _unmask(_to_dtype(values, self.dtype), mask)

    def _base_values(self, reader: SequenceReader, shape_CTIJ: Shape) -> NDArray[np.float64]:
        assert self.base is not None
        values = self.base.decode_values(reader, shape_CTIJ)
        return np.rint(values) if self.dtype.kind in "iu" else values


def _shape(array: NDArray[Any]) -> Shape:
    c, t, i, j = array.shape
    return c, t, i, j


def _plane_bits(span: int) -> tuple[int, ...]:
    bits = max(1, span.bit_length())
    return tuple(([bits % 16] if bits % 16 else []) + [16] * (bits // 16))


def _finite(stored_CTIJ: NDArray[Any], fill: float, masked: bool) -> tuple[NDArray[np.float64], bytes]:
    """Float64 values with non-finite ones replaced, and the coded mask (1 NaN, 2 +Inf, 3 -Inf)."""
    values = stored_CTIJ.astype(np.float64)
    if not masked:
        return values, b""
    mask = np.isnan(values) * 1 + np.isposinf(values) * 2 + np.isneginf(values) * 3
    return np.where(mask, fill, values), encode_sequence(mask.astype(np.uint16), 2, coder_named("deflate"), None)


def _read_mask(reader: SequenceReader, shape_CTIJ: Shape, masked: bool) -> NDArray[Any] | None:
    return reader.decode(shape_CTIJ, 2, coder_named("deflate")) if masked else None


def _unmask(stored: NDArray[Any], mask: NDArray[Any] | None) -> NDArray[Any]:
    if mask is None:
        return stored
    choices = np.array([0, np.nan, np.inf, -np.inf]).astype(stored.dtype)
    return np.where(mask > 0, choices[np.minimum(mask, 3)], stored).astype(stored.dtype, copy=False)


def _to_dtype(values: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Round to an integer dtype or cast to a float one, clipped to its finite range."""
    if dtype.kind == "f":
        largest = float(np.finfo(dtype).max)
        return np.clip(values, -largest, largest).astype(dtype)
    limits = np.iinfo(dtype)
    clipped = np.clip(np.nan_to_num(np.rint(values)), float(limits.min), float(limits.max))
    if dtype.itemsize == 8:  # float64 rounds 2**63 - 1 up: keep the cast in range
        clipped = np.minimum(clipped, np.nextafter(float(limits.max), 0))
    return clipped.astype(dtype)
