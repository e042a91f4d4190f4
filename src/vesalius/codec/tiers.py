"""Tiers: ways to turn the stored values of a chunk into a payload and back.

`LosslessTier` gives back every bit. `LossyTier` rounds to the depth of a lossy coder. `BoundedTier` adds a quantised
residual, coded exactly, to a lossy base or to nothing, so that no value is off by more than half a step. Each tier
writes its record in the header and is read from it.
Letters: C channel, T time, I J voxel axes of one chunk.
"""

from __future__ import annotations

import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.chunking import Chunking
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.coders.table import coder_by_id
from vesalius.codec.header import BoundedRecord, LosslessRecord, LossyRecord, TierRecord, TokensRecord
from vesalius.codec.mapping import ExactMap, IntegerKeys, Offset, Rank, pack_table, plane_bits, unpack_table
from vesalius.codec.options import Access
from vesalius.codec.sequences import SequenceReader, encode_sequence
from vesalius.codec.survey import Survey
from vesalius.errors import CorruptFileError
from vesalius.scan.intensity import Intensity
from vesalius.scan.scan import Scan

Shape = tuple[int, ...]
Attachment = Callable[[int], bytes]
"""Reads an attachment of the file by its number."""
_QUANTA = struct.Struct("<qB")
_EXACT = 1 << 53
"""Integers up to this magnitude are exact in float64."""
_ROUNDINGS = 4
"""Roundings between a stored value and a restored one or a real difference: product, sum, type, and one to spare."""


@dataclass(frozen=True, eq=False)
class Tier(ABC):
    """One way of coding a scan; the number of its `coder` stands at each chunk."""

    coder: Coder
    name: ClassVar[Literal["lossless", "lossy", "tokens"]] = "lossy"

    @property
    @abstractmethod
    def exact(self) -> bool:
        """True where every conforming decoder gives the same numbers."""

    @property
    def label(self) -> str:
        """Its coders, for messages, e.g. "svtav1 + jpegxl"."""
        return self.coder.name

    @property
    def table(self) -> bytes | None:
        """Packed table of values, which the file attaches; None for a tier without one."""
        return None

    @abstractmethod
    def encode(self, stored_CTIJ: NDArray[Any], quality: float | None = None, threads: int = 1) -> bytes:
        """Code the stored values of one chunk, up to `threads` channels at a time.

        `quality` is a rung of the coder's ladder; tiers other than `LossyTier` ignore it.
        """

    @abstractmethod
    def decode(self, payload: bytes, shape_CTIJ: Shape) -> NDArray[Any]:
        """Restore stored values. Raises CorruptFileError where the payload is not such a chunk."""

    @abstractmethod
    def record(self, chunking: Chunking, target: str, table_blob: int | None = None) -> TierRecord:
        """Return the header's record of this tier; `table_blob` is the number of the attachment that holds `table`."""

    def chunking(self, shape: tuple[int, int, int, int, int], access: Access) -> Chunking:
        """Cut a scan into chunks: grouping pictures pays only for coders that use what neighbours share."""
        return Chunking.of(shape, access, temporal=self.coder.temporal, stacked=self.coder.stacks)

    def _facts(self, chunking: Chunking, target: str) -> dict[str, Any]:
        """Values that all records share."""
        return {
            "name": self.name,
            "coder": self.coder.name,
            "coder_id": self.coder.id,
            "coder_version": self.coder.version,
            "frames_per_chunk": chunking.frames_per_chunk,
            "slices_per_chunk": chunking.slices_per_chunk,
            "exact": self.exact,
            "target": target,
        }


