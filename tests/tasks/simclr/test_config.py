import pytest

from tasks.simclr.small import JITTER, table
from vesalius.errors import ConfigError
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.contrastive import Contrastive
from vesalius.tasks.simclr.simsiam import SimSiam


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"batch": 1}, "batch: 1 was given"),
        ({"prepare": {"layout": "BCJI"}}, "prepare.layout must be CJI"),
        ({"net": {"name": "unet", "dims": 2, "inputs": 1, "outputs": 2}}, "net: is not an encoder"),
        ({"augment": [{"name": "resize", "size": [32, 32]}]}, "augment draws nothing"),
        ({"whole": [{"name": "flip"}]}, "a random transform cannot prepare"),
        ({"method": {"name": "simclr", "temprature": 1}}, "temprature: no such key; did you mean 'temperature'"),
        ({"method": {"name": "simclear"}}, "no such method; did you mean 'simclr'"),
    ],
)
def test_wrong_keys_are_one_line(wrong, told):
    with pytest.raises(ConfigError, match=told) as raised:
        SimclrConfig.parse(table("m.jsonl", **wrong))
    assert "\n" not in str(raised.value)


def test_methods_by_name():
    assert SimclrConfig.parse(table("m.jsonl")).method == Contrastive(temperature=0.2, outputs=16)
    keys = {"name": "simsiam", "outputs": 32, "hidden": 8}
    assert SimclrConfig.parse(table("m.jsonl", method=keys)).method == SimSiam(outputs=32, hidden=8)


def test_the_shipped_preparation_is_the_one_that_is_measured():
    halve = [{"name": "standardize", "mean": [0.5], "std": [0.5]}]
    config = SimclrConfig.parse(table("m.jsonl", normalize=halve))
    assert config.shipped.steps == (*config.prepare.steps, *config.fixed.transforms)
    assert [step.table.name_of(type(step)) for step in config.shipped.steps] == ["resize", "standardize"]
    assert len(config.view.transforms) == len(JITTER) + 1
