"""The configurations that come with the package: each is read, and takes a step on pictures with a narrow net."""

import numpy as np
import pytest
from PIL import Image

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.config import load_config
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.tasks.train.jobs import CONFIGS, config_names
from vesalius.training.loop import Loop

NARROW = "net={{name: resnet, depth: 18, factor: 0.0625, inputs: {}}}"
CLASSES = {"finetune/chexpert": ("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Pleural Effusion")}
NAMES = [name for name in config_names() if name.startswith("finetune/") and "phantom" not in name]


def pictures_of(folder, mode, classes):
    """Twelve pictures of 40 x 48 pixels, each with one class."""
    draw = np.random.default_rng(0)
    cases = []
    for number in range(12):
        shape = (40, 48, 3) if mode == "RGB" else (40, 48)
        Image.fromarray(draw.integers(0, 255, shape).astype(np.uint8)).save(folder / f"{number}.png")
        labels = {name: float(number % len(classes) == n) for n, name in enumerate(classes)}
        split = "val" if number >= 8 else "train"
        images = {"image": f"{number}.png"}
        cases.append(Case(id=str(number), images=images, patient=f"p{number}", labels=labels, split=split))
    return write_manifest(Cohort(tuple(cases), folder), folder / "m.jsonl")


def test_all_recipes_are_there():
    wanted = {"bit_hyperrule", "blood_cells", "chexpert", "cxr", "linear_probe", "pathology", "supervised"}
    assert {name.removeprefix("finetune/") for name in NAMES} == wanted


@pytest.mark.parametrize("name", NAMES)
def test_takes_a_step(tmp_path, name):
    path = CONFIGS / f"{name}.yaml"
    whole = load_config(FinetuneConfig, path, ["data.manifest=m.jsonl"])
    is_grey = whole.net.inputs == 1 or name == "finetune/chexpert"
    manifest = pictures_of(tmp_path, "L" if is_grey else "RGB", CLASSES.get(name, ("a", "b")))
    words = [f"data.manifest={manifest}", "data.workers=0", "batch=4", NARROW.format(whole.net.inputs)]
    if whole.bit_hyperrule is not None:
        words.append("bit_hyperrule.sizes=[40,32]")
    job = FinetuneJob(load_config(FinetuneConfig, path, words))
    loop = Loop(job.task(), job.config.train, None, cpu=True)
    batches = next(loop.batches(0, 0))
    assert batches[0]["image"].shape[:2] == (4, whole.net.inputs)
    numbers = loop.step(batches)
    assert np.isfinite(numbers["loss"])
    trained = sum(p.numel() for _, p in loop.parameters["net"])
    counts = [p.numel() for p in loop.task.modules["net"].parameters()]
    assert (trained < sum(counts)) == (name == "finetune/linear_probe")
