"""Pictures per second of SimCLR: the project beside lightly 1.6.0 (pip install lightly==1.6.0; needed here only).

Both train one net, a ResNet-18 of torchvision's shape with a projection of 512-512-128, on the same pictures, batch,
size, temperature and threads, with SimCLR's list of changes at strength 0.5. lightly's side is its own example for
PyTorch: LightlyDataset, SimCLRTransform, SimCLRProjectionHead, NTXentLoss and SGD, in a plain loop. The project's
side is the job `simclr` with the loop's record, LARS and shared norms. Neither has workers, so that all work is counted
on one thread, and processor time tells as much as a clock on a busy machine. lightly decodes a picture for every epoch;
the project prepares each once, at twice the side of a view, and keeps it. Both have seen every picture before they are
timed; they take turns in blocks of a few steps. lightly's example computes in fp32; the project is timed in fp32, which
the goal is about, and with `train.precision=bf16`.

Then the project's loader and net alone: views per second that the loader makes on one thread against those that the
net takes (forward, loss, backward). Goals: at least 1.0 times lightly, aim 1.2; the loader at least 2 times the net.

    python bench/simclr.py FOLDER [--side 96] [--batch 32] [--steps 2] [--rounds 3] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.job import SimclrJob
from vesalius.training.loop import Loop

_SUFFIXES = (".png", ".jpg", ".jpeg")
_TEMPERATURE, _STRENGTH = 0.5, 0.5
Clocks = tuple[float, float]
"""Seconds of the clock and of the processor."""


def config_of(manifest: Path, side: int, batch: int, precision: str) -> SimclrConfig:
    """The project's run; grey pictures become three equal channels, as lightly reads them."""
    jitter = {"name": "colour_jitter", "strength": _STRENGTH}
    return SimclrConfig.build(
        data={"manifest": str(manifest), "workers": 0, "memory_mib": 4096, "ratios": [0.9, 0.05, 0.05]},
        prepare={
            "layout": "CJI",
            "intensity": "shown",
            "steps": [{"name": "resize", "size": [2 * side, 2 * side]}, {"name": "repeat", "channels": 3}],
        },
        augment=[
            {"name": "random_resized_crop", "size": [side, side]},
            {"name": "flip", "axes": "I"},
            {"name": "sometimes", "p": 0.8, "transform": jitter},
            {"name": "sometimes", "p": 0.2, "transform": {"name": "greyscale"}},
            {"name": "sometimes", "p": 0.5, "transform": {"name": "blur"}},
        ],
        whole=[{"name": "resize", "size": [side, side]}],
        normalize=[{"name": "standardize", "clip": [0, 1], "mean": [0.45], "std": [0.22]}],
        batch=batch,
        net={"name": "resnet", "depth": 18},
        method={"name": "simclr", "temperature": _TEMPERATURE},
        train={"epochs": 1000, "precision": precision, "optimizer": {"name": "lars", "lr": 0.3, "scaling": "linear"}},
    )


def loop_of(config: SimclrConfig) -> Loop:
    """The project's loop, with every picture prepared."""
    loop = Loop(SimclrJob(config).task(), config.train, None, cpu=True)
    for _ in loop.batches(0, 0):
        pass
    return loop


def house_steps(loop: Loop) -> Iterator[dict[str, float]]:
    """Steps of the project without end."""
    epoch = 0
    while True:
        for batches in loop.batches(epoch, 0):
            yield loop.step(batches)
        epoch += 1


def lightly_steps(folder: Path, side: int, batch: int) -> Iterator[float]:
    """Steps of lightly's example without end."""
    from lightly.data import LightlyDataset
    from lightly.loss import NTXentLoss
    from lightly.models.modules import SimCLRProjectionHead
    from lightly.transforms.simclr_transform import SimCLRTransform
    from torchvision.models import resnet18

    backbone = nn.Sequential(*list(resnet18().children())[:-1])
    head = SimCLRProjectionHead(512, 512, 128)
    transform = SimCLRTransform(input_size=side, cj_strength=_STRENGTH)
    dataset = LightlyDataset(str(folder), transform=transform)
    loader = torch.utils.data.DataLoader(dataset, batch_size=batch, shuffle=True, drop_last=True, num_workers=0)
    criterion = NTXentLoss(temperature=_TEMPERATURE)
    optimizer = torch.optim.SGD([*backbone.parameters(), *head.parameters()], lr=0.06)
    while True:
        for given in loader:
            first, second = given[0]
            z0, z1 = head(backbone(first).flatten(1)), head(backbone(second).flatten(1))
            loss = criterion(z0, z1)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            yield loss.item()


def timed(work: Callable[[], Any]) -> Clocks:
    """Run and return what it took."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - processor


def alone(loop: Loop, batch: int, rounds: int) -> None:
    """Print the views per second of loader and net alone, by processor time."""
    batches = list(next(iter(loop.batches(0, 0))))
    loading, training = [], []
    source = loop.batches(1, 0)
    for _ in range(rounds):
        loading.append(timed(lambda: next(source))[1])
        training.append(timed(lambda: loop.step(batches))[1])
    makes, takes = (2 * batch / statistics.median(times) for times in (loading, training))
    say(f"loader alone {makes:.0f} views/s, net alone {takes:.0f} views/s: {makes / takes:.2f} times as many (goal 2)")


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Pictures per second of SimCLR beside lightly's example.")
    parser.add_argument("folder", type=Path, help="folder of pictures")
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=2, help="of a block")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    files = sorted(path for path in options.folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    cases = tuple(Case(id=path.name, images={"image": path.name}, patient=path.name) for path in files)
    with tempfile.TemporaryDirectory() as work:
        manifest = write_manifest(Cohort(cases, options.folder.resolve()), Path(work) / "pictures.jsonl")
        loops = {name: loop_of(config_of(manifest, options.side, options.batch, name)) for name in ("fp32", "bf16")}
        sides = {
            "lightly": lightly_steps(options.folder, options.side, options.batch),
            **{f"vesalius {name}": house_steps(loop) for name, loop in loops.items()},
        }
        for steps in sides.values():
            next(steps)
        times: dict[str, list[Clocks]] = {name: [] for name in sides}
        for number in range(options.rounds):
            for name in sorted(sides, reverse=bool(number % 2)):
                block = timed(lambda name=name: [next(sides[name]) for _ in range(options.steps)])
                times[name].append(block)
        pictures = options.steps * options.batch
        say(f"{len(files)} pictures, side {options.side}, batch {options.batch}, {options.threads} threads")
        for number, kind in enumerate(("clock", "processor")):
            rate = {name: pictures / statistics.median(block[number] for block in times[name]) for name in times}
            for name, value in rate.items():
                say(f"{kind}: {name} {value:.1f} pictures/s, {value / rate['lightly']:.2f} times lightly")
        alone(loops["fp32"], options.batch, options.rounds)


if __name__ == "__main__":
    main()
