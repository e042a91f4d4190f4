"""How fast the second epoch of a cohort loads, against MONAI with the same transforms, and how much memory it takes.

Load, axes to RAS, spacing, percentiles to 0..1, crop or pad: by `Loader` with its cache, by MONAI's LoadImage pipeline
in every epoch, and, for fairness, by MONAI's CacheDataset (everything in memory) and PersistentDataset (on disk). Every
contender runs in a fresh process and in one thread, save "2 workers"; the arrays are compared. Cohorts: volumes and
cines of VESALIUS_DATA, where it is set, and made-up ones. Goal: 5 times LoadImage, peak memory within the budget.
Memory is the peak of the process (first epoch, later epochs) less what it had before; it is only known on Linux.
The cines are copied with straight axes: where axes are oblique and rounded, MONAI's Spacing places voxels differently
from file to file.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.cache import Cache
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.scan.orient import reorient

OURS, TWO, LOAD = "vesalius", "vesalius, 2 workers", "MONAI LoadImage"
MEMORY, DISK = "MONAI CacheDataset", "MONAI PersistentDataset"
LOW, HIGH = 1.0, 99.0
TOLERANCE = 2e-3
GOAL = 5.0


@dataclass
class Task:
    """One cohort and what is done to it."""

    name: str
    files: list[str]
    spacing_mm: tuple[float, float, float]
    size: tuple[int, int, int]
    memory_mib: int
    epochs: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory-mib", type=int, default=768, help="budget of the loader")
    parser.add_argument("--epochs", type=int, default=3, help="timed epochs after the first; the median counts")
    parser.add_argument("--contender", nargs=3, metavar=("NAME", "TASK", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.contender:
        name, task, folder = given.contender
        contend(name, Task(**json.loads(task)), Path(folder))
        return
    if importlib.util.find_spec("monai") is None:
        print("monai is not installed, so there is nothing to compare with; pip install 'vesalius[nets]'")
        return
    with tempfile.TemporaryDirectory() as folder:
        for task in tasks(Path(folder), given.memory_mib, given.epochs):
            compare(task, Path(folder))


def tasks(folder: Path, memory_mib: int, epochs: int) -> Iterator[Task]:
    data = os.environ.get("VESALIUS_DATA")
    volumes = sorted(Path(data).glob("hippocampus-msd/imagesTr/*.nii.gz")) if data else []
    cines = sorted(Path(data).glob("cine-sunnybrook/*/*_4d.nii.gz")) if data else []
    if volumes:
        names = [str(path) for path in volumes]
        yield Task("hippocampus-msd", names, (1.25, 1.25, 1.25), (48, 48, 48), memory_mib, epochs)
    files = make(folder / "volumes", 12, (128, 128, 128), (1.0, 1.0, 1.25))
    yield Task("made-up volumes 128x128x128", files, (1.5, 1.5, 1.5), (96, 96, 96), memory_mib, epochs)
    files = straight(cines, folder) if cines else make(folder / "cines", 6, (160, 160, 12, 20), (1.4, 1.4, 8.0))
    name = "cine-sunnybrook" if cines else "made-up cines"
    yield Task(name, files, (1.8, 1.8, 8.0), (144, 144, 16), memory_mib, epochs)


def make(folder: Path, count: int, shape: tuple[int, ...], spacing: tuple[float, ...]) -> list[str]:
    """Smooth bodies with noise, int16."""
    folder.mkdir()
    names = []
    for n in range(count):
        draw = np.random.default_rng(n)
        axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape[:3]), indexing="ij")
        body = 800 * np.exp(-3 * sum(((axis - draw.uniform(-0.3, 0.3)) ** 2 for axis in axes), np.zeros(shape[:3])))
        values = body.reshape(body.shape + (1,) * (len(shape) - 3)) + draw.normal(0, 30, shape)
        image = nib.Nifti1Image(values.clip(0).astype(np.int16), np.diag([-spacing[0], -spacing[1], spacing[2], 1]))
        nib.save(image, folder / f"{n:02d}.nii.gz")
        names.append(str(folder / f"{n:02d}.nii.gz"))
    return names


def straight(paths: list[Path], folder: Path) -> list[str]:
    """Copies with the same voxels and spacing on axes L, P, S."""
    names = []
    for n, path in enumerate(paths):
        image = nib.load(path)
        zooms = image.header.get_zooms()
        copied = nib.Nifti1Image(np.asanyarray(image.dataobj), np.diag([-zooms[0], -zooms[1], zooms[2], 1]))
        names.append(str(folder / f"straight-{n}.nii.gz"))
        nib.save(copied, names[-1])
    return names


def compare(task: Task, folder: Path) -> None:
    results = {name: run(name, task, folder) for name in (LOAD, OURS, TWO, MEMORY, DISK)}
    print(f"\n{task.name}: {len(task.files)} cases, budget {task.memory_mib} MiB")
    print(f"{'':26s}{'first epoch':>14s}{'later epochs':>14s}{'peak memory, MiB':>20s}{'as fast as LoadImage':>23s}")
    slow = results[LOAD]["later_s"]
    for name, result in results.items():
        peak = "unknown" if result["peaks_mib"] is None else "{:.0f}, {:.0f}".format(*result["peaks_mib"])
        ratio = f"{slow / result['later_s']:.1f} times"
        print(f"{name:26s}{result['first_s']:12.2f} s{result['later_s']:12.3f} s{peak:>20s}{ratio:>23s}")
    apart = differences(folder, list(results), len(task.files))
    peaks = [max(results[name]["peaks_mib"] or (0,)) for name in (OURS, TWO)]
    within = f"peak {max(peaks):.0f} of {task.memory_mib} MiB" if max(peaks) else "memory not known"
    met = slow / results[OURS]["later_s"] >= GOAL and max(peaks) <= task.memory_mib and apart <= TOLERANCE
    print(
        f"values of 0..1 differ by {apart:.1e} at most; {within}; goal of {GOAL:g} times {'met' if met else 'MISSED'}"
    )
    for note in results[OURS]["notes"]:
        print(f"note: {note}")


def differences(folder: Path, names: list[str], count: int) -> float:
    """Return the largest difference of any array from those of the LoadImage pipeline."""
    apart = 0.0
    for n in range(count):
        reference = np.load(folder / f"{LOAD}-{n}.npy", mmap_mode="r")
        for name in names:
            apart = max(apart, float(np.abs(np.load(folder / f"{name}-{n}.npy") - reference).max()))
    return apart


def run(name: str, task: Task, folder: Path) -> dict[str, Any]:
    words = [sys.executable, __file__, "--contender", name, json.dumps(task.__dict__), str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    finished = subprocess.run(words, check=True, stdout=subprocess.PIPE, env=environment, text=True)
    result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return result


def contend(name: str, task: Task, folder: Path) -> None:
    """Time one contender and print what it took as JSON; its arrays are saved for comparison."""
    warnings.simplefilter("ignore")
    loader = our_loader(name, task, folder) if name in (OURS, TWO) else None
    read = monai_epochs(name, task, folder) if loader is None else our_epochs(loader)
    gc.collect()
    before_mib, peaks_mib, seconds = memory_mib("VmRSS"), [], []
    for epoch in range(task.epochs + 1):
        start = time.perf_counter()
        for image in read(epoch):
            touch(image)
        seconds.append(time.perf_counter() - start)
        if before_mib is not None:
            peaks_mib.append((memory_mib("VmHWM") or 0) - before_mib)
            Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    for n, image in enumerate(read(0)):
        np.save(folder / f"{name}-{n}.npy", np.asarray(image))
    result = {"first_s": seconds[0], "later_s": statistics.median(seconds[1:]), "notes": loader.notes if loader else ()}
    print(json.dumps({**result, "peaks_mib": [peaks_mib[0], max(peaks_mib[1:])] if peaks_mib else None}))


def our_loader(name: str, task: Task, folder: Path) -> Loader:
    cases = tuple(Case(id=f"{n}", images={"image": file}) for n, file in enumerate(task.files))
    return Loader(
        Cohort(cases, Path()),
        prepare=SamePrepare(task),
        cache=Cache(folder / f"cache {name} {task.name}"),
        memory_mib=task.memory_mib,
        workers=2 if name == TWO else 0,
        order="cohort",
    )


def our_epochs(loader: Loader) -> Callable[[int], Iterator[Any]]:
    return lambda epoch: (sample.image for sample in loader.epoch(epoch))


def touch(image: Any) -> None:
    """A little of what training does, so that nothing is merely promised."""
    assert float(image[..., image.shape[-1] // 2].max()) <= 1


def memory_mib(field: str) -> float | None:
    """Memory of this process now (VmRSS) or at its peak (VmHWM)."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    (line,) = [line for line in status.read_text().splitlines() if line.startswith(field)]
    return int(line.split()[1]) / 1024


