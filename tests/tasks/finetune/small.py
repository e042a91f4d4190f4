"""Small cohorts for finetuning: pictures with a bright half, volumes with a bright ball and its label map."""

from pathlib import Path

import numpy as np

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.phantom.nifti import write_nifti

AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])
SPLITS = ("train",) * 8 + ("val",) * 4 + ("test",) * 4
RESNET = {"name": "resnet", "depth": 18, "factor": 0.125, "inputs": 1}
NET = {"name": "vit", "size": "micro", "depth": 2, "inputs": 1, "layer_scale": 1.0}


def volume(seed):
    """32 x 32 x 6 voxels with a bright ball (labelled 2) and a dark one (3) in two of the slices."""
    draw = np.random.default_rng(seed)
    labels = np.zeros((32, 32, 6), np.uint8)
    at = draw.integers(0, 4)
    grid_i, grid_j = np.meshgrid(np.arange(32), np.arange(32), indexing="ij")
    for value, middle in ((2, draw.integers(6, 26, 2)), (3, draw.integers(6, 26, 2))):
        inside = (grid_i - middle[0]) ** 2 + (grid_j - middle[1]) ** 2 < 20
        labels[inside, at : at + 2] = value
        at = (at + 2) % 4
    image = draw.normal(0, 0.3, labels.shape) + 3.0 * (labels == 2) - 3.0 * (labels == 3)
    return image.astype(np.float32), labels


def make_volumes(folder: Path) -> Path:
    """Writes volumes with label maps; returns the manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for number, split in enumerate(SPLITS):
        image, labels = volume(number)
        write_nifti(folder / f"v{number}.nii.gz", image[None], AFFINE)
        write_nifti(folder / f"v{number}_mask.nii.gz", labels[None], AFFINE)
        cases.append(
            Case(
                id=f"v{number}",
                images={"image": f"v{number}.nii.gz"},
                masks={"mask": f"v{number}_mask.nii.gz"},
                patient=f"p{number}",
                split=split,
            )
        )
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)


def make_pictures(folder: Path, count=48) -> Path:
    """Writes pictures as items of one array; the left half of every other one is bright; one label is not known."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    pictures = draw.normal(0, 0.3, (count, 32, 32)).astype(np.float32)
    pictures[::2, :, :16] += 2
    np.save(folder / "x.npy", pictures)
    cases = []
    for number in range(count):
        labels = {"left": float(number % 2 == 0), "never": 0.0}
        if number == 3:
            del labels["left"]
        split = ("train", "train", "val", "test")[number // 2 % 4]
        images = {"image": f"x.npy#array/{number}"}
        cases.append(Case(id=f"x{number}", images=images, patient=f"p{number}", labels=labels, split=split))
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)


def of_volumes(manifest, **changes):
    """A table of keys for a run on the volumes."""
    table = {
        "task": "finetune",
        "data": {
            "manifest": str(manifest),
            "slices": {"values": {"any": [2, 3], "bright": [2], "dark": [3]}, "least": 5},
            "workers": 0,
        },
        "prepare": {"layout": "BCJI", "plane": "native"},
        "augment": [{"name": "flip", "axes": "IJ"}],
        "batch": 16,
        "repeats": 8,
        "net": NET,
        "loss": {"places": 1.0, "place_least": 3},
        "train": {"epochs": 8, "optimizer": {"lr": 0.003}, "validate_every": 4, "log_every": 2},
    }
    return table | changes


def of_pictures(manifest, **changes):
    """A table of keys for a run on the pictures."""
    table = {
        "task": "finetune",
        "data": {"manifest": str(manifest), "workers": 0},
        "prepare": {"layout": "CJI"},
        "batch": 8,
        "repeats": 4,
        "net": NET,
        "train": {"epochs": 6, "optimizer": {"lr": 0.003}, "validate_every": 3, "log_every": 2},
    }
    return table | changes


CELLS = ("red", "white", "platelet")


def make_cells(folder: Path, count=60) -> Path:
    """Writes pictures of which a third each is bright at the left, at the right, or nowhere; each has one class."""
    folder.mkdir(parents=True, exist_ok=True)
    draw = np.random.default_rng(0)
    pictures = draw.normal(0, 0.3, (count, 32, 32)).astype(np.float32)
    pictures[::3, :, :16] += 2
    pictures[1::3, :, 16:] += 2
    np.save(folder / "x.npy", pictures)
    cases = []
    for number in range(count):
        facts = {
            "kind": CELLS[number % 3],
            "view": ("AP", "PA")[number % 5 < 2],
            "sex": "FM"[number % 2],
            "age": number,
        }
        images = {"image": f"x.npy#array/{number}"}
        split = ("train", "train", "val", "test")[number // 3 % 4]
        labels = {CELLS[number % 3]: 1.0}
        cases.append(
            Case(id=f"x{number}", images=images, patient=f"p{number}", labels=labels, facts=facts, split=split)
        )
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl", force=True)
