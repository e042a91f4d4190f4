"""The configurations of the package: each is built and stepped on a few pictures."""

import numpy as np
import pytest
import yaml
from PIL import Image

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.job import SimclrJob
from vesalius.tasks.train.jobs import config_names, find_config
from vesalius.training.loop import Loop
from vesalius.transforms.transform import Chain

NAMES = [name for name in config_names() if name.startswith("simclr/")]
LIGHT = {
    "bit": {"name": "bit", "depths": [1, 1, 1, 1], "factor": 0.25, "norm_groups": 4},
    "resnet": {"depth": 18, "factor": 0.25},
}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory):
    """Grey and coloured pictures of 72 x 64 pixels, three to train on and two to validate on."""
    folder, draw = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    files = {}
    for mode, shape in (("L", (64, 72)), ("RGB", (64, 72, 3))):
        cases = []
        for number in range(5):
            name = f"{mode}{number}.png"
            Image.fromarray(draw.integers(0, 256, shape, dtype=np.uint8), mode).save(folder / name)
            split = "train" if number < 3 else "val"
            cases.append(Case(id=name, images={"image": name}, patient=f"p{number}", split=split))
        files[mode] = write_manifest(Cohort(tuple(cases), folder), folder / f"{mode}.jsonl")
    return files


@pytest.mark.parametrize("name", NAMES)
def test_is_built_and_stepped(name, manifests):
    raw = yaml.safe_load(find_config(name).read_text(encoding="utf-8"))
    grey = "cxr" in name
    raw["data"] |= {"manifest": str(manifests["L" if grey else "RGB"]), "workers": 0}
    raw["net"] |= LIGHT[raw["net"]["name"]]
    whole = SimclrConfig.parse(raw)
    raw |= {"batch": 2, "chunk": None}
    raw["train"] |= {"epochs": 1, "precision": "fp32"}
    raw["train"]["schedule"]["warmup_epochs"] = 0
    config = SimclrConfig.parse(raw)
    task = SimclrJob(config).task()
    loop = Loop(task, config.train, None, cpu=True)
    (batches,) = loop.batches(0, 0)
    views = batches[0]
    assert views.shape[:2] == (2, 2)
    assert views.shape[2] == config.net.inputs
    assert np.isfinite(loop.step(batches)["loss"])
    least, most = (
        Chain(transforms=config.normalize).apply(np.array([[[0.0, 1.0]]] * (1 if grey else 3))).reshape(-1)[:2]
    )
    assert views.min() >= least - 1e-6
    assert views.max() <= most + 1e-6
    assert whole.train.optimizer.rate(256) == whole.train.optimizer.lr
    fixed = task._health._held_out
    assert next(fixed.epoch(0)).image.shape == (1, *views.shape[2:])


def test_left_and_right_of_a_chest_are_not_exchanged():
    for name in ("simclr/cxr", "simclr/cxr_small"):
        assert "flip" not in find_config(name).read_text(encoding="utf-8")
