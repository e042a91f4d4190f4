"""How much larger lossless files are with `--coder auto` than with the best single coder, scan by scan.

    python bench/auto.py                a few scans of every folder below VESALIUS_DATA, evenly spread
    python bench/auto.py --most 1000    all of them

Sizes are those of whole `.vsl` files. Goals: at most 5 % more with --effort normal, 0.5 % with best. A coder that
cannot hold a scan's depth, or a scan that no `.vsl` holds, is left out.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from vesalius.codec.coders.table import CODERS
from vesalius.codec.compress import compress_scan
from vesalius.codec.options import CompressConfig
from vesalius.errors import VesaliusError
from vesalius.memory import cores
from vesalius.scan.open import find_scans
from vesalius.scan.scan import Scan

MOST_MORE = {"normal": 0.05, "best": 0.005}


def size(scan: Scan, coder: str, effort: str, threads: int) -> int | None:
    """Return the bytes of a lossless file; None where it cannot be made."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.vsl"
        try:
            options = CompressConfig(coder=coder, effort=effort, threads=threads)
            return compress_scan(scan, path, options, uid_key=b"bench").bytes_written
        except VesaliusError:
            return None


def compare(name: str, root: Path, most: int, largest: int, threads: int) -> dict[str, float]:
    """Return the worst ratio of `auto` to the best single coder, by effort, over scans of a folder; prints each."""
    found = find_scans(root)
    worst = dict.fromkeys(MOST_MORE, 1.0)
    for place in range(min(most, len(found))):
        try:
            scan = found[place * len(found) // min(most, len(found))].open()
        except VesaliusError:
            continue
        if scan.native is None or scan.voxels > largest:
            continue
        scan, started = scan.resident(), time.perf_counter()
        sizes = {word: size(scan, word, "normal", threads) for word in CODERS}
        reached = {word: number for word, number in sizes.items() if number is not None}
        best = min(reached, key=reached.__getitem__)
        cells = [f"{name:24s} {place:4d} {scan.voxels:10d} voxels  best {best:8s} {reached[best]:9d} bytes"]
        for effort in MOST_MORE:
            auto = size(scan, "auto", effort, threads)
            assert auto is not None
            worst[effort] = max(worst[effort], auto / reached[best])
            cells.append(f"auto {effort} {100 * (auto / reached[best] - 1):+.2f} %")
        print("  ".join([*cells, f"{time.perf_counter() - started:.0f} s"]), flush=True)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=3, help="scans of a folder, spread evenly")
    parser.add_argument("--largest", type=int, default=6_000_000, help="voxels of a scan; larger ones are left out")
    parser.add_argument("--threads", type=int, default=cores())
    options = parser.parse_args()
    root = os.environ.get("VESALIUS_DATA")
    if not root:
        print("VESALIUS_DATA is not set: no tables")
        return
    worst = dict.fromkeys(MOST_MORE, 1.0)
    for folder in sorted(path for path in Path(root).iterdir() if path.is_dir()):
        try:
            reached = compare(folder.name, folder, options.most, options.largest, options.threads)
        except VesaliusError as error:
            print(f"{folder.name:24s} left out: {error}")
            continue
        worst = {effort: max(worst[effort], reached[effort]) for effort in worst}
    for effort, goal in MOST_MORE.items():
        word = "met   " if worst[effort] <= 1 + goal else "MISSED"
        print(f"  {word} auto {effort} at most {100 * goal:g} % above the best: {100 * (worst[effort] - 1):.2f} %")


if __name__ == "__main__":
    main()
