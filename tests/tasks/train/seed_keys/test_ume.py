"""JSON files of UME as configurations."""

import json
from pathlib import Path

import numpy as np
import pytest

from vesalius import memory
from vesalius.errors import ConfigError, InputError
from vesalius.nets.ume import FRAME_SIZES
from vesalius.phantom.nifti import write_nifti
from vesalius.tasks.train.run import configured, train
from vesalius.tasks.train.seed_keys.convert import with_seed_keys
from vesalius.tasks.train.seed_keys.ume import _SIZES, UME_KEYS

WHOLE = """{
  "model": {
    "input_channels": 4,        // four modalities of BraTS
    "embed_dim": 768, "num_heads": 12, "num_layers": 12,
    "patch_size": 32, "image_size": [256, 256], "num_classes": 4,
    "max_keyframes": 10, "compression_ratio": 4
  },
  "data": {
    "data_dir": "DATA", "target_size": [256, 256, 128], "batch_size": 2, "num_workers": 4,
    "cache_rate": 0.5, "use_cache": true, "training_frames": 8
  },
  "training": {
    "epochs": 100, "learning_rate": 1e-4, "weight_decay": 1e-5, "warmup_epochs": 10,
    "loss_weights": {"voco": 1.0, "diversity": 0.1, "contrastive": 0.5, "area": 0.3}
  },
  "voco": {"crop_size": [64, 64, 32], "overlap_ratio": 0.25, "temperature": 0.07, "lambda_area": 1.0}
}"""
"""The blocks of the description of UME as one file."""


@pytest.fixture(autouse=True)
def four_gib():
    memory.set_limit("4GiB")
    yield
    memory.set_limit(None)


def write(folder, text=WHOLE, data="DATA"):
    path = folder / "ume.json"
    path.write_text(text.replace("DATA", str(data)), encoding="utf-8")
    return path


def changed(folder, place="DATA", **blocks):
    """The file with other values in its blocks."""
    table = json.loads("".join(line.partition("//")[0] for line in WHOLE.splitlines()))
    return write(folder, json.dumps({name: table[name] | blocks.get(name, {}) for name in table}), place)


@pytest.mark.parametrize(("task", "word"), [("voco", []), ("voco", ["task=voco"]), ("segment", ["task=segment"])])
def test_the_values_of_the_original_are_those_of_the_package(tmp_path, task, word):
    cls, config = configured(write(tmp_path), word)
    _, shipped = configured(f"{task}/brats_ume", ["data.manifest=DATA"])
    assert config.task == task == cls.Config.model_fields["task"].default
    same = {"data": {"memory_mib": 2048, "workers": 4}}
    assert config == shipped.model_copy(update={"data": shipped.data.model_copy(update=same["data"])})


def test_keys_without_meaning_are_named_in_one_line(tmp_path):
    lines = []
    configured(write(tmp_path), [], lines.append)
    assert lines == ["keys without meaning in task voco: model.num_classes, data.training_frames"]
    lines.clear()
    configured(write(tmp_path), ["task=segment", "model.training_frames=4"], lines.append)
    (line,) = lines
    assert line.startswith("keys without meaning in task segment: ")
    assert {"voco.crop_size", "voco.temperature", "training.loss_weights.area"} <= set(line.split(": ")[1].split(", "))
    assert "training_frames" not in line


def test_every_key_reaches_its_place(tmp_path):
    small = {"embed_dim": 384, "num_heads": 6, "num_layers": 6}
    model = {**small, "patch_size": 16, "image_size": [128, 128], "max_keyframes": 6, "compression_ratio": 2}
    data = {"target_size": [128, 128, 64], "batch_size": 3, "num_workers": 1, "cache_rate": 0.25, "training_frames": 6}
    training = {"epochs": 7, "learning_rate": 3e-4, "weight_decay": 0.1, "warmup_epochs": 2}
    training["loss_weights"] = {"voco": 2, "diversity": 0.2, "contrastive": 0.4, "area": 0.6}
    voco = {"crop_size": [32, 32, 16], "overlap_ratio": 0.5, "temperature": 0.1, "lambda_area": 3}
    path = changed(tmp_path, model=model, data=data, training=training, voco=voco)
    _, config = configured(path, ["data.fold=1"])
    net = config.net
    assert (net.size, net.patch, net.picture, net.max_keyframes, net.compression_ratio) == ("small", 16, 128, 6, 2)
    assert [step.size for step in config.prepare.steps] == [(128, 128, 64)]
    assert (config.batch, config.data.workers, config.data.memory_mib, config.data.fold) == (3, 1, 1024, 1)
    assert config.data.manifest == (Path("DATA"),)
    optimizer = config.train.optimizer
    assert (config.train.epochs, optimizer.lr, optimizer.weight_decay) == (7, 3e-4, 0.1)
    assert config.train.schedule.warmup_epochs == 2
    method = config.method
    assert (method.geometry.crop, method.geometry.overlap) == ((32, 32, 16), 0.5)
    assert (method.temperature, method.lambda_area) == (0.1, 3)
    assert method.weights.model_dump() == training["loss_weights"]
    _, config = configured(path, ["task=segment"])
    assert (config.patch, config.net.frames_at_once, config.net.outputs) == ((128, 128, 64), 6, 4)
    assert (config.net.encoder.size, config.net.encoder.max_keyframes) == ("small", 6)


