"""Flags of the SimCLR code."""

from pathlib import Path

import pytest
import yaml

from vesalius.config import from_overrides
from vesalius.errors import ConfigError
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.train.jobs import find_config
from vesalius.tasks.train.seed_keys.convert import with_seed_keys
from vesalius.tasks.train.seed_keys.simclr import FLAGS

GIVEN = ["data.manifest=m.jsonl"]


def read(name, *words):
    raw = yaml.safe_load(find_config(name).read_text(encoding="utf-8"))
    keys, rest = with_seed_keys(raw, [*GIVEN, *words])
    return from_overrides(SimclrConfig, rest, keys)


def names(config):
    return [
        step["transform"]["name"] if "transform" in step else step["name"] for step in config.model_dump()["augment"]
    ]


def test_the_example_of_the_original():
    """The command of the original's documentation, flag by flag."""
    words = "train_mode=pretrain train_batch_size=512 train_epochs=1000 learning_rate=1.0 weight_decay=1e-4"
    words += " temperature=0.5 image_size=32 resnet_depth=18 use_blur=False color_jitter_strength=0.5"
    assert read("simclr/cifar", *words.split()) == read("simclr/cifar", "net.stem=cifar")


def test_each_flag_reaches_its_place():
    words = """
        train_batch_size=64 train_epochs=7 learning_rate=0.2 learning_rate_scaling=sqrt warmup_epochs=3
        optimizer=momentum momentum=0.8 temperature=0.3 hidden_norm=false head_proj_dim=32 num_nlh_layers=2
        image_size=96 color_jitter_strength=0.3 max_brightness_distort=0.1 max_contrast_distort=0.2
        rotation_range=20 equalize_histogram=true use_elastic_deform=true use_blur=false global_bn=true
    """
    config = read("simclr/pathology", "net={name: resnet, depth: 50}", *words.split())
    assert (config.batch, config.train.epochs) == (64, 7)
    optimizer = config.train.optimizer
    assert (optimizer.name, optimizer.lr, optimizer.scaling, optimizer.momentum) == ("sgd", 0.2, "sqrt", 0.8)
    assert config.train.schedule.warmup_epochs == 3
    method = config.method
    assert (method.temperature, method.hidden_norm, method.outputs, method.layers) == (0.3, False, 32, 3)
    first = ["equalize", "elastic", "affine", "quarter_turn", "random_resized_crop"]
    assert names(config) == [*first, "flip", "colour_jitter", "greyscale"]
    assert config.augment[2].degrees == 20
    assert config.augment[4].size == config.whole[0].size == (96, 96)
    jitter = config.augment[6].transform
    assert (jitter.strength, jitter.brightness, jitter.contrast) == (0.3, 0.1, 0.2)


def test_transforms_that_a_configuration_lacks_or_has():
    assert names(read("simclr/cifar", "use_blur=true"))[-2:] == ["greyscale", "blur"]
    blurred = read("simclr/pathology", "use_blur=true")
    assert blurred.augment == read("simclr/pathology").augment
    assert "affine" in names(read("simclr/cxr_small"))
    assert "affine" not in names(read("simclr/cxr_small", "rotation_range=0"))
    assert names(read("simclr/cxr_small", "equalize_histogram=true")).count("equalize") == 1
    assert "equalize" not in names(read("simclr/cxr_small", "equalize_histogram=false"))
    assert read("simclr/cifar", "num_proj_layers=3").method == read("simclr/cifar", "num_nlh_layers=2").method


def test_steps_win_over_epochs():
    config = read("simclr/cifar", "train_epochs=3", "train_steps=500")
    assert (config.train.max_steps, config.train.epochs) == (500, 500)
    config = read("simclr/cifar", "train_epochs=3", "train_steps=0")
    assert (config.train.max_steps, config.train.epochs) == (None, 3)


def test_prepared_pictures_grow_with_the_views():
    config = read("simclr/cxr_small", "image_size=192")
    assert [step.size for step in config.prepare.steps] == [(256, 256)]
    assert config.whole[0].size == (192, 192)
    assert read("simclr/cxr_small", "image_size=96") == read("simclr/cxr_small")
    assert read("simclr/cifar", "image_size=64").prepare == read("simclr/cifar").prepare


def test_a_checkpoint_takes_the_place_of_a_model_alone():
    keys, _ = with_seed_keys({"task": "simclr", "init_from": "old"}, ["checkpoint=new"])
    assert keys["init_from"] == {"model": "new"}
    keys, _ = with_seed_keys({"task": "simclr", "init_from": {"model": "old", "part": "net"}}, ["checkpoint=new"])
    assert keys["init_from"] == {"model": "new", "part": "net"}


def test_depth_and_width_of_the_net():
    config = read("simclr/cifar", "resnet_depth=34", "width_multiplier=2")
    assert (config.net.depth, config.net.factor, config.net.stem) == (34, 2, "cifar")


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("train_mode=finetune", "train_mode: 'finetune' was given: finetuning is a task of its own"),
        ("multi_instance=true", "multi_instance: True was given"),
        ("optimizer=sgd", "optimizer: 'sgd' was given; choose one of lars, momentum, adam"),
        ("optimizer=[lars]", r"optimizer: \['lars'\] was given; choose one of"),
        ("temperature=0", "temperature: 0 was given"),
        ("temperature=[1", "temperature: value '\\[1' is not valid YAML"),
        ("num_nlh_layers=2.0", "num_nlh_layers: 2.0 was given; give a whole number"),
        ("use_blur=maybe", "use_blur: 'maybe' was given; choose one of true, false"),
        ("dataset=cifar10", "dataset: no such key; give data.manifest=MANIFEST"),
        ("use_tpu=true", "use_tpu: no such key; choose the device with --device"),
    ],
)
def test_what_means_nothing_here_is_one_line(word, told):
    with pytest.raises(ConfigError, match=told):
        read("simclr/cifar", word)


@pytest.mark.parametrize(
    ("keys", "word", "told"),
    [
        ({"train": 5}, "train_epochs=3", "train: 5 was given; give a table of keys"),
        ({"train": {"optimizer": "lars"}}, "learning_rate=1", "train.optimizer: 'lars' was given"),
        ({"augment": ["flip"]}, "use_blur=true", "augment: is not a list of transforms"),
        ({"augment": [{"name": "flip"}]}, "color_jitter_strength=1", "strength: augment has no transform that this"),
    ],
)
def test_a_configuration_that_a_flag_does_not_fit_is_one_line(keys, word, told):
    with pytest.raises(ConfigError, match=told):
        with_seed_keys({"task": "simclr", **keys}, [word])


def test_every_flag_is_in_the_docs():
    page = (Path(__file__).parents[4] / "docs" / "pretraining.md").read_text(encoding="utf-8")
    assert [flag for flag in FLAGS if f"`{flag}`" not in page] == []
