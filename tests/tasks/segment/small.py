"""A small cohort whose label maps can be learned in seconds, and a configuration for it."""

from pathlib import Path

import numpy as np

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.phantom.nifti import write_nifti

SHAPE = (20, 18, 12)
AFFINE = np.diag([1.0, 1.5, 2.0, 1.0])
SPLITS = ("train",) * 5 + ("val", "test", "test")


def blob(seed):
    """A bright and a dark ball in noise, labelled 4 and 7."""
    draw = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), -1)
    labels = np.zeros(SHAPE, np.uint8)
    for value, middle in ((4, (6, 6, 5)), (7, (14, 12, 7))):
        labels[((grid - middle - draw.integers(-1, 2, 3)) ** 2).sum(-1) < 14] = value
    image = 100.0 + 60 * (labels == 4) - 60 * (labels == 7) + draw.normal(0, 5, SHAPE)
    return image.astype(np.float32), labels


def make_cohort(folder: Path, splits=SPLITS) -> Path:
    """Writes the cohort; returns its manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number, split in enumerate(splits):
        image, labels = blob(number)
        write_nifti(folder / f"c{number}.nii.gz", image[None], AFFINE)
        write_nifti(folder / f"c{number}_seg.nii.gz", labels[None], AFFINE)
        cases.append(
            Case(
                id=f"c{number}",
                images={"image": f"c{number}.nii.gz"},
                masks={"mask": f"c{number}_seg.nii.gz"},
                patient=f"p{number}",
                split=split,
            )
        )
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)


def settings(manifest, **changes):
    """A table of keys for a run that learns the small cohort."""
    table = {
        "task": "segment",
        "data": {"manifest": str(manifest), "labels": {"bright": [4], "dark": [7]}, "workers": 0},
        "prepare": {"layout": "CIJK", "values": [{"name": "zscore"}]},
        "patch": [16, 16, 1],
        "augment": [{"name": "flip", "axes": "IJ"}],
        "batch": 8,
        "repeats": 16,
        "net": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 3, "channels": [8, 16], "units": 1},
        "train": {"epochs": 4, "optimizer": {"lr": 0.01}, "best": "dice", "log_every": 2},
    }
    for key, value in changes.items():
        place = table
        *path, last = key.split("__")
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return table