def monai_epochs(name: str, task: Task, folder: Path) -> Callable[[int], Iterator[Any]]:
    from monai.data import CacheDataset, PersistentDataset
    from monai.transforms import (
        Compose,
        EnsureChannelFirst,
        LoadImage,
        Orientation,
        ResizeWithPadOrCrop,
        ScaleIntensityRangePercentiles,
        Spacing,
    )

    pipeline = Compose(
        [
            LoadImage(image_only=True),
            EnsureChannelFirst(),
            Orientation("RAS"),
            Spacing(task.spacing_mm, mode="bilinear", padding_mode="border"),
            ScaleIntensityRangePercentiles(LOW, HIGH, 0, 1, clip=True),
            ResizeWithPadOrCrop(task.size),
        ]
    )
    if name == LOAD:
        return lambda _: (pipeline(file) for file in task.files)
    kept: list[Any] = []

    def read(_: int) -> Iterator[Any]:
        if not kept:  # making it belongs to the first epoch
            if name == MEMORY:
                kept.append(CacheDataset(task.files, pipeline, progress=False, num_workers=1))
            else:
                kept.append(PersistentDataset(task.files, pipeline, folder / f"persistent {task.name}"))
        return (kept[0][n] for n in range(len(task.files)))

    return read


@dataclass
class Prepared:
    """As `Loader` wants it."""

    image: NDArray[np.float32]
    masks: dict[str, NDArray[Any]]


