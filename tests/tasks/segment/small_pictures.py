"""Pictures with bright or dark discs, and label maps that number the discs; and a configuration for them."""

from pathlib import Path

import numpy as np
from PIL import Image

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest

SIZE = 40, 48
"""Rows and columns."""
SPLITS = ("train",) * 6 + ("val", "test", "test")


def discs(seed, dark=False):
    """A picture (J, I, 3) of 8 bits and its label map (J, I) of 16 bits: each disc has a number of its own."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    numbers = np.zeros(SIZE, np.uint16)
    for number, (row, column) in enumerate(((8, 9), (10, 36), (29, 22)), start=1):
        shift = draw.integers(-2, 3, 2)
        numbers[(rows - row - shift[0]) ** 2 + (columns - column - shift[1]) ** 2 < 30] = 100 * number
    brightness = 60.0 + 120 * ((numbers > 0) != dark)
    picture = brightness[..., None] * (1.0, 0.9, 0.7) + draw.normal(0, 6, (*SIZE, 3))
    return picture.clip(0, 255).astype(np.uint8), numbers


def make_pictures(folder: Path, splits=SPLITS) -> Path:
    """Writes the cohort, every other picture with dark discs; returns its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number, split in enumerate(splits):
        picture, numbers = discs(number, dark=number % 2 == 1)
        Image.fromarray(picture).save(folder / f"d{number}.png")
        Image.fromarray(numbers).save(folder / f"d{number}_mask.png")
        images, masks = {"image": f"d{number}.png"}, {"mask": f"d{number}_mask.png"}
        cases.append(Case(id=f"d{number}", images=images, masks=masks, patient=f"p{number}", split=split))
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)


def of_pictures(manifest, **changes):
    """A table of keys for a run on the pictures."""
    table = {
        "task": "segment",
        "data": {"manifest": str(manifest), "labels": {"disc": [1]}, "map_values": "objects", "workers": 0},
        "prepare": {"layout": "CIJK", "values": [{"name": "standardize", "mean": [128.0], "std": [64.0]}]},
        "patch": [32, 32, 1],
        "batch": 4,
        "repeats": 4,
        "suffix": ".png",
        "net": {"name": "unet", "dims": 2, "inputs": 3, "outputs": 2, "channels": [8, 16], "units": 1},
        "train": {"epochs": 4, "optimizer": {"lr": 0.01}, "log_every": 2},
    }
    return table | changes
