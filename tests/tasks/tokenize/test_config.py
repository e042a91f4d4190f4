"""The configuration of a run."""

import pytest

from tasks.tokenize.small import table
from vesalius.errors import ConfigError
from vesalius.tasks.tokenize.config import TokenizeConfig


def test_values_are_scaled_by_percentiles_of_the_scan():
    config = TokenizeConfig.parse(table("m.jsonl"))
    assert config.prepare.layout == "CTIJK"
    assert (config.prepare.values[0].low, config.prepare.values[0].high) == (0.1, 99.9)
    assert config.train.best == "psnr"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prepare": {"layout": "CIJK"}}, "CTIJK"),
        ({"prepare": {"orient": "RAS"}}, "places of the labels"),
        ({"example": {"margin": 4}}, "needs example.size"),
        ({"method": {"name": "no"}}, "no such method"),
    ],
)
def test_what_cannot_be(changes, message):
    with pytest.raises(ConfigError, match=message):
        TokenizeConfig.parse(table("m.jsonl", **changes))