class SamePrepare:
    """What MONAI's transforms do, frames as channels; the first voxel keeps its place under the new spacing."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def digest(self) -> str:
        return f"bench {self.task.spacing_mm} {self.task.size}"

    def sample(self, scans: Any, _: Any, /) -> Prepared:
        scan = reorient(scans[0], "RAS")
        x_TIJK = scan.values()[0]
        spacing = scan.spacing_mm
        for axis, (old, new) in enumerate(zip(spacing, self.task.spacing_mm, strict=True), start=1):
            x_TIJK = resampled(x_TIJK, axis, new / old)
        low, high = np.percentile(x_TIJK, (LOW, HIGH))
        x_TIJK = ((x_TIJK - np.float32(low)) / np.float32(high - low)).clip(0, 1)
        for axis, size in enumerate(self.task.size, start=1):
            x_TIJK = fitted(x_TIJK, axis, size)
        return Prepared(np.ascontiguousarray(x_TIJK), {})


def resampled(x: NDArray[np.float32], axis: int, step: float) -> NDArray[np.float32]:
    """Linear samples every `step` voxels along an axis; beyond the last voxel its value."""
    last = x.shape[axis] - 1
    places = np.minimum(np.arange(int(np.round(last / step + 1))) * step, last)
    low = np.minimum(places.astype(np.intp), max(last - 1, 0))
    weight = (places - low).astype(np.float32).reshape([-1 if n == axis else 1 for n in range(x.ndim)])
    return x.take(low, axis) * (1 - weight) + x.take(np.minimum(low + 1, last), axis) * weight


def fitted(x: NDArray[np.float32], axis: int, size: int) -> NDArray[np.float32]:
    """An axis cropped or padded with 0 about its middle, as MONAI rounds it."""
    present = x.shape[axis]
    if present >= size:
        first = present // 2 - size // 2
        return x.take(np.arange(first, first + size), axis)
    before = (size - present) // 2
    return np.pad(x, [(before, size - present - before) if n == axis else (0, 0) for n in range(x.ndim)])


if __name__ == "__main__":
    main()
