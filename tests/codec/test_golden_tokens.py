"""Frozen files of shipped tokenizers decode to the same tokens for ever. Only `golden_tokens/make.py` adds to them."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from codec.golden_tokens.make import EVERY
from vesalius.codec.decode import check_tokens, decode_all, open_vsl

FOLDER = Path(__file__).parent / "golden_tokens"
FACTS = json.loads((FOLDER / "golden.json").read_text(encoding="utf-8"))


def test_the_files_are_those_that_were_frozen():
    assert {path.stem for path in FOLDER.glob("*.vsl")} == set(FACTS)
    for name, facts in FACTS.items():
        assert hashlib.sha256((FOLDER / f"{name}.vsl").read_bytes()).hexdigest() == facts["sha256"], name


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", FACTS)
def test_a_frozen_file_gives_the_tokens_it_had_and_nearly_the_values(name, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        file = open_vsl(FOLDER / f"{name}.vsl", "tokens")
        scan, _, _ = decode_all(file, threads)
    finally:
        torch.set_num_threads(before)
    reached = file.tail.tiers[0]
    assert reached.tokens == FACTS[name]["tokens"]
    assert check_tokens(file) is True
    values = scan.stored().ravel()[::EVERY].astype(float)
    assert np.abs(values - FACTS[name]["values"]).max() <= max(1, reached.tolerance)
