import json

import pytest

from tasks.generate.small import LONGER, table, write_discs
from vesalius.tasks.train.run import train


@pytest.fixture(scope="session")
def discs(tmp_path_factory):
    """Manifest of 24 discs; two training cases have no mask."""
    return write_discs(tmp_path_factory.mktemp("discs"), unmasked=2)


@pytest.fixture(scope="session")
def disc_run(tmp_path_factory):
    """A run folder of a tiny generator of discs, trained for a few seconds."""
    folder = tmp_path_factory.mktemp("run")
    path = folder / "discs.json"
    manifest = write_discs(folder / "pictures", 48)
    path.write_text(json.dumps(table(manifest, batch=8, train=LONGER)), encoding="utf-8")
    train(path, folder / "discs", device="cpu")
    return folder / "discs"
