import pytest

from vesalius.errors import ConfigError
from vesalius.tasks.detect.config import DetectConfig, DetectSettings

BARE = {"embeddings": "x.npy", "labels": "y.npy"}


def parse(data, **rest):
    return DetectConfig.parse({"task": "detect", "data": data, **rest})


def test_defaults_are_those_of_the_recipe():
    config = parse(BARE)
    assert (config.hidden, config.dropout, config.batch, config.train.seed) == (256, 0.2, 64, 42)
    assert (config.train.optimizer.name, config.train.optimizer.lr) == ("adamw", 1e-3)
    assert config.train.optimizer.weight_decay == 1e-2
    assert 20 <= config.train.epochs <= 30
    assert parse(BARE, aggregate={"name": "top-k", "k": 5}).aggregate.k == 5
    assert parse({"manifest": "m.jsonl", "encoder": "e"}).data.manifest[0].name == "m.jsonl"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "give a manifest and an encoder, or embeddings and labels"),
        ({"embeddings": "x.npy"}, "or embeddings and labels"),
        ({"manifest": "m.jsonl"}, "needs an encoder"),
        ({"manifest": "m.jsonl", "encoder": "e", "labels": "y.npy"}, "a manifest or labels, not both"),
        ({**BARE, "encoder": "e"}, "need no encoder"),
        ({**BARE, "classes": ["any", "a", "any"]}, "any is named 2 times"),
        ({**BARE, "classs": ["a"]}, "did you mean 'classes'"),
    ],
)
def test_one_form_or_the_other(data, message):
    with pytest.raises(ConfigError, match=message):
        parse(data)


def test_a_model_has_a_class():
    assert DetectSettings.parse({"classes": ["any"], "images": ["image"]}).encoder is None
    with pytest.raises(ConfigError):
        DetectSettings.parse({"classes": [], "images": ["image"]})
