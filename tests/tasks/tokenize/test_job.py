"""Whole runs, from a manifest and from shards."""

import json

import pytest

from tasks.tokenize.small import make_cines, table
from vesalius.tasks.cohort.shard import shard_cohort
from vesalius.tasks.train.run import train
from vesalius.training.record import read_record
from vesalius.weights.saved import from_pretrained


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_cines(tmp_path_factory.mktemp("cines"))


def rows(folder):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read_record(folder)]


def written(folder, keys):
    path = folder / "c.yaml"
    path.write_text(json.dumps(keys), encoding="utf-8")
    return path


def test_trains_ships_and_reports(manifest, tmp_path):
    result = train(written(tmp_path, table(manifest)), tmp_path / "run", device="cpu")
    assert {"psnr", "gain_over_zeroed", "usage", "perplexity", "dead", "bits_per_frame"} <= set(result.results["test"])
    model = from_pretrained(tmp_path / "run", "tokenize")
    assert list(model.parts) == ["tokenizer"]
    assert model.config.settings["span"] == "slice"
    assert model.config.settings["modality"] == "MR"  # compress warns of scans of another one
    kinds = [row["kind"] for row in rows(tmp_path / "run")]
    assert kinds[0] == "validation"
    assert kinds.count("train") == 9
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "gain of the tokens over zeroed tokens in dB" in page


def test_a_run_on_shards_that_is_resumed_within_an_epoch_equals_an_unbroken_one_on_files(manifest, tmp_path):
    keys = table(manifest)
    keys["train"] = {**keys["train"], "checkpoint_every": 2}
    shard_cohort(manifest, tmp_path / "shards")
    data = {"manifest": str(tmp_path / "shards"), "workers": 2}
    sharded = written(tmp_path, {**keys, "data": data})

    def stop(row, _):
        if row["step"] == 5:  # an epoch has 3 steps, the last checkpoint lies at step 4
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(sharded, tmp_path / "broken", device="cpu", watch=stop)
    train(sharded, tmp_path / "broken", device="cpu", resume=True)
    train(written(tmp_path, keys), tmp_path / "whole", device="cpu")
    assert rows(tmp_path / "broken") == rows(tmp_path / "whole")
