import pytest

from vesalius.errors import ConfigError
from vesalius.tasks.train.seed_keys.convert import with_seed_keys


def test_keys_move_to_their_places_and_those_of_the_command_line_are_named():
    heard = []
    given = {"task": "sample", "num_inference_steps": 50, "guidance_scale": 7.5, "image_size": 512, "device": "cuda"}
    keys, _ = with_seed_keys(given, (), heard.append)
    assert keys == {"task": "sample", "steps": 50, "guidance": 7.5, "size": [512, 512]}
    assert heard == ["keys without meaning in task sample: device"]


def test_a_block_is_read_like_the_top():
    keys, _ = with_seed_keys({"task": "sample", "inference": {"seed": 3, "image_size": [64, 96]}}, ())
    assert keys == {"task": "sample", "seed": 3, "size": [64, 96]}
    with pytest.raises(ConfigError, match=r"inference\.num_step: no such key; did you mean 'inference\.num_steps'"):
        with_seed_keys({"task": "sample", "inference": {"num_step": 3}}, ())
