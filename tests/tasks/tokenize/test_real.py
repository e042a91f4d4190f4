"""Real cines: from the folder over shards to a tokenizer, and back to values of the scan."""

import json

import numpy as np
import pytest

import vesalius
from real_data import real
from tasks.tokenize.tiny import OVER_TIME
from vesalius.tasks.cohort.build import build_manifest
from vesalius.tasks.cohort.shard import shard_cohort
from vesalius.tasks.train.run import train


@pytest.mark.data
def test_sunnybrook_trains_from_shards_and_comes_back_in_its_units(tmp_path):
    folder = real("cine-sunnybrook")
    build_manifest("acdc", folder, tmp_path / "hearts.jsonl")
    shard_cohort(tmp_path / "hearts.jsonl", tmp_path / "shards")
    keys = {
        "task": "tokenize",
        "data": {"manifest": str(tmp_path / "shards"), "workers": 0, "most": 2, "ratios": [0.5, 0.25, 0.25]},
        "example": {"span": "slice", "frames": 5, "size": [24, 20], "about_labels": 1.0, "margin": 2},
        "augment": [{"name": "affine", "degrees": 5}, {"name": "tempo", "rate": [0.8, 1.2]}],
        "batch": 2,
        "repeats": 2,
        "method": {"name": "titok", "net": OVER_TIME, "loss": {"l2": 1, "masks": {"weight": 0.1}}},
        "train": {"epochs": 1},
    }
    (tmp_path / "c.yaml").write_text(json.dumps(keys), encoding="utf-8")
    result = train(tmp_path / "c.yaml", tmp_path / "run", device="cpu")
    assert result.results["test"]["psnr_mean"] > 20
    (scan,) = vesalius.find_scans(next(folder.rglob("SCD0000401_4d.nii.gz")))
    values = scan.open().values()[:, :3, 100:131, 100:125, 4:6]
    tokenizer = vesalius.TiTok.from_pretrained(tmp_path / "run")
    tokens = tokenizer.encode(values)
    assert tokens.shape == (2, 6 * 3)
    decoded = tokenizer.decode_tokens(tokens)
    assert np.corrcoef(decoded.ravel(), values.ravel())[0, 1] > 0.9
