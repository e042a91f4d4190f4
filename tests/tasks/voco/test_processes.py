"""Two processes on the CPU: the next volume of the batch, shared norms, a share of the crops each."""

import os
import subprocess
import sys

import pytest

from tasks.voco import exact
from tasks.voco.small import make_volumes
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
    manifest = make_volumes(folder)
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
    """Loss and its terms; the health of a step is that of the crops of a process, averaged."""
    one, two = records[case]
    assert [(row["step"], row["kind"]) for row in one] == [(row["step"], row["kind"]) for row in two]
    assert sum(row["kind"] == "train" for row in one) == 9
    for a, b in zip(one, two, strict=True):
        for key in a.keys() & {"loss", "voco", "div", "area", "gradient_norm"}:
            assert b[key] == pytest.approx(a[key], rel=1e-5), (a["step"], key)
