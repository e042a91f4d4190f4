"""The task of the loop."""

import numpy as np
import pytest
import torch

from tasks.tokenize.small import make_cines, table
from vesalius.errors import UsageError
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.job import TokenizeJob
from vesalius.training.loop import Loop


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_cines(tmp_path_factory.mktemp("cines"))


def test_batches_of_two_processes_are_those_of_one(manifest):
    task = TokenizeJob(TokenizeConfig.parse(table(manifest))).task()
    whole = list(task.batches(1, 0, 0, 1))
    assert len(whole) == task.batches_per_epoch() == 3
    shares = [list(task.batches(1, 0, rank, 2)) for rank in (0, 1)]
    for number, batch in enumerate(whole):
        both = torch.cat([share[number]["x"] for share in shares])
        assert batch["x"].shape == (2, 1, 8, 24, 20)
        assert sorted(x.sum().item() for x in both) == sorted(x.sum().item() for x in batch["x"])
    assert torch.equal(next(task.batches(1, 2, 0, 1))["x"], whole[2]["x"])


def test_it_learns_the_gain(manifest):
    config = TokenizeConfig.parse(table(manifest, train={"epochs": 20, "optimizer": {"name": "adamw", "lr": 0.05}}))
    loop = Loop(TokenizeJob(config).task(), config.train, None, cpu=True)
    before = loop.measures()
    loop.run()
    after = loop.measures()
    assert after["psnr"] > before["psnr"] + 2.5
    assert loop.task.modules["tokenizer"].gain.item() == pytest.approx(1, abs=0.1)
    assert after["gain_over_zeroed"] > 3
    assert 2 < after["perplexity"] < 11
    x = np.concatenate([batch["x"].numpy().ravel() for batch in loop.task._examples])
    assert len(x) == 3 * 8 * 24 * 20  # all slices of the validation case once


def test_too_few_examples_for_a_batch(manifest):
    with pytest.raises(UsageError, match="raise repeats"):
        TokenizeJob(TokenizeConfig.parse(table(manifest, batch=8))).task()
