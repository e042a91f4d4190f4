"""`vesalius train segment/hippocampus` beside a plain MONAI script with the same net, patients and epochs, in one run.

Both train at the same time, each in its own process on one thread, so both have the same machine; then both are
tested on the same held-out patients. Printed: training seconds per epoch (validation left out), processor seconds of
the whole training, and Dice of each patient. MONAI: CacheDataset (everything prepared once, in memory), dictionary
transforms with the augmentation of the configuration, DiceCELoss, AdamW with warm-up and cosine, the best epoch by
validation; without the averaged weights (EMA) that the configuration asks for. Goals: a mean Dice of 0.85, and
the script neither faster per epoch nor better.

    python bench/hippocampus.py MSD_TASK04 -o WORK [--epochs 30]
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from vesalius.cohort.build import build_cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.split import training_splits
from vesalius.config import load_config
from vesalius.metrics.bootstrap import patient_interval
from vesalius.tasks.segment.config import SegmentConfig
from vesalius.tasks.train.jobs import find_config

OURS, PLAIN = "vesalius", "MONAI script"
CONFIG = "segment/hippocampus"
GOAL = 0.85


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Medical Segmentation Decathlon, Task04_Hippocampus")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the manifest, the run and results")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--contender", choices=[OURS, PLAIN], help=argparse.SUPPRESS)
    given = parser.parse_args()
    manifest = given.output / "manifest.jsonl"
    if given.contender:
        result = ours(given.output, given.epochs) if given.contender == OURS else plain(manifest, given.epochs)
        result["cpu_seconds"] = time.process_time()
        (given.output / f"{given.contender}.json").write_text(json.dumps(result), encoding="utf-8")
        return
    given.output.mkdir(parents=True, exist_ok=True)
    write_manifest(build_cohort("msd", given.data), manifest)
    again = [sys.executable, __file__, str(given.data), "-o", str(given.output), "--epochs", str(given.epochs)]
    running = [subprocess.Popen([*again, "--contender", name]) for name in (OURS, PLAIN)]
    if any([one.wait() for one in running]):
        sys.exit("a contender failed")
    show({name: json.loads((given.output / f"{name}.json").read_text(encoding="utf-8")) for name in (OURS, PLAIN)})


def show(results: dict[str, dict[str, Any]]) -> None:
    """Print what was measured."""
    ours_, plain_ = (results[name]["dice"] for name in (OURS, PLAIN))
    if set(ours_) != set(plain_):
        sys.exit("the contenders were tested on different patients")
    parts = list(next(iter(ours_.values())))
    print(f"{'held-out patient':24s}" + "".join(f"{name + ' ' + part:>24s}" for name in results for part in parts))
    for patient in sorted(ours_):
        values = [results[name]["dice"][patient][part] for name in results for part in parts]
        print(f"{patient:24s}" + "".join(f"{value:24.3f}" for value in values))
    print()
    print(f"{'':14s}{'s per epoch':>12s}{'CPU s in all':>14s}{'mean Dice':>11s}" + "".join(f"{p:>11s}" for p in parts))
    for name, one in results.items():
        means = [statistics.mean(dice[part] for dice in one["dice"].values()) for part in parts]
        numbers = [f"{one['seconds_per_epoch']:12.1f}", f"{one['cpu_seconds']:14.0f}"]
        numbers += [f"{value:11.3f}" for value in (statistics.mean(means), *means)]
        print(f"{name:14s}" + "".join(numbers))
    apart = [statistics.mean(ours_[one].values()) - statistics.mean(plain_[one].values()) for one in ours_]
    interval = patient_interval(apart)
    if interval:
        found = f"{statistics.mean(apart):+.4f}, 95 % interval {interval.low:+.4f} to {interval.high:+.4f}"
        print(f"mean Dice of {OURS} less that of the {PLAIN}, by patient: {found}")
    print(f"goal: a mean Dice of at least {GOAL}, and the script neither faster per epoch nor better")


def ours(output: Path, epochs: int) -> dict[str, Any]:
    """Train and test with the package."""
    from vesalius.tasks.train.run import train

    run = output / "run"
    overrides = [f"data.manifest={output / 'manifest.jsonl'}", f"train.epochs={epochs}"]
    train(CONFIG, run, overrides, device="cpu", threads=1, force=True, progress=print)
    seconds, before = 0.0, 0.0
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        seconds += row["seconds"] - before if row["kind"] == "train" else 0.0
        before = row["seconds"]
    dice: dict[str, dict[str, float]] = {}
    with (run / "table.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            dice.setdefault(row["unit"], {})[row["name"]] = float(row["dice"])
    return {"seconds_per_epoch": seconds / epochs, "dice": dice}


def plain(manifest: Path, epochs: int) -> dict[str, Any]:
    """The same training as people write it with MONAI."""
    import torch
    from monai.data import CacheDataset, DataLoader
    from monai.inferers import sliding_window_inference
    from monai.losses import DiceCELoss
    from monai.networks.nets import UNet
    from monai.utils import set_determinism

    config = load_config(SegmentConfig, find_config(CONFIG), [f"data.manifest={manifest}"])
    torch.set_num_threads(1)
    set_determinism(config.train.seed)
    cohort = read_manifest(manifest)
    parts = training_splits(cohort, config.data.ratios, seed=config.train.seed)
    files = {
        name: [
            {
                "id": one.id,
                "image": str(cohort.root / one.images["image"]),
                "label": str(cohort.root / one.masks["mask"]),
            }
            for one in part
        ]
        for name, part in parts.items()
    }
    fixed, random = monai_transforms(config.patch)
    training = DataLoader(
        CacheDataset(files["train"], [*fixed, *random], num_workers=1, progress=False),
        batch_size=config.batch,
        shuffle=True,
        drop_last=True,
    )
    held_out = {name: CacheDataset(files[name], fixed, num_workers=1, progress=False) for name in ("val", "test")}
    shape = config.net.model_dump()
    net = UNet(
        spatial_dims=3,
        in_channels=1,
        out_channels=3,
        channels=shape["channels"],
        strides=(2,) * (len(shape["channels"]) - 1),
        num_res_units=shape["units"],
        norm=("INSTANCE", {"affine": True}),
    )
    loss_of = DiceCELoss(to_onehot_y=True, softmax=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=config.train.optimizer.lr, weight_decay=0.01)
    steps = epochs * len(training)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / 30, 0.5 * (1 + math.cos(math.pi * max(0, step - 30) / (steps - 30))))
    )

    @torch.no_grad()
    def dice_of(name: str) -> dict[str, dict[str, float]]:
        net.eval()
        found = {}
        for one, sample in zip(files[name], held_out[name], strict=True):
            logits = sliding_window_inference(sample["image"][None], config.patch, 4, net, 0.5, mode="gaussian")
            classes, truth = logits.argmax(1)[0].numpy(), sample["label"][0].numpy()
            found[one["id"]] = {
                part: float(2 * np.sum((classes == n) & (truth == n)) / (np.sum(classes == n) + np.sum(truth == n)))
                for n, part in enumerate(config.data.labels, start=1)
            }
        net.train()
        return found

    best, weights, seconds = -1.0, net.state_dict(), 0.0
    for epoch in range(1, epochs + 1):
        begun = time.perf_counter()
        for batch in training:
            optimizer.zero_grad()
            loss = loss_of(net(batch["image"]), batch["label"])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            rate.step()
        seconds += time.perf_counter() - begun
        if epoch % config.train.validate_every == 0 or epoch == epochs:
            mean = statistics.mean(value for one in dice_of("val").values() for value in one.values())
            print(f"{PLAIN}: epoch {epoch}, Dice {mean:.3f}", flush=True)
            if mean > best:
                best, weights = mean, {key: value.clone() for key, value in net.state_dict().items()}
    net.load_state_dict(weights)
    return {"seconds_per_epoch": seconds / epochs, "dice": dice_of("test")}


def monai_transforms(patch: tuple[int, int, int]) -> tuple[list[Any], list[Any]]:
    """What is done once, and what anew in each epoch."""
    from monai import transforms as mt

    both = ["image", "label"]
    turn = math.radians(15)
    fixed = [
        mt.LoadImaged(both, image_only=True),
        mt.EnsureChannelFirstd(both),
        mt.Orientationd(both, "RAS", labels=None),
        mt.NormalizeIntensityd("image"),
        mt.SpatialPadd(both, patch),
    ]
    random = [
        mt.RandCropByPosNegLabeld(both, "label", patch, pos=1, neg=1),
        mt.RandAffined(
            both,
            prob=0.5,
            rotate_range=(turn,) * 3,
            scale_range=(0.15,) * 3,
            translate_range=tuple(0.05 * size for size in patch),
            mode=("bilinear", "nearest"),
            padding_mode="border",
        ),
        mt.RandAdjustContrastd("image", prob=0.3, gamma=(0.8, 1.2)),
        mt.RandScaleIntensityd("image", factors=0.1, prob=0.3),
        mt.RandShiftIntensityd("image", offsets=0.1, prob=0.3),
        mt.RandFlipd(both, prob=0.5, spatial_axis=0),
    ]
    return fixed, random


if __name__ == "__main__":
    main()