@dataclass(frozen=True, eq=False)
class LosslessTier(Tier):
    """Keys of the stored values, cut into planes by an exact map, each plane coded losslessly."""

    keys: IntegerKeys
    map: ExactMap
    name = "lossless"
    exact = True

    @property
    def table(self) -> bytes | None:
        return pack_table(self.map.table) if isinstance(self.map, Rank) else None

    def encode(self, stored_CTIJ: NDArray[Any], quality: float | None = None, threads: int = 1) -> bytes:
        planes = self.map.split(self.keys.to_keys(stored_CTIJ))
        pairs = zip(planes, self.map.plane_bits, strict=True)
        return b"".join(encode_sequence(plane, bits, self.coder, None, threads) for plane, bits in pairs)

    def decode(self, payload: bytes, shape_CTIJ: Shape) -> NDArray[Any]:
        c, t, i, j = shape_CTIJ
        reader, shape = SequenceReader(payload), (c * self.keys.components, t, i, j)
        planes = [reader.decode(shape, bits, self.coder) for bits in self.map.plane_bits]
        reader.finish()
        return self.keys.to_stored(self.map.join(planes, self.keys.bits))

    def record(self, chunking: Chunking, target: str, table_blob: int | None = None) -> LosslessRecord:
        if isinstance(self.map, Rank):
            facts: dict[str, Any] = {"table_blob": table_blob, "table_length": len(self.map.table)}
        else:
            facts = {"low": self.map.low}
        facts |= {"plane_bits": self.map.plane_bits, "whole": self.keys.whole}
        return LosslessRecord(kind="lossless", **facts, **self._facts(chunking, target))

    @classmethod
    def read(cls, record: LosslessRecord, coder: Coder, dtype: np.dtype[Any], attachment: Attachment) -> LosslessTier:
        """Build the tier of a record. Raises CorruptFileError where the record is impossible."""
        if record.whole and (dtype.kind != "f" or dtype.itemsize > 8):
            raise CorruptFileError("a tier codes numbers as whole floats that are not floats")
        keys, depths = IntegerKeys(dtype, whole=record.whole), record.plane_bits
        if not depths or not all(1 <= bits <= coder.lossless_bits for bits in depths) or sum(depths) > keys.bits:
            raise CorruptFileError("the planes of a tier have an impossible depth")
        if record.table_blob is None:
            if not 0 <= record.low < 1 << keys.bits:
                raise CorruptFileError("the offset of a tier is impossible")
            return cls(coder, keys, Offset(record.low, depths))
        if not record.table_length or len(depths) != 1:
            raise CorruptFileError("the table of values is empty")
        return cls(coder, keys, Rank(unpack_table(attachment(record.table_blob), record.table_length)))


@dataclass(frozen=True, eq=False)
class RealTier(Tier):
    """Tier of real numbers: low + step * number; non-finite values are kept in a mask.

    Args:
        dtype: stored dtype (integer or float).
        low: stored value of number 0.
        step: stored difference of one number.
        masked: each payload starts with the mask of non-finite values.
    """

    dtype: np.dtype[Any]
    low: float
    step: float
    masked: bool

    def decode(self, payload: bytes, shape_CTIJ: Shape) -> NDArray[Any]:
        reader = SequenceReader(payload)
        mask = self.mask(reader, shape_CTIJ)
        stored = _to_dtype(self.decode_values(reader, shape_CTIJ), self.dtype)
        reader.finish()
        if mask is None:
            return stored
        choices = np.array([0, np.nan, np.inf, -np.inf]).astype(stored.dtype)
        return np.where(mask > 0, choices[np.minimum(mask, 3)], stored).astype(stored.dtype, copy=False)

    def mask(self, reader: SequenceReader, shape_CTIJ: Shape) -> NDArray[Any] | None:
        """Return the mask that a payload begins with; None where the tier has none."""
        return reader.decode(shape_CTIJ, 2, coder_named("deflate")) if self.masked else None

    @abstractmethod
    def decode_values(self, reader: SequenceReader, shape_CTIJ: Shape) -> NDArray[np.float64]:
        """Return the finite values as float64 stored values, before rounding to the dtype."""

    def finite(self, stored_CTIJ: NDArray[Any]) -> tuple[NDArray[np.float64], bytes]:
        """Return float64 values with non-finite ones replaced, and the coded mask (1 NaN, 2 +Inf, 3 -Inf)."""
        values = stored_CTIJ.astype(np.float64)
        if not self.masked:
            return values, b""
        mask = (np.isnan(values) * 1 + np.isposinf(values) * 2 + np.isneginf(values) * 3).astype(np.uint16)
        return np.where(mask, self.low, values), encode_sequence(mask, 2, coder_named("deflate"), None)


