"""The configurations of the package: each is read, and fits the volumes that its preparation makes."""

import numpy as np
import pytest
import yaml

from vesalius.seeding import generator
from vesalius.tasks.third_axis import ThirdAxis
from vesalius.tasks.train.jobs import config_names, find_config
from vesalius.tasks.voco.config import VocoConfig
from vesalius.transforms.transform import Chain, Sample

NAMES = [name for name in config_names() if name.startswith("voco/")]


def test_those_of_the_contract_are_there():
    assert {"voco/brats", "voco/brats_ume", "voco/cine", "voco/fast"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_is_read_and_tiles_its_volumes(name):
    raw = yaml.safe_load(find_config(name).read_text(encoding="utf-8"))
    raw["data"]["manifest"] = "m.jsonl"
    config = VocoConfig.parse(raw)
    config.method.check_net(config.net)
    channels = len(config.data.images)
    shape = (channels, 7, 80, 100, 6) if config.data.third == "time" else (channels, 60, 50, 40)
    prepared = Chain(transforms=config.prepare.steps).apply(np.random.default_rng(0).random(shape, np.float32))
    for changes in (config.augment, config.whole):
        axis = ThirdAxis(config.data.third, Chain(transforms=changes))
        draw = generator(name)
        volume = axis.apply_to(Sample(prepared), axis.draw(draw)).image
        config.method.check(volume.shape[1:])
        assert config.method.draw(draw, config.net, volume.shape[1:])["first"].shape[1] == 3
