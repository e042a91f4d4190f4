"""Two processes on the CPU: gathered negatives, shared norms."""

import json
import os
import subprocess
import sys

import pytest

from tasks.simclr.small import RESNET, make_pictures, table
from vesalius.tasks.train.run import train
from vesalius.training.record import read_record

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(sys.path),
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}


def test_two_processes_equal_one(tmp_path):
    changes = {"net": RESNET, "batch": 16}
    # a rate at which rounding is not amplified from step to step
    changes["train"] = {"epochs": 10, "optimizer": {"name": "lars", "lr": 0.001}, "log_every": 1, "validate_every": 10}
    manifest = make_pictures(tmp_path / "data", splits="train train train val")
    config = table(manifest, **changes)
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(json.dumps(config), encoding="utf-8")
    words = ["train.max_steps=12"]
    train(tmp_path / "one.json", tmp_path / "one", words, device="cpu")
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "vesalius"]
    command = [*launch, "train", str(tmp_path / "two.json"), "-o", str(tmp_path / "two"), *words, "--device", "cpu"]
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, timeout=300)
    one, two = list(read_record(tmp_path / "one")), list(read_record(tmp_path / "two"))
    assert len(one) == len(two) > 12
    for a, b in zip(one, two, strict=True):
        assert (a["step"], a["kind"]) == (b["step"], b["kind"])
        for key in a.keys() - {"seconds", "epoch", "kind"}:
            assert b[key] == pytest.approx(a[key], rel=1e-5 if key == "loss" else 1e-3), (a["step"], key)
