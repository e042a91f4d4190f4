"""Volumes per second of VoCo: the project beside the published code, github.com/Luffy03/VoCo at ba7b7bd (2025-12-01).

    git clone https://github.com/Luffy03/VoCo && git -C VoCo checkout ba7b7bd
    python bench/voco.py VoCo VOLUME... [--feature-size 12] [--batch 1] [--rounds 3] [--plain]

The published code runs from the folder that is named. What is theirs here: `get_loader` with its transforms, its
PersistentDataset (the cache is on, on disk), its crops and `concat_image`; `VoCoHead` (nets, teacher and loss), AdamW
with amsgrad and the schedule. Their script demands a GPU, so the four lines of its step stand below. On a CPU its
automatic mixed precision is off. Names are changed for the run, not the code: the list of files, the folder of the
cache, and no processes that load, so that all work is counted on the same threads. The head of 1152 inputs is replaced
by one that fits the feature size.

Both train on the same files (copies of the given volumes in the window of the code, -175 to 250), the same volumes of
384 x 384 x 96, the same 2 random and 16 base crops of 96^3 resized to 64^3 with the same changes, the same net, batch
and learning rate, in fp32. The project's side is the job `voco` with its health measured at every step. Both have seen
every volume before they are timed. They take turns, one step in a round; a round gives a ratio, and the rounds an
interval (Student's t of its logarithm, 95 %). Parts of a step: the next batch, then the step. For theirs the batch has
its crops; the project cuts them within the step, so cutting is timed once more alone. The published step counts with
the checkpointing that is its default; --plain times it without, too (12 GiB for a batch of 1). Processor time tells as
much as a clock on a busy machine. Goal: 2 times the published code.

Then loading alone: seconds for an epoch of volumes, the project's second epoch against MONAI's LoadImage pipeline
(theirs up to the crops) in every epoch. Goal: 5 times.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import math
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import torch
from scipy.stats import t as student

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.crops import cut_crops
from vesalius.tasks.voco.job import VocoJob
from vesalius.training.loop import Loop

LOW, HIGH, SHOWN = -175.0, 250.0, 0.3
"""Window of the published code, and its threshold of the foreground in 0..1."""
VOLUME, CROP, SEEN = (384, 384, 96), (96, 96, 96), (64, 64, 64)
PUBLISHED, PLAIN = "published", "published, no checkpointing"
OURS = "vesalius"
GOAL, LOADING_GOAL = 2.0, 5.0
Clocks = tuple[float, float]
"""Seconds of the clock and of the processor."""
Step = tuple[Clocks, Clocks]
"""The next batch, and the step."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Volumes per second of VoCo beside the published code.")
    parser.add_argument("published", type=Path, help="folder of the published code")
    parser.add_argument("volumes", type=Path, nargs="+", help="NIfTI files")
    parser.add_argument("--feature-size", type=int, default=12)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="time the published step without checkpointing, too")
    parser.add_argument("--loading-only", action="store_true", help="compare loading alone")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as work:
        files = [windowed(path, Path(work) / f"{n}.nii.gz") for n, path in enumerate(options.volumes)]
        theirs = Published(options.published, files, Path(work) / "cache", options)
        loop = house(files, options)
        sizes = f"feature size {options.feature_size}, batch {options.batch}, {options.threads} threads"
        say(f"{len(files)} volumes, {sizes}")
        if not options.loading_only:
            compare(theirs, loop, options)
        compare_loading(theirs, loop, options.rounds)


def windowed(path: Path, copy: Path) -> Path:
    """Write a volume with the middle of its values in the published window, as int16."""
    image = nib.load(path)
    values = np.asarray(image.dataobj, np.float32)
    low, high = np.percentile(values, (1, 99))
    shown = (values - low) / max(high - low, 1e-6) * (HIGH - LOW) + LOW
    nib.save(nib.Nifti1Image(np.rint(shown.clip(-1000, 1000)).astype(np.int16), image.affine), copy)
    return copy


def house(files: list[Path], options: argparse.Namespace) -> Loop:
    """Return the project's loop."""
    names = {path.name: "train" for path in files} | {"held out": "val"}
    cases = tuple(
        Case(id=name, images={"image": files[0].name if split == "val" else name}, patient=name, split=split)
        for name, split in names.items()
    )
    manifest = write_manifest(Cohort(cases, files[0].parent), files[0].parent / "volumes.jsonl")
    window = {"name": "standardize", "clip": [LOW, HIGH], "mean": [LOW], "std": [HIGH - LOW]}
    config = VocoConfig.build(
        data={"manifest": str(manifest), "workers": 0, "memory_mib": 8192},
        prepare={
            "layout": "CIJK",
            "orient": "RAS",
            "values": [window],
            "steps": [{"name": "foreground_crop", "above": SHOWN}, {"name": "resize", "size": VOLUME}],
        },
        batch=options.batch,
        net={"name": "voco", "inputs": 1, "feature_size": options.feature_size},
        method={"name": "voco", "geometry": {"grid": [4, 4, 1], "crop": CROP, "resized": SEEN, "random": 2}},
        train={"epochs": 1000, "optimizer": {"name": "adamw", "lr": 1e-4}},
    )
    return Loop(VocoJob(config).task(), config.train, None, cpu=True)


