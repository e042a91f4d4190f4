import json
import zlib

import numpy as np
import pytest

from codec.scans import noise, same_bits, scan_of, smooth
from codec.test_header import PLAIN, TIER
from vesalius.codec.chunking import Chunking
from vesalius.codec.coders.table import coder
from vesalius.codec.header import LosslessRecord, parse_header
from vesalius.codec.integer_keys import IntegerKeys
from vesalius.codec.mapping import Offset, Rank, exact_map, pack_table
from vesalius.codec.survey import survey
from vesalius.codec.tiers import BoundedTier, LosslessTier, LossyTier, read_tier
from vesalius.errors import CorruptFileError

STORED = smooth((1, 2, 12, 10, 1), np.float32)[..., 0] / np.float32(3)
DTYPE = np.dtype("<f4")


def tiers():
    found = survey(scan_of(STORED[..., None]))
    xl, base = coder("jpegxl"), LossyTier(coder("jpegxl"), DTYPE, -1.5, 0.125, masked=False)
    return {
        "table": LosslessTier(xl, found.keys, exact_map(found)),
        "planes": LosslessTier(coder("deflate"), IntegerKeys(DTYPE), Offset(0, (16, 16))),
        "lossy": LossyTier(xl, DTYPE, -0.1, 0.01, masked=True),
        "bounded": BoundedTier(xl, DTYPE, 1 / 3, 0.7, masked=True),
        "base": BoundedTier(xl, DTYPE, 1 / 3, 0.7, True, base, xl.qualities[9]),
    }


def read_back(tier, blobs):
    """Describe, write as JSON, read, build."""
    table = None
    if isinstance(tier, LosslessTier) and isinstance(tier.map, Rank):
        table = len(blobs)
        assert tier.table == pack_table(tier.map.table)
        blobs.append(tier.table)
    model = tier.record(Chunking((1, 2, 12, 10, 1), 2), "in words", table)
    raw = json.loads(json.dumps(model.model_dump(mode="json", exclude_defaults=True)))
    header = parse_header({**PLAIN, "dtype": "<f4", "tiers": [raw]})
    assert header.tiers[0] == model
    return read_tier(header.tiers[0], np.dtype(header.dtype), lambda n: blobs[n])


@pytest.mark.parametrize("name", tiers())
def test_a_tier_comes_back_from_its_description(name):
    tier = tiers()[name]
    back = read_back(tier, [b"another"])
    payload = tier.encode(STORED, coder("jpegxl").qualities[3])
    assert same_bits(back.decode(payload, STORED.shape), tier.decode(payload, STORED.shape))
    assert back.coder is tier.coder
    assert back.exact == tier.exact


def test_a_description_says_what_the_tier_is():
    models = {name: tier.record(Chunking((1, 1, 12, 10, 9), 1, 3), "words", 5) for name, tier in tiers().items()}
    assert [model.kind for model in models.values()] == ["lossless", "lossless", "lossy", "bounded", "bounded"]
    assert [model.name for model in models.values()] == ["lossless"] * 2 + ["lossy"] * 3
    assert models["table"].table_blob == 5
    assert models["planes"].table_blob is None
    assert models["base"].base_coder_id == coder("jpegxl").id
    assert models["bounded"].base_coder_id is None


def built(dtype="<i2", blob=b"", **facts):
    header = parse_header({**PLAIN, "dtype": dtype, "tiers": [{**TIER, **facts}]})
    return read_tier(header.tiers[0], np.dtype(header.dtype), lambda n: blob)


LOSSY = {"name": "lossy", "kind": "lossy", "coder_id": 4}
BOUNDED = {"name": "lossy", "kind": "bounded", "coder_id": 4}
TABLE = {"plane_bits": [2], "table_blob": 0}
IMPOSSIBLE = {
    "unknown coder": {"coder_id": 99, "plane_bits": [8]},
    "reserved coder": {"coder_id": 17, "plane_bits": [8]},
    "coder of later": {"coder_version": 200, "plane_bits": [8]},
    "no planes": {"plane_bits": []},
    "plane of no depth": {"plane_bits": [0]},
    "plane too deep": {"plane_bits": [17]},
    "more planes than the key has": {"plane_bits": [1, 16]},
    "planes of a byte": {"dtype": "|u1", "plane_bits": [9]},
    "offset below zero": {"plane_bits": [8], "low": -1},
    "offset beyond the key": {"plane_bits": [8], "low": 65536},
    "offset no integer": {"plane_bits": [8], "low": 0.5},
    "whole integers": {"plane_bits": [8], "whole": True},
    "whole complex": {"dtype": "<c8", "plane_bits": [8], "whole": True},
    "table of no keys": TABLE,
    "table in two planes": {**TABLE, "plane_bits": [2, 2], "table_length": 3},
    "table no zlib": {**TABLE, "table_length": 3, "blob": b"abc"},
    "table bomb": {**TABLE, "table_length": 3, "blob": zlib.compress(bytes(1 << 22))},
    "lossy booleans": {**LOSSY, "dtype": "|b1"},
    "lossy complex": {**LOSSY, "dtype": "<c8"},
    "lossy in a lossless coder": {**LOSSY, "coder_id": 1},
    "mask of integers": {**LOSSY, "masked": True},
    "lossy offset": {**LOSSY, "low": 10**400},
    "bounded complex": {**BOUNDED, "dtype": "<c16"},
    "bounded in a coder of few bits": {**BOUNDED, "coder_id": 6},
    "base in a lossless coder": {**BOUNDED, "base_coder_id": 1},
    "base unknown": {**BOUNDED, "base_coder_id": 77},
    "bounded offset": {**BOUNDED, "low": -(10**400)},
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_descriptions_are_refused(name):
    with pytest.raises(CorruptFileError) as caught:
        built(**IMPOSSIBLE[name])
    assert len(str(caught.value).splitlines()) == 1


def test_possible_descriptions_are_built():
    assert isinstance(built(plane_bits=[16], low=65535), LosslessTier)
    assert isinstance(built("<c8", plane_bits=[16, 16]), LosslessTier)
    assert isinstance(built(**LOSSY), LossyTier)
    assert isinstance(built(**BOUNDED, base_coder_id=6), BoundedTier)
    assert isinstance(LosslessRecord(**TIER), LosslessRecord)


def test_long_floats_are_lossless_only():
    long = np.dtype("g")
    if long.itemsize > 8:
        assert isinstance(built(long.str, plane_bits=[16]), LosslessTier)
        with pytest.raises(CorruptFileError, match="not real"):
            built(long.str, **LOSSY)


def test_the_keys_of_noise_come_back():
    stored = noise(">c16", (1, 2, 3, 4))
    tier = LosslessTier(coder("deflate"), IntegerKeys(stored.dtype), Offset(0, (16,) * 4))
    model = tier.record(Chunking((1, 2, 3, 4, 1), 2), "", None)
    header = parse_header({**PLAIN, "dtype": ">c16", "tiers": [json.loads(model.model_dump_json())]})
    back = read_tier(header.tiers[0], np.dtype(header.dtype), lambda n: b"")
    assert same_bits(back.decode(tier.encode(stored), stored.shape), stored)
