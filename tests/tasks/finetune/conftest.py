import pytest
import torch

from few_draws import few_draws
from tasks.finetune.small import make_pictures, make_volumes, of_pictures, of_volumes
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.job import FinetuneJob


@pytest.fixture(scope="package", autouse=True)
def fast():
    with few_draws():
        yield


def export(folder, table):
    task = FinetuneJob(FinetuneConfig.parse(table)).task()
    torch.manual_seed(0)
    task.modules = task.build()
    (folder / "model").mkdir()
    task.export(folder / "model")
    return folder / "model", task.modules["net"].eval()


@pytest.fixture(scope="package")
def volume_model(tmp_path_factory):
    """An untrained model for slices, and the net that it was written from."""
    folder = tmp_path_factory.mktemp("model")
    return export(folder, of_volumes(make_volumes(folder / "data")))


@pytest.fixture(scope="package")
def picture_model(tmp_path_factory):
    """Likewise for pictures."""
    folder = tmp_path_factory.mktemp("model")
    return export(folder, of_pictures(make_pictures(folder / "data")))
