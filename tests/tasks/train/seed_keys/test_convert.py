"""What holds for keys of any origin."""

import pytest

from vesalius.errors import ConfigError
from vesalius.tasks.train.seed_keys.convert import with_seed_keys


def test_flags_of_a_configuration_lose_against_words():
    keys, rest = with_seed_keys({"task": "simclr", "train_epochs": 5}, ["train_epochs=6", "batch=4"])
    assert (keys, rest) == ({"task": "simclr", "train": {"epochs": 6}}, ["batch=4"])


def test_other_tasks_have_no_flags():
    raw = {"task": "finetune", "temperature": 1}
    assert with_seed_keys(raw, ["image_size=3"]) == (raw, ["image_size=3"])


def test_a_misspelt_key_of_titok_names_the_nearest():
    with pytest.raises(ConfigError, match=r"did you mean 'experiment\.init_weight'"):
        with_seed_keys({"task": "tokenize", "experiment": {"init_weigth": "x"}}, [])


def test_a_block_that_both_have_is_parted():
    """And the line on keys without meaning comes once."""
    lines = []
    raw = {"voco": {"temperature": 0.2}, "data": {"batch_size": 3, "fold": 1}, "model": {"num_classes": 4}}
    keys, rest = with_seed_keys(raw, ["data.num_workers=0", "data.ratios=[1,0,0]"], lines.append)
    assert rest == ["data.ratios=[1,0,0]"]
    assert (keys["task"], keys["batch"], keys["method"]["temperature"]) == ("voco", 3, 0.2)
    assert (keys["data"]["fold"], keys["data"]["workers"]) == (1, 0)
    assert "batch_size" not in keys["data"]
    assert lines == ["keys without meaning in task voco: model.num_classes"]
