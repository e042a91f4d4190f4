"""Sizes and speeds of the coders on real scans, lossless and lossy; the start of the compiled coder; peak memory.

    python bench/codec.py                        lossless tables of the sets below VESALIUS_DATA
    python bench/codec.py --slices 1000          on all slices of 4D scans, not on some evenly spread ones
    python bench/codec.py --lossy                and what a file takes at 40, 35 and 30 dB, coder by coder
    python bench/codec.py --memory 5             and the peak memory for a file of 5 GB

Definitions: ratio = 2 bytes x voxels / bytes; bits per voxel likewise; MB/s = 2 bytes x voxels / 10**6 / second.
"cpu" is by processor time of one thread, which other work on the machine disturbs least; "wall" by the clock, with as
many threads as the heading says. Lossless: every coder gets the same integers (ranks, where less than half of the range
occurs), in the chunks that the file would hold; container and table of values do not count. "jpegxl-7" is JPEG XL at
effort 7, the peer of our stated goals. Lossy: whole files, target checked by decoding, peak p99.9 minus p0.1.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import imagecodecs
import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from vesalius.codec.chunking import Chunking
from vesalius.codec.coders import parts
from vesalius.codec.coders.table import CODERS, coder
from vesalius.codec.compress import compress_scan
from vesalius.codec.decode import decode_all, open_vsl
from vesalius.codec.mapping import exact_map
from vesalius.codec.options import CompressConfig
from vesalius.codec.sequences import to_pictures
from vesalius.codec.survey import survey
from vesalius.codec.trials import chunk_of, spare_threads
from vesalius.errors import VesaliusError
from vesalius.memory import cores
from vesalius.scan.intensity import Intensity
from vesalius.scan.open import open_scan
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan

SETS = {
    "cine-sunnybrook": "*/*_4d.nii.gz",
    "cine-acdc-sample": "*/*_4d.nii.gz",
    "ct-body": "example_ct.nii.gz",
    "hippocampus-msd": "imagesTr/*.nii.gz",
}
LEAST_GAIN = {"cine-sunnybrook": 0.20, "cine-acdc-sample": 0.20, "ct-body": 0.08, "hippocampus-msd": 0.08}
DECIBELS = (40, 35, 30)
PEER = "jpegxl-7"
WARM = (np.arange(60000) ** 2 % 701).astype(np.uint16).reshape(3, 100, 200)
"""Enough pixels for two classes: everything gets compiled."""
Pictures = NDArray[Any]


class Effort7:
    """JPEG XL at effort 7."""

    temporal = stacks = False
    lossless_bits = 16

    def encode(self, x_NJI: Pictures, bits: int, quality: None, threads: int) -> bytes:
        pictures = x_NJI.astype(np.uint8) if bits <= 8 else x_NJI
        options = {"effort": 7, "lossless": True, "bitspersample": bits, "usecontainer": False, "numthreads": 1}
        return parts.join([bytes(imagecodecs.jpegxl_encode(x_JI, **options)) for x_JI in pictures])

    def decode(self, data: bytes, shape_NJI: tuple[int, ...], bits: int, threads: int) -> Pictures:
        pictures = [imagecodecs.jpegxl_decode(part, numthreads=1) for part in parts.split(data, shape_NJI[0])]
        return np.stack(pictures).reshape(shape_NJI)


@dataclass
class Tally:
    """Bytes and seconds of one coder on a set."""

    bytes: int = 0
    values: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, what: str, pool: ThreadPoolExecutor, work: Callable[..., Any], *items: list[Any]) -> list[Any]:
        """Return the results of `work` on all items; add the seconds that it took, by both clocks."""
        cpu, wall = time.process_time(), time.perf_counter()
        results = list(pool.map(work, *items))
        for clock, seconds in (("cpu", time.process_time() - cpu), ("wall", time.perf_counter() - wall)):
            self.seconds[f"{clock} {what}"] = self.seconds.get(f"{clock} {what}", 0.0) + seconds
        return results

    def speed(self, what: str) -> float:
        return 2e-6 * self.values / max(self.seconds[what], 1e-9)


def code_scan(scan: Scan, tested: Any, tally: Tally, threads: int) -> None:
    """Code and decode all chunks of a scan, with one thread and with all."""
    values = survey(scan)
    exact = exact_map(values)
    bits = exact.plane_bits[0]
    chunking = Chunking.of(scan.shape, "slice", temporal=tested.temporal, stacked=tested.stacks)
    chunks = [to_pictures(exact.split(values.keys.to_keys(chunk_of(scan, chunk)))[0]) for chunk in chunking]
    shapes = [x.shape for x in chunks]

    for count in sorted({1, threads}):
        spare = spare_threads(count, len(chunks))  # as `compress` does

        def encode(x: Pictures, spare: int = spare) -> bytes:
            return tested.encode(x, bits, None, spare)

        def decode(data: bytes, shape: tuple[int, ...]) -> Pictures:
            return tested.decode(data, shape, bits, 1)

        with ThreadPoolExecutor(count) as pool:
            coded = tally.timed(f"encode {count}", pool, encode, chunks)
            back = tally.timed(f"decode {count}", pool, decode, coded, shapes)
        if not all(np.array_equal(a, b) for a, b in zip(back, chunks, strict=True)):
            raise AssertionError("a coder did not give back what it coded")
    tally.bytes += sum(map(len, coded))
    tally.values += scan.voxels


def thinned(scan: Scan, slices: int) -> Scan:
    """Return at most so many slices of a 4D scan, evenly spread; a still scan as it is."""
    _, t, _, _, k = scan.shape
    if t == 1 or k <= slices:
        return scan
    places = [(2 * n + 1) * k // (2 * slices) for n in range(slices)]
    part = np.ascontiguousarray(scan.stored()[..., places])
    return replace(scan, pixels=ArrayPixels(part), geometry=None, intensity=Intensity(), frame_ms=None, native=None)


def lossless(name: str, paths: list[Path], threads: int, slices: int) -> None:
    tallies: dict[str, Tally] = {}
    coder("wls").decode(coder("wls").encode(WARM, 10, None, 1), WARM.shape, 10, 1)
    for path in paths:
        scan = thinned(open_scan(path).resident(), slices)
        depth = max(exact_map(survey(scan)).plane_bits)
        able = {word: coder(word) for word in CODERS if coder(word).lossless_bits >= depth}
        for word, tested in {PEER: Effort7(), **able}.items():
            code_scan(scan, tested, tallies.setdefault(word, Tally()), threads)
    every = tallies[PEER].values
    peer = tallies[PEER]
    print(f"\n{name}, lossless: {len(paths)} scans, {every} voxels; speeds in MB/s, {threads} threads in the last two")
    heads = ("coder", "bytes", "ratio", "bits/voxel", "against " + PEER, "enc cpu", "dec cpu", "enc wall", "dec wall")
    heads = (*heads, f"enc wall x{threads}", f"dec wall x{threads}")
    print("  ".join(f"{head:>{max(10, len(head))}s}" for head in heads))
    for word, tally in sorted(tallies.items(), key=lambda pair: pair[1].bytes / pair[1].values):
        if tally.values != every:
            continue  # it cannot code all scans of the set
        cells = [word, str(tally.bytes), f"{2 * every / tally.bytes:.3f}", f"{8 * tally.bytes / every:.3f}"]
        cells.append(f"{100 * (tally.bytes / peer.bytes - 1):+.1f} %")
        cells += [f"{tally.speed(what):.1f}" for what in ("cpu encode 1", "cpu decode 1", "wall encode 1")]
        cells += [f"{tally.speed(what):.1f}" for what in ("wall decode 1", f"wall encode {threads}")]
        cells.append(f"{tally.speed(f'wall decode {threads}'):.1f}")
        print("  ".join(f"{cell:>{max(10, len(head))}s}" for cell, head in zip(cells, heads, strict=True)))
    ours = tallies["wls"]
    gain = 1 - ours.bytes / peer.bytes
    goals = {f"at least {100 * LEAST_GAIN.get(name, 0):.0f} % fewer bytes": (gain, LEAST_GAIN.get(name, 0.0))}
    for count in sorted({1, threads}):
        goals[f"decodes 1.5 times as fast, {count} threads"] = (
            ours.speed(f"wall decode {count}") / peer.speed(f"wall decode {count}"),
            1.5,
        )
        goals[f"encodes half as fast, {count} threads"] = (
            ours.speed(f"wall encode {count}") / peer.speed(f"wall encode {count}"),
            0.5,
        )
    for goal, (reached, wanted) in goals.items():
        print(f"  {'met   ' if reached >= wanted else 'MISSED'} {goal}: {reached:.3f}")


def lossy(name: str, paths: list[Path], threads: int) -> None:
    print(f"\n{name}, lossy: whole files at a PSNR; ratio, encode ms and decode ms a picture, {threads} threads")
    for path in paths:
        scan = open_scan(path).resident()
        pictures = scan.shape[1] * scan.shape[4]
        for word in [word for word in CODERS if coder(word).lossy_bits]:
            cells = []
            for decibels in DECIBELS:
                with tempfile.TemporaryDirectory() as folder:
                    packed = Path(folder) / "a.vsl"
                    try:
                        written = compress_scan(
                            scan, packed, CompressConfig(psnr=decibels, coder=word, threads=threads)
                        )
                    except VesaliusError as error:
                        cells.append(f"{decibels} dB: {type(error).__name__}")
                        continue
                    started = time.perf_counter()
                    decode_all(open_vsl(packed), threads)
                    seconds = time.perf_counter() - started
                    speeds = f"{1000 * written.encode_seconds / pictures:.0f} / {1000 * seconds / pictures:.1f} ms"
                    cells.append(f"{decibels} dB: {written.ratio:.1f}:1, {speeds}")

            print(f"{path.name.partition('.')[0][:24]:24s} {word:10s} {'; '.join(cells)}")


def start_up() -> None:
    """The first chunk in a fresh Python: without and with the kept machine code."""
    code = (
        "import time; t = time.perf_counter(); import numpy as np; from vesalius.codec.coders.table import coder\n"
        "x = np.arange(3000, dtype=np.uint16).reshape(3, 25, 40) % 701; c = coder('wls')\n"
        "d = c.encode(x, 10, None, 1); e = time.perf_counter(); c.decode(d, x.shape, 10, 1)\n"
        "print(f'{e - t:.1f} s to the first coded chunk, {time.perf_counter() - e:.1f} s more to decode it')"
    )
    print("\nstart of wls in a fresh process")
    with tempfile.TemporaryDirectory() as folder:
        for label in ("compiling", "from the cache"):
            environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
            finished = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
            print(f"  {label:15s} {finished.stdout.decode().strip()}")


def memory(gigabytes: float, threads: int) -> None:
    """Peak memory of compress and decompress on a 4D file of noise on a smooth ground."""
    shape = (512, 512, 24, max(1, round(gigabytes * 1e9 / (2 * 512 * 512 * 24))))
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    header.set_data_dtype(np.int16)
    header.set_data_offset(352)
    rng = np.random.default_rng(0)
    ground = 500 + 200 * np.sin(np.arange(512) / 20)[:, None] * np.cos(np.arange(512) / 25)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.nii"
        with path.open("wb") as file:
            file.write(header.binaryblock + bytes(4))
            for _ in range(shape[3] * shape[2]):
                noise = rng.integers(-12, 13, (512, 512), dtype=np.int16)
                file.write((noise + ground).astype("<i2").tobytes())
        print(f"\nmemory: {path.stat().st_size / 1e9:.2f} GB, {threads} threads")
        packed, back = str(path.with_suffix(".vsl")), str(Path(folder) / "back.nii")
        for words in (["compress", str(path), "-o", packed], ["decompress", packed, "-o", back]):
            command = [sys.executable, "-m", "vesalius", *words, "--threads", str(threads)]
            if words[0] == "decompress" and not Path(packed).exists():
                return
            started = time.perf_counter()
            pid = os.posix_spawn(sys.executable, command, os.environ)
            _, status, used = os.wait4(pid, 0)
            seconds = time.perf_counter() - started
            print(f"  {words[0]:10s} peak {used.ru_maxrss / 2**20:.2f} GiB, {seconds:.0f} s, status {status}")
        with path.open("rb") as original, Path(back).open("rb") as restored:
            same = all(block == restored.read(1 << 24) for block in iter(lambda: original.read(1 << 24), b""))
        print(f"  restored bit for bit: {same}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS), help="sets to measure")
    parser.add_argument("--most", type=int, default=8, help="scans of a set, spread evenly")
    parser.add_argument("--slices", type=int, default=5, help="slices of a 4D scan, lossless")
    parser.add_argument("--threads", type=int, default=cores(), help="threads of the parallel columns")
    parser.add_argument("--lossy", action="store_true", help="lossy tables of the cine sets too")
    parser.add_argument("--memory", type=float, default=0, metavar="GB", help="peak memory for a file of this size")
    options = parser.parse_args()
    start_up()
    root = os.environ.get("VESALIUS_DATA")
    if not root:
        print("VESALIUS_DATA is not set: no tables")
    for name in options.sets if root else []:
        paths = sorted(Path(str(root), name).glob(SETS[name]))
        if not paths:
            print(f"\n{name}: not there")
            continue
        picked = [paths[n * len(paths) // min(len(paths), options.most)] for n in range(min(len(paths), options.most))]
        lossless(name, picked, options.threads, options.slices)
        if options.lossy and name.startswith("cine"):
            lossy(name, picked, options.threads)
    if options.memory:
        memory(options.memory, options.threads)


if __name__ == "__main__":
    main()
