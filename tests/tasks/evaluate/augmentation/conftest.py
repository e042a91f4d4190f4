from types import SimpleNamespace

import pytest

from few_draws import few_draws
from tasks.evaluate.augmentation.small import OPTIONS, make_config, make_synthetic
from vesalius.tasks.evaluate.augmentation.run import evaluate_augmentation


@pytest.fixture(scope="package", autouse=True)
def fast():
    with few_draws():
        yield


@pytest.fixture(scope="package")
def study(tmp_path_factory, fast):
    """A finished run of 3 arms x 2 seeds: its configuration, synthetic manifest, folder and result."""
    folder = tmp_path_factory.mktemp("augmentation")
    config, synthetic = make_config(folder), make_synthetic(folder / "synthetic")
    result = evaluate_augmentation(config, synthetic, folder / "out", (), OPTIONS, device="cpu", threads=1)
    return SimpleNamespace(folder=folder, config=config, synthetic=synthetic, out=folder / "out", result=result)
