"""A tiny generator and a tiny segmenter of discs, trained for some seconds each."""

import json
import shutil

import pytest

from tasks.generate.small import LONGER, table, write_discs
from tasks.segment.small_pictures import of_pictures


@pytest.fixture(scope="session")
def disc_models(tmp_path_factory):
    """A folder of models: `make/discs` generates, `find/discs` segments."""
    pytest.importorskip("torch")
    from vesalius.tasks.train.run import train

    folder = tmp_path_factory.mktemp("disc-models")
    manifest = write_discs(folder / "pictures", 24)
    made, found = table(manifest, batch=8, train={**LONGER, "max_steps": 60}), of_pictures(manifest)
    found["data"]["map_values"], found["patch"] = "classes", [16, 16, 1]
    for name, keys in (("make", made), ("find", found)):
        path = folder / f"{name}.json"
        path.write_text(json.dumps(keys), encoding="utf-8")
        train(path, folder / "runs" / name, device="cpu")
        shutil.copytree(folder / "runs" / name / "model", folder / "models" / name / "discs")
    return folder / "models"
