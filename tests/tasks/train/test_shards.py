"""Shards in place of files: the same samples, the same run, resumed in the middle of an epoch too."""

import json

import numpy as np
import pytest
import yaml

from tasks.finetune.small import make_pictures, make_volumes, of_pictures
from vesalius.cohort.loader import Loader, batches
from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.shard import shard
from vesalius.tasks.train.run import train
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import Chain


def lines(run):
    """Rows of metrics.jsonl without times."""
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_a_run_on_shards_that_is_resumed_within_an_epoch_equals_an_unbroken_one_on_files(tmp_path):
    manifest = make_pictures(tmp_path / "data")
    shards = tmp_path / "data" / "shards"
    assert len(shard(read_manifest(manifest), shards, shard_mib=0.02)[0]) > 3
    runs = {}
    for name, source in (("files", manifest), ("broken", shards)):
        table = of_pictures(source, repeats=1)
        table["data"]["classes"] = ["left", "never"]
        table["train"] |= {"epochs": 3, "checkpoint_every": 4, "log_every": 1, "validate_every": 8}
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(table))
        runs[name] = path

    def stop(row, _):
        if row["step"] == 5:  # an epoch has 3 steps, the last checkpoint lies at step 4
            raise KeyboardInterrupt

    train(runs["files"], tmp_path / "files", device="cpu")
    with pytest.raises(KeyboardInterrupt):
        train(runs["broken"], tmp_path / "broken", device="cpu", watch=stop)
    train(runs["broken"], tmp_path / "broken", resume=True, device="cpu")
    whole = lines(tmp_path / "files")
    assert {row["step"] for row in whole} == set(range(1, 10))
    assert lines(tmp_path / "broken") == whole


def test_ranks_share_the_samples_of_volumes_and_masks(tmp_path):
    cohort = read_manifest(make_volumes(tmp_path / "data"))
    shard(cohort, tmp_path / "shards")
    augment = Chain.build(transforms=[{"name": "flip", "axes": "IJ"}])
    sources = [
        Loader(source, prepare=Prepare.build(layout="CIJK"), masks=("mask",), augment=augment, workers=0, seed=3)
        for source in (cohort, read_manifest(tmp_path / "shards"))
    ]
    for rank in range(2):
        files, shards = (list(batches(loader.shard(rank, 2), 1, 2, start=1)) for loader in sources)
        assert len(files) == len(shards) == 3
        for a, b in zip(files, shards, strict=True):
            assert [case.id for case in a.cases] == [case.id for case in b.cases]
            np.testing.assert_array_equal(a.images, b.images)
            np.testing.assert_array_equal(a.masks["mask"], b.masks["mask"])