def test_words_win_and_a_cache_can_be_switched_off(tmp_path):
    path = write(tmp_path)
    _, config = configured(path, ["training.epochs=5", "voco.temperature=0.2", "data.manifest=m.jsonl", "batch=1"])
    assert (config.train.epochs, config.method.temperature, config.batch) == (5, 0.2, 1)
    assert config.data.manifest == (Path("m.jsonl"),)
    assert configured(path, ["data.cache_rate=1.0"])[1].data.memory_mib == 4096
    assert configured(path, ["data.cache_rate=1.0", "data.use_cache=false"])[1].data.memory_mib == 2048
    assert configured(path, ["data.cache_rate=0.0"])[1].data.memory_mib == 2048


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("model.embed_dim=512", "model.embed_dim: 512 was given; choose one of 96, 384, 768"),
        (
            "model.num_heads=6",
            r"model.num_heads: 6 was given, embed_dim 768 has 12; give embed_dim, num_heads and .* of",
        ),
        ("model.image_size=[256, 128]", "model.image_size: .* was given; give two equal sides"),
        ("data.cache_rate=2", "data.cache_rate: 2 was given; give a share from 0 to 1"),
        ("data.use_cache=3", "data.use_cache: 3 was given; choose one of true, false"),
        ("training.epochs=0", "train.epochs: 0 was given"),
        ("model.input_channels=3", "net.inputs is 3, the images need 4"),
    ],
)
def test_a_value_that_does_not_fit_is_one_line(tmp_path, word, message):
    with pytest.raises(ConfigError, match=message):
        configured(write(tmp_path), [word])


def test_a_misspelt_key_names_the_nearest(tmp_path):
    with pytest.raises(ConfigError, match=r"model.max_keyframe: no such key; did you mean 'model.max_keyframes'"):
        configured(changed(tmp_path, model={"max_keyframe": 3}))
    with pytest.raises(ConfigError, match=r"data.foldd: no such key; did you mean 'fold'"):
        configured(changed(tmp_path, data={"foldd": 3}))


def test_other_configurations_have_no_such_keys():
    raw = {"task": "voco", "data": {"images": ["t1"]}}
    assert with_seed_keys(raw, ["model.patch_size=3"]) == (raw, ["model.patch_size=3"])


def test_sizes_are_those_of_the_net():
    assert {size: (width, heads, layers) for width, (size, heads, layers) in _SIZES.items()} == FRAME_SIZES


def test_every_key_is_in_the_docs():
    page = (Path(__file__).parents[4] / "docs" / "volumes.md").read_text(encoding="utf-8")
    for keys in UME_KEYS.values():
        assert [key for key in keys if f"`{key}`" not in page and f"`.{key.rpartition('.')[2]}`" not in page] == []


def small_file(folder):
    """A file for a cohort of small scans, and the folder of the cohort."""
    for number in range(4):
        draw = np.random.default_rng(number)
        home = folder / "data" / f"BraTS2021_{number:05d}"
        home.mkdir(parents=True)
        labels = np.zeros((1, 18, 18, 10), np.uint8)
        labels[:, 3:14, 4:14, 2:8] = 2
        labels[:, 6:9, 6:9, 4:6] = 4
        for word in ("t1", "t1ce", "t2", "flair"):
            shown = (200 + 50 * labels + draw.normal(0, 3, labels.shape)).astype("f4")
            write_nifti(home / f"{home.name}_{word}.nii.gz", shown, np.diag([1.0, 1, 1, 1]))
        write_nifti(home / f"{home.name}_seg.nii.gz", labels, np.diag([1.0, 1, 1, 1]))
    model = {"embed_dim": 96, "num_heads": 3, "num_layers": 3, "patch_size": 8, "image_size": [16, 16]}
    return changed(
        folder,
        folder / "data",
        model={**model, "max_keyframes": 3},
        data={"target_size": [16, 16, 8], "num_workers": 0},
        training={"epochs": 2, "warmup_epochs": 0},
        voco={"crop_size": [8, 8, 4]},
    )


@pytest.mark.parametrize("task", ["voco", "segment"])
def test_a_folder_of_brats_is_trained_on(tmp_path, task):
    lines = []
    path = small_file(tmp_path)
    quick = ["train.precision=fp32", *(["net.channels=8"] if task == "segment" else ["method.hidden=16"])]
    done = train(path, tmp_path / "run", [f"task={task}", *quick], device="cpu", threads=1, progress=lines.append)
    assert done.results
    assert sum(line.startswith("keys without meaning") for line in lines) == 1
    again = train(path, tmp_path / "run", [f"task={task}", *quick], device="cpu", threads=1, resume=True)
    assert again.results == done.results


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="brats21: there is no such manifest or folder"):
        train(write(tmp_path, data=tmp_path / "brats21"), tmp_path / "run", device="cpu")
