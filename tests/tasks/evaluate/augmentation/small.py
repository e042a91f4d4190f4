"""A run that takes seconds: pictures of three classes, and synthetic ones like them or of noise."""

import numpy as np
import yaml

from tasks.finetune.small import NET, make_cells
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.tasks.evaluate.augmentation.options import AugmentationOptions

OPTIONS = AugmentationOptions(arms=("real", "classical", "synthetic"), seeds=(0, 1), measure="accuracy")


def make_config(folder, **changes):
    """Writes pictures, their manifest and a configuration; returns the configuration's file."""
    table = {
        "task": "finetune",
        "data": {"manifest": str(make_cells(folder / "data")), "workers": 0},
        "prepare": {"layout": "CJI"},
        "augment": [{"name": "flip", "axes": "J"}],
        "batch": 8,
        "net": NET,
        "loss": {"name": "softmax"},
        "train": {"epochs": 2, "optimizer": {"lr": 0.003}},
    }
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(table | changes))
    return path


def make_synthetic(folder, split="train", noise=0.3, **changes):
    """Writes a synthetic picture of each case of a split; `changes` are keys of all cases."""
    folder.mkdir(parents=True, exist_ok=True)
    real = read_manifest(folder.parent / "data" / "m.jsonl")
    sources = [case for case in real if case.split == split]
    draw = np.random.default_rng(7)
    pictures = draw.normal(0, noise, (len(sources), 32, 32)).astype(np.float32)
    for number, case in enumerate(sources):
        pictures[number][:, {"red": slice(0, 16), "white": slice(16, 32)}.get(case.facts["kind"], slice(0))] += 2
    np.save(folder / "s.npy", pictures)
    cases = [
        case.model_copy(
            update={
                "id": f"{case.id}-synthetic",
                "images": {"image": f"s.npy#array/{number}"},
                "split": "train",
                "facts": case.facts | {"source": case.id},
                **changes,
            }
        )
        for number, case in enumerate(sources)
    ]
    return write_manifest(Cohort(tuple(map(Case.model_validate, cases)), folder), folder / "s.jsonl", force=True)
