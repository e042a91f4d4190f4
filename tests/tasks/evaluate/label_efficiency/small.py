"""A run that takes seconds: pictures of 32 x 32 with a bright half, a ViT of one block."""

import yaml

from tasks.finetune.small import make_pictures
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.split import split_cohort
from vesalius.tasks.evaluate.label_efficiency.options import EfficiencyOptions

NET = {"name": "vit", "size": "micro", "depth": 1, "inputs": 1, "layer_scale": 1.0}
OPTIONS = EfficiencyOptions(shares=(30.0, 100.0), seeds=(0, 1), arms=("scratch", "pretrained"))


def make_config(folder, count=48, folds=0, **changes):
    """Writes pictures, a manifest and a configuration; returns the configuration's file."""
    manifest = make_pictures(folder / "data", count)
    if folds:
        cohort = split_cohort(read_manifest(manifest), (3, 1, 0), folds=folds)
        write_manifest(Cohort(cohort.cases, cohort.root), manifest, force=True)
    table = {
        "task": "finetune",
        "data": {"manifest": str(manifest), "workers": 0, "classes": ["left"]},
        "prepare": {"layout": "CJI"},
        "batch": 8,
        "net": NET,
        "train": {"epochs": 1, "optimizer": {"lr": 0.003}},
    }
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(table | changes))
    return path
