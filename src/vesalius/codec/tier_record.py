"""Between a tier and its description in the header."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from vesalius.codec.chunking import Chunking
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.table import coder_by_id
from vesalius.codec.header import Header, TierModel
from vesalius.codec.integer_keys import IntegerKeys
from vesalius.codec.mapping import ExactMap, Offset, Rank, unpack_table
from vesalius.codec.tiers import BoundedTier, LosslessTier, LossyTier, Tier
from vesalius.errors import CorruptFileError


def describe(tier: Tier, chunking: Chunking, target: str, table_blob: int | None) -> TierModel:
    """The header's description of a tier.

    Args:
        tier: the tier.
        chunking: its chunks.
        target: what was asked for, in words.
        table_blob: number of the attachment with the table of values, where the tier has one.
    """
    facts: dict[str, Any] = {
        "name": "lossless" if isinstance(tier, LosslessTier) else "lossy",
        "coder": tier.coder.name,
        "coder_id": tier.coder.id,
        "coder_version": tier.coder.version,
        "frames_per_chunk": chunking.frames_per_chunk,
        "slices_per_chunk": chunking.slices_per_chunk,
        "exact": tier.exact,
        "target": target,
    }
    if isinstance(tier, LosslessTier):
        return TierModel(kind="lossless", whole=tier.keys.whole, **_map_facts(tier.map, table_blob), **facts)
    if isinstance(tier, LossyTier):
        return TierModel(kind="lossy", low=tier.low, step=tier.step, masked=tier.masked, **facts)
    if not isinstance(tier, BoundedTier):
        raise TypeError(type(tier).__name__)
    if tier.base is not None:
        facts |= {"base_coder_id": tier.base.coder.id, "base_low": tier.base.low, "base_step": tier.base.step}
    return TierModel(kind="bounded", low=tier.low, step=tier.step, masked=tier.masked, **facts)


def _map_facts(exact: ExactMap, table_blob: int | None) -> dict[str, Any]:
    if isinstance(exact, Rank):
        return {"plane_bits": exact.plane_bits, "table_blob": table_blob, "table_length": len(exact.table)}
    return {"plane_bits": exact.plane_bits, "low": exact.low}


def build(model: TierModel, header: Header, blob: Callable[[int], bytes]) -> Tier:
    """The tier that a header describes.

    Args:
        model: the description.
        header: the header it stands in.
        blob: reads an attachment by its number.

    Raises:
        CorruptFileError: the description is impossible, or names a coder this version lacks.
    """
    coder, dtype = coder_by_id(model.coder_id), np.dtype(header.dtype)
    if coder.version < model.coder_version:
        raise CorruptFileError(f"needs {coder.name} coder version {model.coder_version}", fix="update vesalius")
    if model.kind == "lossless":
        if model.whole and (dtype.kind != "f" or dtype.itemsize > 8):
            raise CorruptFileError("a tier keys as integers what are no floats")
        keys = IntegerKeys(dtype, whole=model.whole)
        return LosslessTier(coder, keys, _exact_map(model, coder.lossless_bits, keys.bits, blob))
    _check_real(model, dtype)
    if model.kind == "lossy":
        return LossyTier(_lossy(coder), dtype, model.low, model.step, model.masked)
    if coder.lossless_bits < 16:
        raise CorruptFileError(f"coder {coder.name} cannot hold a residual")
    base = None
    if model.base_coder_id is not None:
        base_coder = _lossy(coder_by_id(model.base_coder_id))
        base = LossyTier(base_coder, dtype, model.base_low, model.base_step, masked=False)
    return BoundedTier(coder, dtype, model.low, model.step, model.masked, base)


def _check_real(model: TierModel, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise CorruptFileError("a lossy tier holds numbers that are not real")
    if model.masked and dtype.kind != "f":
        raise CorruptFileError("a lossy tier of integers has a mask")
    if not abs(model.low) <= sys.float_info.max:
        raise CorruptFileError("the offset of a tier is impossible")


def _lossy(coder: Coder) -> Coder:
    if not coder.lossy_bits:
        raise CorruptFileError(f"coder {coder.name} is not lossy")
    return coder


def _exact_map(model: TierModel, coder_bits: int, key_bits: int, blob: Callable[[int], bytes]) -> ExactMap:
    if (
        not model.plane_bits
        or not all(1 <= bits <= coder_bits for bits in model.plane_bits)
        or sum(model.plane_bits) > key_bits
    ):
        raise CorruptFileError("the planes of a tier have an impossible depth")
    if model.table_blob is None:
        if not isinstance(model.low, int) or not 0 <= model.low < 1 << key_bits:
            raise CorruptFileError("the offset of a tier is impossible")
        return Offset(model.low, model.plane_bits)
    if not model.table_length or len(model.plane_bits) != 1:
        raise CorruptFileError("the table of values is empty")
    return Rank(unpack_table(blob(model.table_blob), model.table_length))
