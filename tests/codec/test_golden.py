"""Frozen files of version 1 decode to the same values for ever. Only `golden/make.py` adds to them."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from codec.second_decoder import decode
from vesalius.codec.decode import check_digest, decode_all, decode_scan, open_vsl
from vesalius.codec.verify import verify

FOLDER = Path(__file__).parent / "golden"
FACTS = json.loads((FOLDER / "golden.json").read_text(encoding="utf-8"))


def test_the_files_are_those_that_were_frozen():
    assert {path.stem for path in FOLDER.glob("*.vsl")} == set(FACTS)
    for name, facts in FACTS.items():
        assert hashlib.sha256((FOLDER / f"{name}.vsl").read_bytes()).hexdigest() == facts["sha256"], name
    assert sum(path.stat().st_size for path in FOLDER.glob("*.vsl")) < 250_000


@pytest.mark.parametrize("name", FACTS)
def test_a_frozen_file_decodes_to_the_values_it_had(name):
    path, facts = FOLDER / f"{name}.vsl", FACTS[name]
    for number, tier in enumerate(facts["tiers"]):
        file = open_vsl(path, number)
        assert file.tier.name == tier["name"]
        scan, _, digest = decode_all(file, 2)
        stored = np.ascontiguousarray(scan.stored())
        assert (stored.dtype.str, list(stored.shape)) == (facts["dtype"], facts["shape"])
        assert hashlib.sha256(stored.tobytes()).hexdigest() == tier["sha256"]
        assert check_digest(file, digest) is True
    assert open_vsl(path).packed().blobs == {"kept": b"kept word for word"}
    assert [check.checksum for check in verify(path)] == [True] * len(facts["tiers"])


@pytest.mark.parametrize("name", FACTS)
def test_the_second_decoder_agrees(name):
    data = (FOLDER / f"{name}.vsl").read_bytes()
    for number, tier in enumerate(FACTS[name]["tiers"]):
        assert hashlib.sha256(decode(data, number).tobytes()).hexdigest() == tier["sha256"]


def test_one_slice_of_a_frozen_file_can_be_read():
    scan = decode_scan(FOLDER / "u2-x265.vsl")
    np.testing.assert_array_equal(scan.stored(slice(1, 3), slice(1, 2)), scan.stored()[:, 1:3, :, :, 1:2])