@dataclass(frozen=True, eq=False)
class LossyTier(RealTier):
    """picture = round((stored - low) / step), coded lossily."""

    @property
    def exact(self) -> bool:
        return self.coder.exact_lossy

    def encode(self, stored_CTIJ: NDArray[Any], quality: float | None = None, threads: int = 1) -> bytes:
        values, mask = self.finite(stored_CTIJ)
        top = (1 << self.coder.lossy_bits) - 1
        pictures = np.clip(np.rint((values - self.low) / self.step), 0, top).astype(np.uint16)
        return mask + encode_sequence(pictures, self.coder.lossy_bits, self.coder, quality, threads)

    def decode_values(self, reader: SequenceReader, shape_CTIJ: Shape) -> NDArray[np.float64]:
        pictures = reader.decode(shape_CTIJ, self.coder.lossy_bits, self.coder)
        with np.errstate(over="ignore"):  # a hostile step; the sum is clipped
            return self.low + self.step * pictures.astype(np.float64)

    def record(self, chunking: Chunking, target: str, table_blob: int | None = None) -> LossyRecord:
        facts = self._facts(chunking, target)
        return LossyRecord(kind="lossy", low=self.low, step=self.step, masked=self.masked, **facts)

    @classmethod
    def read(cls, record: LossyRecord, coder: Coder, dtype: np.dtype[Any]) -> LossyTier:
        """Build the tier of a record. Raises CorruptFileError where the record is impossible."""
        _check_real(record, dtype)
        return cls(_lossy(coder), dtype, record.low, record.step, record.masked)


@dataclass(frozen=True, eq=False)
class BoundedTier(RealTier):
    """stored = base + step * quantum, the quanta coded exactly: no value is off by more than half a step.

    The base decodes exactly on every machine, and so does the residual. Without a lossy base it is `low`; `step` is
    2 E + 1 for integers, just under 2 E for floats.

    Args:
        base: lossy tier with an exact decoder, or None.
        base_quality: rung of the base's ladder (only the encoder needs it).
    """

    base: LossyTier | None = None
    base_quality: float | None = None
    exact = True

    @property
    def label(self) -> str:
        return self.coder.name if self.base is None else f"{self.base.coder.name} + {self.coder.name}"

    def chunking(self, shape: tuple[int, int, int, int, int], access: Access) -> Chunking:
        if self.base is None:
            return super().chunking(shape, access)
        return Chunking.of(shape, access, temporal=True)

    def encode(self, stored_CTIJ: NDArray[Any], quality: float | None = None, threads: int = 1) -> bytes:
        values, mask = self.finite(stored_CTIJ)
        coded_base, base = b"", np.full(values.shape, self.low)
        if self.base is not None:
            coded_base = self.base.encode(values.astype(np.float64), self.base_quality, threads)
            base = self._base_values(SequenceReader(coded_base), values.shape)
        quanta = np.rint((values - base) / self.step).astype(np.int64)
        low, span = int(quanta.min()), int(quanta.max() - quanta.min())
        planes = plane_bits(span)
        parts = Offset(0, planes).split((quanta - low).astype(np.uint64))
        coded = [
            encode_sequence(part, bits, self.coder, None, threads) for part, bits in zip(parts, planes, strict=True)
        ]
        return b"".join([mask, coded_base, _QUANTA.pack(low, max(1, span.bit_length())), *coded])

    def decode_values(self, reader: SequenceReader, shape_CTIJ: Shape) -> NDArray[np.float64]:
        base = self.low if self.base is None else self._base_values(reader, shape_CTIJ)
        low, bits = reader.take(_QUANTA)
        if not 1 <= bits <= 64:
            raise CorruptFileError("the residual has an impossible depth")
        planes = plane_bits((1 << bits) - 1)
        parts = [reader.decode(shape_CTIJ, depth, self.coder) for depth in planes]
        quanta = Offset(0, planes).join(parts, 64).astype(np.int64) + low
        with np.errstate(over="ignore", invalid="ignore"):  # a hostile step; the sum is clipped
            return base + self.step * quanta.astype(np.float64)

    def record(self, chunking: Chunking, target: str, table_blob: int | None = None) -> BoundedRecord:
        facts = self._facts(chunking, target)
        if self.base is not None:
            facts |= {"base_coder_id": self.base.coder.id, "base_low": self.base.low, "base_step": self.base.step}
        return BoundedRecord(kind="bounded", low=self.low, step=self.step, masked=self.masked, **facts)

    @classmethod
    def read(cls, record: BoundedRecord, coder: Coder, dtype: np.dtype[Any]) -> BoundedTier:
        """Build the tier of a record. Raises CorruptFileError where the record is impossible."""
        _check_real(record, dtype)
        if coder.lossless_bits < 16:
            raise CorruptFileError(f"coder {coder.name} cannot hold a residual")
        base = None
        if record.base_coder_id is not None:
            base_coder = _lossy(coder_by_id(record.base_coder_id))
            base = LossyTier(base_coder, dtype, record.base_low, record.base_step, masked=False)
        return cls(coder, dtype, record.low, record.step, record.masked, base)

    def _base_values(self, reader: SequenceReader, shape_CTIJ: Shape) -> NDArray[np.float64]:
        assert self.base is not None
        values = self.base.decode_values(reader, shape_CTIJ)
        return np.rint(values) if self.dtype.kind in "iu" else values