class Published:
    """The published code, from its folder.

    Args:
        folder: of the code.
        files: the volumes.
        cache: folder for its PersistentDataset.
        options: of the command line.
    """

    def __init__(self, folder: Path, files: list[Path], cache: Path, options: argparse.Namespace) -> None:
        sys.path.insert(0, str(folder.resolve()))
        self.data = importlib.import_module("utils.data_utils")
        self.concat = importlib.import_module("utils.ops").concat_image
        head = importlib.import_module("models.voco_head")
        schedules = importlib.import_module("optimizers.lr_scheduler")
        self._files, self._cache = [{"image": str(path)} for path in files], cache
        self.settings = SimpleNamespace(
            **{"a_min": LOW, "a_max": HIGH, "b_min": 0.0, "b_max": 1.0, "roi_x": SEEN[0], "sw_batch_size": 2},
            **{"batch_size": options.batch, "distributed": False, "cache_dataset": False, "smartcache_dataset": False},
            **{"in_channels": 1, "spatial_dims": 3, "feature_size": options.feature_size, "dropout_path_rate": 0.0},
        )
        self.loader = self._loader()
        self.nets = {}
        for name, checkpointing in ((PUBLISHED, True), (PLAIN, False)):
            net = head.VoCoHead(SimpleNamespace(**vars(self.settings), use_checkpoint=checkpointing))
            for part in (net.student, net.teacher):
                part.proj_head = head.projection_head(24 * options.feature_size)
            optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, amsgrad=True)
            schedule = schedules.WarmupCosineSchedule(optimizer, warmup_steps=5000, t_total=250000)
            self.nets[name] = net, optimizer, schedule

    def _loader(self) -> Any:
        """Call `get_loader` with our list of files, cache folder and no processes."""
        data, lists = self.data, [self._files]
        persistent, loader = data.PersistentDataset, data.DataLoader
        data.load_decathlon_datalist = lambda *_, **__: lists.pop() if lists else []
        data.PersistentDataset = lambda **given: persistent(**{**given, "cache_dir": self._cache})
        data.DataLoader = lambda dataset, **given: loader(dataset, **{**given, "num_workers": 0, "pin_memory": False})
        with contextlib.redirect_stdout(io.StringIO()):
            return data.get_loader(self.settings)

    def batches(self) -> Iterator[Any]:
        """Batches without end."""
        while True:
            yield from self.loader

    def step(self, name: str, batch: Any) -> float:
        """What the training script does with a batch."""
        net, optimizer, schedule = self.nets[name]
        net.train()
        images, labels, crops = batch
        with contextlib.redirect_stdout(io.StringIO()):
            positive, negative, base = net(self.concat(images), self.concat(crops), labels)
        loss = positive + negative + base
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        return float(loss)

    def volumes(self) -> Iterator[Any]:
        """An epoch of MONAI's LoadImage pipeline: their transforms up to the crops, without a cache."""
        steps = self.loader.dataset.transform.transforms[:-1]
        for case in self._files:
            given: Any = dict(case)
            for change in steps:
                given = change(given)
            yield given["image"]


def compare(theirs: Published, loop: Loop, options: argparse.Namespace) -> None:
    """Time steps in turn, print ratios and parts."""
    ours, net = loop.task.modules, theirs.nets[PUBLISHED][0].student
    counts = [sum(p.numel() for p in part.parameters()) for part in (net, ours["encoder"], ours["head"])]
    say(f"parameters of the student: published {counts[0]}, vesalius {counts[1] + counts[2]}")
    source, own = theirs.batches(), house_batches(loop)
    for _ in range(len(theirs.loader)):
        next(source)
    for _ in loop.batches(0, 0):
        pass
    names = [PUBLISHED, PLAIN, OURS] if options.plain else [PUBLISHED, OURS]
    times: dict[str, list[Step]] = {name: [] for name in names}
    cutting: list[Clocks] = []
    for number in range(options.rounds + 1):  # the first warms up
        for name in sorted(names, reverse=bool(number % 2)):
            batch, loading = timed(lambda name=name: next(own if name == OURS else source))
            step = loop.step if name == OURS else lambda batch, name=name: theirs.step(name, batch)
            _, rest = timed(lambda step=step, batch=batch: step(batch))
            if number:
                times[name].append((loading, rest))
                say(f"  round {number}: {name}: batch {loading[1]:.2f} s, step {rest[1]:.2f} s of the processor")
            if number and name == OURS:
                cutting.append(timed(lambda batch=batch: cut_crops(batch[0]["image"], batch[0], CROP, SEEN))[1])
    report(times, cutting, options.batch)


