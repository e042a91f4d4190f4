"""How long a command takes to start, against the time that `import torch` alone would take.

Prints the median of several runs of each, in a fresh Python every time, after one run that warms the disk cache.
Goal: `--help` and `info` start 5 times faster than torch imports. Run with `make bench`.
"""

import argparse
import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nibabel as nib
import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="timed runs of each command")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "small.nii"
        nib.save(nib.Nifti1Image(np.zeros((16, 16, 4), np.int16), np.eye(4)), scan)
        commands = {
            "python -c pass": ["-c", "pass"],
            "vesalius --help": ["-m", "vesalius", "--help"],
            "vesalius info": ["-m", "vesalius", "info"],
            "vesalius inspect small.nii": ["-m", "vesalius", "inspect", str(scan)],
        }
        has_torch = importlib.util.find_spec("torch") is not None
        if has_torch:
            commands["import torch"] = ["-c", "import torch"]
        seconds = {name: median_seconds(words, runs) for name, words in commands.items()}
    torch_seconds = seconds.get("import torch")
    print(f"median of {runs} runs" + ("" if has_torch else "; torch is not installed, so there is no ratio to it"))
    for name, value in seconds.items():
        ratio = "" if torch_seconds is None else f"   import torch takes {torch_seconds / value:5.1f} times as long"
        print(f"{name:28s} {1000 * value:7.0f} ms{ratio}")


def median_seconds(words: list[str], runs: int) -> float:
    """Median wall time of `python WORDS` over `runs` runs, after one untimed run."""
    times = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


if __name__ == "__main__":
    main()