def read_tier(record: TierRecord, dtype: np.dtype[Any], attachment: Attachment) -> Tier:
    """Build the tier that a header describes.

    Raises:
        CorruptFileError: the record is impossible, or names a coder that this version lacks.
    """
    coder = coder_by_id(record.coder_id, record.coder)
    if coder.version < record.coder_version:
        raise CorruptFileError(f"needs {coder.name} coder version {record.coder_version}", fix="update vesalius")
    match record:
        case TokensRecord():
            raise ValueError("tokens are read by vesalius.codec.tokens")
        case LosslessRecord():
            return LosslessTier.read(record, coder, dtype, attachment)
        case LossyRecord():
            return LossyTier.read(record, coder, dtype)
        case BoundedRecord():
            return BoundedTier.read(record, coder, dtype)


def bounded_step(scan: Scan, survey: Survey, error: float) -> float | None:
    """Return the step of a `BoundedTier` that keeps the bound `error` > 0 on real values, rounding included.

    Returns:
        2 n + 1 for integers; a little under twice the bound for floats; None where the bound is below what the stored
        type resolves (or the range overflows float64), so that only lossless coding keeps it.
    """
    slope = float(np.abs(scan.intensity.slope_TK).max())
    span = survey.stored_high - survey.stored_low
    largest = max(abs(survey.stored_low), abs(survey.stored_high))
    if slope == 0 or not math.isfinite(4 * span):
        return None
    allowed = (Fraction(error) - Fraction(_rounding(scan.intensity, largest))) / Fraction(slope)
    if scan.dtype.kind in "iu":
        whole = min(math.floor(allowed), math.ceil(span))
        return 2.0 * whole + 1 if whole >= 1 and largest < _EXACT else None
    room = _ROUNDINGS * float(np.spacing(scan.dtype.type(largest)))
    bound = float(min(allowed, Fraction(span or 1.0))) - room
    return 2 * bound * (1 - 1e-6) if bound > room else None


def _rounding(intensity: Intensity, largest: float) -> float:
    """Most that rounding moves the difference of two real values; 0 where all of them are exact in float64."""
    moved = 0.0
    pairs = np.unique(np.stack([intensity.slope_TK.ravel(), intensity.inter_TK.ravel()]), axis=1)
    for slope, inter in pairs.T.tolist():
        reach = abs(slope) * largest + abs(inter)
        grain = max(Fraction(slope).denominator, Fraction(inter).denominator)  # real values are multiples of 1 / grain
        if not (largest.is_integer() and Fraction(reach) * grain < _EXACT):
            moved = max(moved, _ROUNDINGS * reach * 2.0**-53)
    return moved


def _check_real(record: LossyRecord | BoundedRecord, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise CorruptFileError("a lossy tier holds numbers that are not real")
    if record.masked and dtype.kind != "f":
        raise CorruptFileError("a lossy tier of integers has a mask")


def _lossy(coder: Coder) -> Coder:
    if not coder.lossy_bits:
        raise CorruptFileError(f"coder {coder.name} is not lossy")
    return coder


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
