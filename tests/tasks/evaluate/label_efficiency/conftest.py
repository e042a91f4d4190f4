from types import SimpleNamespace

import pytest

from few_draws import few_draws
from tasks.evaluate.label_efficiency.small import OPTIONS, make_config
from vesalius.tasks.evaluate.label_efficiency.run import label_efficiency
from vesalius.tasks.train.run import train


@pytest.fixture(scope="package", autouse=True)
def fast():
    with few_draws("tasks.evaluate.label_efficiency.curve"):
        yield


@pytest.fixture(scope="package")
def study(tmp_path_factory, fast):
    """A finished run of 2 shares x 2 seeds x 2 arms: its configuration, words, folder and result."""
    folder = tmp_path_factory.mktemp("efficiency")
    config, pretrained = make_config(folder), folder / "pretrained"
    train(config, pretrained, ["train.seed=9", "train.max_steps=2"], device="cpu", threads=1)
    words = [f"init_from={pretrained}"]
    result = label_efficiency(config, folder / "out", words, OPTIONS, device="cpu", threads=1)
    return SimpleNamespace(folder=folder, config=config, words=words, out=folder / "out", result=result)
