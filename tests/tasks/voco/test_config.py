import pytest

from tasks.voco.small import table
from vesalius.errors import ConfigError
from vesalius.tasks.voco.config import VocoConfig


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"prepare": {"layout": "CTIJK"}}, "prepare.layout must be CIJK where data.third is depth"),
        ({"net": {"name": "unet-encoder", "inputs": 2}}, "net.inputs is 2, the images need 1"),
        ({"net": {"name": "resnet"}}, "net is not an encoder of volumes"),
        ({"whole": [{"name": "random_crop", "size": [8, 8, 8]}]}, "whole draws at random"),
        ({"data": {"manifest": "m.jsonl", "third": "time"}}, "prepare.layout must be CTIJK"),
        ({"method": {"name": "voco", "temperature": 0.1}}, "temperature"),
    ],
)
def test_wrong_keys_are_one_line(changes, told):
    with pytest.raises(ConfigError, match=told) as raised:
        VocoConfig.parse(table("m.jsonl", **changes))
    assert "\n" not in str(raised.value)
