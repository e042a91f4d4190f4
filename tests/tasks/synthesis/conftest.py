import json

import pytest

from tasks.generate.small import table, write_discs
from vesalius.tasks.train.run import train


@pytest.fixture(scope="session")
def discs(tmp_path_factory):
    """Manifest of 12 discs, 4 of each split; the first has no mask."""
    return write_discs(tmp_path_factory.mktemp("discs"), 12, unmasked=1)


@pytest.fixture(scope="session")
def model(tmp_path_factory, discs):
    """A run folder of a generator that has hardly learned anything."""
    folder = tmp_path_factory.mktemp("run")
    path = folder / "discs.json"
    path.write_text(json.dumps(table(discs, train={"epochs": 1, "max_steps": 2})), encoding="utf-8")
    train(path, folder / "discs", device="cpu")
    return folder / "discs"
