"""Starts two processes on the CPU."""

import os
import subprocess
import sys

from vesalius.training.record import read_record

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join(sys.path),
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}


def in_one_and_two(exact, manifest, folder):
    """Return the records of each case of a script by one process and by two; all in one start of two processes."""
    one, two = folder / "one", folder / "two"
    for made in (one, two):
        made.mkdir()
    exact.train_all(manifest, one)
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launch, exact.__file__, str(manifest), str(two)]
    subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, timeout=600)
    return {name: [list(read_record(made / name)) for made in (one, two)] for name in exact.CASES}