def report(times: dict[str, list[Step]], cutting: list[Clocks], batch: int) -> None:
    """Print the ratios, and what they consist of."""
    for number, kind in enumerate(("clock", "processor")):
        whole = {name: [step[0][number] + step[1][number] for step in measured] for name, measured in times.items()}
        for name, seconds in whole.items():
            middle, low, high = interval([a / b for a, b in zip(whole[PUBLISHED], seconds, strict=True)])
            rate = batch / statistics.median(seconds)
            say(f"{kind}: {name} {rate:.4f} volumes/s, {middle:.2f} times published ({low:.2f} to {high:.2f})")
        middle = interval([a / b for a, b in zip(whole[PUBLISHED], whole[OURS], strict=True)])[0]
        say(f"{kind}: goal of {GOAL:g} times {'met' if middle >= GOAL else 'MISSED'}: {middle:.2f}")
    say("what the factor consists of, medians in seconds of the processor:")
    parts = {
        name: [statistics.median(step[n][1] for step in measured) for n in (0, 1)] for name, measured in times.items()
    }
    cut = statistics.median(clocks[1] for clocks in cutting)
    for name, (loading, rest) in parts.items():
        shown = (loading + cut, rest - cut) if name == OURS else (loading, rest)
        say(f"  {name}: volumes and their crops {shown[0]:.2f}, nets, loss and optimizer {shown[1]:.2f}")
    saved = parts[PUBLISHED][0] - parts[OURS][0] - cut, parts[PUBLISHED][1] - parts[OURS][1] + cut
    say(f"  saved by cache and batched crops {saved[0]:.2f}, in the step {saved[1]:.2f}")
    if PLAIN in times:
        say(f"  of the latter, no checkpointing would save {parts[PUBLISHED][1] - parts[PLAIN][1]:.2f}")


def compare_loading(theirs: Published, loop: Loop, rounds: int) -> None:
    """Time epochs of volumes in turn: the loader's second epoch, and MONAI's pipeline."""
    loader: Any = loop.task._training  # type: ignore[attr-defined]

    def ours() -> None:
        for sample in loader.epoch(1):
            touch(sample.image)

    def monai() -> None:
        for image in theirs.volumes():
            touch(image)

    for sample in loader.epoch(0):
        touch(sample.image)
    pairs = [(timed(monai)[1], timed(ours)[1]) for _ in range(rounds)]
    for number, kind in enumerate(("clock", "processor")):
        middle, low, high = interval([slow[number] / fast[number] for slow, fast in pairs])
        slow, fast = (statistics.median(pair[side][number] for pair in pairs) for side in (0, 1))
        say(
            f"{kind}: an epoch of volumes: LoadImage pipeline {slow:.2f} s, second epoch {fast:.3f} s: "
            f"{middle:.1f} times ({low:.1f} to {high:.1f}); goal of {LOADING_GOAL:g} "
            f"{'met' if middle >= LOADING_GOAL else 'MISSED'}"
        )


def house_batches(loop: Loop) -> Iterator[Any]:
    """Batches of the project without end."""
    epoch = 1
    while True:
        yield from loop.batches(epoch, 0)
        epoch += 1


def interval(ratios: list[float]) -> tuple[float, float, float]:
    """Return the geometric mean of ratios and its interval of 95 %; of one ratio it is unknown (nan)."""
    logs = [math.log(ratio) for ratio in ratios]
    middle = statistics.mean(logs)
    if len(logs) < 2:
        return math.exp(middle), math.nan, math.nan
    half = float(student.ppf(0.975, len(logs) - 1)) * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(middle), math.exp(middle - half), math.exp(middle + half)


def timed(work: Callable[[], Any]) -> tuple[Any, Clocks]:
    """Run; return the result and what it took."""
    clock, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, (time.perf_counter() - clock, time.process_time() - processor)


def touch(image: Any) -> None:
    """A little of what training does, so that nothing is merely promised."""
    assert float(image[..., image.shape[-1] // 2].max()) <= 1


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
