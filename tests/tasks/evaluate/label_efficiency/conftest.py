from functools import partial
from types import SimpleNamespace

import pytest

from tasks.evaluate.label_efficiency.small import OPTIONS, make_config
from vesalius.metrics.bootstrap import clustered_intervals
from vesalius.tasks.evaluate.label_efficiency.run import label_efficiency
from vesalius.tasks.train.run import train


@pytest.fixture(scope="package", autouse=True)
def few_draws():
    """The runs of single cells draw few patients for intervals that no test here reads; the comparison draws all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vesalius.metrics.bootstrap.clustered_intervals", partial(clustered_intervals, draws=10))
        yield


@pytest.fixture(scope="package")
def study(tmp_path_factory, few_draws):
    """A finished run of 2 shares x 2 seeds x 2 arms: its configuration, words, folder and result."""
    folder = tmp_path_factory.mktemp("efficiency")
    config, pretrained = make_config(folder), folder / "pretrained"
    train(config, pretrained, ["train.seed=9", "train.max_steps=2"], device="cpu", threads=1)
    words = [f"init_from={pretrained}"]
    result = label_efficiency(config, folder / "out", words, OPTIONS, device="cpu", threads=1)
    return SimpleNamespace(folder=folder, config=config, words=words, out=folder / "out", result=result)
