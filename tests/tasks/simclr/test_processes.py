"""Two processes on the CPU: gathered negatives, shared norms, cached gradients."""

import os
import subprocess
import sys

import pytest

from tasks.simclr import exact
from tasks.simclr.small import make_pictures
from vesalius.training.record import read_record

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(sys.path),
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """What one process and two have recorded, case by case; all in one start of two processes."""
    folder = tmp_path_factory.mktemp("processes")
    manifest = make_pictures(folder / "data", splits="train train train val")
    one, two = folder / "one", folder / "two"
    for made in (one, two):
        made.mkdir()
    exact.train_all(manifest, one)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launch, exact.__file__, str(manifest), str(two)]
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, timeout=600)
    return {name: [list(read_record(made / name)) for made in (one, two)] for name in exact.CASES}


@pytest.mark.parametrize("case", exact.CASES)
def test_two_processes_equal_one(records, case):
    """Each step within 1e-8 where it is taken in float64, the health measures within the float32 that they are."""
    one, two = records[case]
    assert [row["step"] for row in one if row["kind"] == "train"] == [*range(1, exact.CASES[case]["steps"] + 1)]
    assert [(row["step"], row["kind"]) for row in one] == [(row["step"], row["kind"]) for row in two]
    for a, b in zip(one, two, strict=True):
        rounding = 1e-8 if a["kind"] == "train" and case != "float32" else 1e-4
        for key in a.keys() - {"seconds", "epoch", "kind"}:
            assert b[key] == pytest.approx(a[key], rel=rounding), (a["step"], key)
