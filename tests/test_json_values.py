import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vesalius.json_values import as_json


@dataclass(frozen=True)
class Tier:
    psnr_db: float | None
    shape: tuple[int, ...] = (2, 3)


@dataclass(frozen=True)
class Made:
    path: Path
    tiers: tuple[Tier, ...]


def test_dataclasses_become_objects_with_their_fields_as_keys():
    value = as_json(Made(Path("a.vsl"), (Tier(40.5), Tier(float("inf")))))
    assert value == {
        "path": "a.vsl", "tiers": [{"psnr_db": 40.5, "shape": [2, 3]}, {"psnr_db": None, "shape": [2, 3]}]
    }  # fmt: skip
    json.dumps(value, allow_nan=False)


def test_numbers_of_numpy_and_what_json_does_not_know():
    assert as_json({1: np.float32(0.5), "n": np.array([1, 2]), "nan": [np.nan], "none": None, "yes": True}) == {
        "1": 0.5, "n": [1, 2], "nan": [None], "none": None, "yes": True
    }  # fmt: skip
