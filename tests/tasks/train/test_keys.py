import pytest

from vesalius.tasks.train.jobs import JOBS
from vesalius.tasks.train.keys import MODEL, NEEDED, PATH, all_trees, dotted, keys_of


def test_the_file_holds_the_keys_of_every_job():
    pytest.importorskip("torch")
    for job, tree in all_trees(JOBS).items():
        assert keys_of(job) == tree, "run python -m vesalius.tasks.train.keys"


def test_paths_and_models_are_known():
    tree = keys_of("detect")
    assert tree["data"]["encoder"] == tree["init_from"]["model"] == MODEL
    assert (tree["data"]["embeddings"], tree["data"]["cache"]) == (PATH, None)
    assert keys_of("segment")["data"]["manifest"] == NEEDED
    assert keys_of("my_module:MyJob") is None
    assert {"train.epochs", "train.optimizer.lr", "net"} <= set(dotted(keys_of("segment")))
