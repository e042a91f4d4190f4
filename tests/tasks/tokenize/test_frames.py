"""Frames through a VQGAN (stage 0) and through a TiTok of continuous tokens."""

import pytest
import torch

from tasks.tokenize.small import make_cines, table
from tasks.tokenize.tiny import TITOK, VQGAN
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.job import TokenizeJob
from vesalius.training.loop import Loop

FRAME = {"span": "frame", "size": [24, 20]}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_cines(tmp_path_factory.mktemp("cines"))


def loop_of(manifest, method, **changes):
    train = {"epochs": 12, "optimizer": {"name": "adamw", "lr": 0.003}, "ema_decay": 0.9}
    config = TokenizeConfig.parse(table(manifest, example=FRAME, method=method, train=train, batch=4, **changes))
    return Loop(TokenizeJob(config).task(), config.train, None, cpu=True)


def test_a_vqgan_begins_with_the_codes_of_data_and_learns(manifest):
    adversarial = {"weight": 0.01, "width": 8, "levels": 2, "start": 3}
    loss = {"l1": 1.0, "perceptual": {"weight": 0.1}, "adversarial": adversarial}
    loop = loop_of(manifest, {"name": "vqgan", "net": VQGAN, "loss": loss, "revive_every": 2}, repeats=8)
    before = loop.measures()
    assert before["usage"] > 0.5  # the codebook began with data
    rows = []
    loop.run(watch=rows.append)
    after = loop.measures()
    assert after["psnr"] > before["psnr"] + 1.5
    assert after["gain_over_zeroed"] > 0.5
    assert abs(after["gain_over_others"]) < 0.1  # the held-out examples are slices of one heart, all alike
    assert after["bits_per_frame"] <= 4 * 30  # 6 x 5 cells of at most 4 bits
    assert {"l1", "perceptual", "quantizer", "loss/critic", "verdict_real", "revived"} <= set().union(*rows)
    assert not any(key.startswith("critic") for key in loop.ema.averages)


def test_continuous_tokens_learn_and_make_no_integers(manifest):
    net = {**TITOK, "quantizer": {"name": "gaussian", "dim": 4}}
    loop = loop_of(manifest, {"name": "vae", "net": net}, repeats=8)
    before = loop.measures()
    loop.run()
    after = loop.measures()
    assert after["psnr"] > before["psnr"] + 0.5
    assert "usage" not in after
    torch.manual_seed(0)
    net = loop.task.modules["tokenizer"].train()
    batch = next(loop.batches(0, 0))[0]["x"].flatten(0, 2)[:, None]
    assert not torch.equal(net(batch).x_BCJI, net(batch).x_BCJI)  # drawn anew
