"""A small cohort for pre-training, and a run that fits it."""

from pathlib import Path

import numpy as np

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest

SIDE = 40
JITTER = [
    {"name": "random_resized_crop", "size": [32, 32], "area": [0.4, 1.0]},
    {"name": "flip", "axes": "I"},
    {"name": "sometimes", "p": 0.8, "transform": {"name": "grey_jitter", "strength": 0.5}},
    {"name": "sometimes", "p": 0.5, "transform": {"name": "blur", "sigma": [0.1, 1.0]}},
]
RESNET = {"name": "resnet", "depth": 18, "factor": 0.25, "inputs": 1}
VIT = {"name": "vit", "size": "micro", "depth": 2, "inputs": 1, "layer_scale": 1.0}


def make_pictures(folder: Path, count: int = 48, splits: str = "train train val test") -> Path:
    """Write discs (label) or bars at random places as items of one array; four pictures for each patient."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pictures = draw.uniform(0, 60, (count, SIDE, SIDE))
    for number, picture in enumerate(pictures):
        row, column = draw.uniform(14, 26, 2)
        is_disc = number % 2 == 0
        shape = np.hypot(rows - row, columns - column) < 8 if is_disc else abs(rows - columns + row - column) < 4
        picture[shape] += 150
    np.save(folder / "x.npy", pictures.astype(np.uint8))
    cases = []
    for number in range(count):
        split = splits.split()[number // 4 % len(splits.split())]
        labels = {"disc": float(number % 2 == 0)}
        images = {"image": f"x.npy#array/{number}"}
        cases.append(Case(id=f"x{number}", images=images, patient=f"p{number // 4}", labels=labels, split=split))
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)


def table(manifest: Path, **changes):
    """Keys of a small run."""
    keys = {
        "task": "simclr",
        "data": {"manifest": str(manifest), "workers": 0},
        "prepare": {"layout": "CJI", "values": [{"name": "standardize", "mean": [0], "std": [255]}]},
        "augment": JITTER,
        "whole": [{"name": "resize", "size": [32, 32]}],
        "batch": 8,
        "net": VIT,
        "method": {"name": "simclr", "temperature": 0.2, "outputs": 16},
        "train": {
            "epochs": 3,
            "optimizer": {"name": "lars", "lr": 0.3, "scaling": "linear", "weight_decay": 1e-6},
            "schedule": {"warmup_epochs": 1},
            "log_every": 1,
        },
    }
    return keys | changes
