"""Compressing and restoring hold only the chunks in flight."""

import os
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

STATUS = Path("/proc/self/status")
MOST_MIB = 400
SHAPE = (256, 256, 12, 190)
CHILD = """
import runpy, sys
sys.argv = ["vesalius", *sys.argv[1:]]
try:
    runpy.run_module("vesalius", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
status = open("/proc/self/status").read()
print("PEAK", int(status.partition("VmHWM:")[2].split()[0]) / 1024)
"""


def peak_mib(*words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CHILD, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert "PEAK" in done.stdout, done.stderr
    return float(done.stdout.rpartition("PEAK")[2])


@pytest.mark.skipif(not STATUS.exists(), reason="the peak of a process is read from /proc")
def test_a_volume_of_300_mb_needs_less_than_400_mib(tmp_path):
    header = nib.Nifti1Header()
    header.set_data_shape(SHAPE)
    header.set_data_dtype(np.int16)
    header.set_data_offset(352)
    path = tmp_path / "large.nii"
    rng = np.random.default_rng(0)
    with path.open("wb") as file:
        file.write(header.binaryblock + bytes(4))
        for _ in range(SHAPE[3]):
            frame = np.zeros(SHAPE[:3], "<i2", order="F")
            frame[100:140, 90:140] = rng.normal(500, 20, (40, 50, SHAPE[2]))
            file.write(frame.tobytes(order="F"))
    assert path.stat().st_size > 298_000_000
    packed, back = tmp_path / "large.vsl", tmp_path / "back.nii"
    options = ("--threads", 2, "--coder", "wls")
    peaks = peak_mib("compress", path, "-o", packed, *options), peak_mib("decompress", packed, "-o", back, *options[:2])
    assert max(peaks) < MOST_MIB, peaks
    assert back.stat().st_size == path.stat().st_size
    with path.open("rb") as one, back.open("rb") as other:
        while block := one.read(1 << 24):
            assert other.read(1 << 24) == block
