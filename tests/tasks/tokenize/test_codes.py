"""TiTok in one stage and in two, and over time."""

import json

import pytest
import torch

from tasks.tokenize.small import make_cines, table
from tasks.tokenize.tiny import FRAMES, OVER_TIME, TWO_STAGES, VQGAN
from vesalius.errors import ConfigError, InputError
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.job import TokenizeJob
from vesalius.tasks.train.run import train
from vesalius.training.loop import Loop
from vesalius.training.record import read_record
from vesalius.weights.saved import from_pretrained

FRAME, SLICE = {"span": "frame", "size": [24, 20]}, {"span": "slice", "size": [24, 20]}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_cines(tmp_path_factory.mktemp("cines"))


@pytest.fixture(scope="module")
def stages(manifest, tmp_path_factory):
    """Runs of the three stages, each from the one before."""
    folder = tmp_path_factory.mktemp("stages")
    short = {"epochs": 2, "optimizer": {"name": "adamw", "lr": 0.002}, "ema_decay": 0.9, "log_every": 1}
    shared = {"example": FRAME, "batch": 4, "repeats": 4, "train": short}
    methods = [
        {"name": "vqgan", "net": VQGAN},
        {"name": "titok", "net": TWO_STAGES, "stage": "proxy", "proxy": str(folder / "run0")},
        {"name": "titok", "net": TWO_STAGES, "stage": "decoder", "loss": {"l1": 1, "temporal": 0.05}},
    ]
    for number, method in enumerate(methods):
        keys = table(manifest, method=method, **shared)
        if number == 2:
            keys["init_from"] = {"model": str(folder / "run1"), "part": "tokenizer"}
        (folder / "c.yaml").write_text(json.dumps(keys), encoding="utf-8")
        train(folder / "c.yaml", folder / f"run{number}", device="cpu")
    return folder


def weights(folder):
    return from_pretrained(folder, "tokenize").parts["tokenizer"].net.state_dict()


def test_stage_1_learns_the_codes_of_the_vqgan(stages):
    rows = [row for row in read_record(stages / "run1") if row["kind"] == "train"]
    assert all(0 <= row["proxy_accuracy"] <= 1 for row in rows)
    assert sum(row["proxy"] for row in rows[-2:]) < sum(row["proxy"] for row in rows[:2])
    pixels, first = weights(stages / "run0"), weights(stages / "run1")
    ours = {name.removeprefix("net.pixel_decoder."): tensor for name, tensor in first.items() if "pixel_dec" in name}
    assert torch.equal(ours.pop("codebook_ND"), pixels["quantizer.codebook_ND"])
    assert ours
    assert all(torch.equal(tensor, pixels[name]) for name, tensor in ours.items())


def test_stage_2_leaves_what_makes_tokens_bit_equal_and_trains_the_rest(stages):
    first, second = weights(stages / "run1"), weights(stages / "run2")
    coding = [name for name in first if name.startswith(("net.encoder.", "net.quantizer."))]
    assert any("latents_LW" in name for name in coding)
    assert any("codebook" in name for name in coding)
    assert any("usage" in name for name in coding)
    assert all(torch.equal(first[name], second[name]) for name in coding)
    rest = [name for name in first if name not in coding]
    assert any("pixel_decoder" in name for name in rest)
    changed = [name for name in rest if not torch.equal(first[name], second[name])]
    assert len(changed) > 0.9 * len(rest)


def test_one_stage_with_a_warm_up_carries_something_in_its_tokens(manifest):
    method = {"name": "titok", "net": OVER_TIME, "warm_up": 20, "tails": 0.5, "conditioned": True, "revive_every": 5}
    keys = table(manifest, example=SLICE, method=method, batch=4, repeats=8)
    keys["train"] = {"epochs": 10, "optimizer": {"name": "adamw", "lr": 0.003}, "log_every": 1}
    config = TokenizeConfig.parse(keys)
    loop = Loop(TokenizeJob(config).task(), config.train, None, cpu=True)
    batch = next(loop.batches(0, 0))[0]
    assert batch["facts"].shape == (4, 4)
    assert batch["facts"][:, 1].tolist() != batch["facts"][:, 2].tolist()
    assert set(batch["facts"][:, 3].tolist()) == {0.0}  # NOR
    assert batch["mean"].shape == (4, 1, 24, 20)
    before = loop.measures()
    assert before["psnr"] == pytest.approx(before["psnr_mean"], abs=0.01)  # it begins with the mean alone
    rows = []
    loop.run(watch=rows.append)
    after = loop.measures()
    assert after["gain_over_mean"] > 0.3
    assert after["gain_over_zeroed"] > 0.02
    assert after["usage"] > 0.2
    assert next(row["quantizer"] for row in rows if row["kind"] == "train") == 0  # no rounding in the warm-up
    assert any("revived" in row for row in rows)


def test_a_run_that_stops_goes_on_as_if_unbroken(manifest, tmp_path):
    method = {"name": "titok", "net": FRAMES, "warm_up": 3, "tails": 0.5, "revive_every": 1}
    keys = table(manifest, example=FRAME, method=method)
    keys["train"] = {"epochs": 3, "checkpoint_every": 2, "log_every": 1, "ema_decay": 0.9}
    (tmp_path / "c.yaml").write_text(json.dumps(keys), encoding="utf-8")

    def stop(row, _):
        if row["step"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "c.yaml", tmp_path / "broken", device="cpu", watch=stop)
    train(tmp_path / "c.yaml", tmp_path / "broken", device="cpu", resume=True)
    train(tmp_path / "c.yaml", tmp_path / "whole", device="cpu")
    runs = [
        [{key: value for key, value in row.items() if key != "seconds"} for row in read_record(tmp_path / name)]
        for name in ("broken", "whole")
    ]
    assert runs[0] == runs[1]
    assert all(("revived" in row) == (row["step"] > 1) for row in runs[0] if row["kind"] == "train")
    assert {row["step"] for row in runs[0]} == set(range(10))


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"net": {"name": "vqgan"}}, "no tokenizer of codes"),
        ({"net": FRAMES, "stage": "proxy", "proxy": "x"}, "head codes"),
        ({"net": TWO_STAGES, "stage": "proxy"}, "head codes"),
        ({"net": FRAMES, "proxy": "x"}, "only the stage proxy"),
        ({"net": FRAMES, "conditioned": True}, "only a spatio-temporal net"),
    ],
)
def test_what_cannot_be(method, message):
    with pytest.raises(ConfigError, match=message):
        TokenizeConfig.parse(table("m.jsonl", method={"name": "titok", **method}))


def test_a_vqgan_that_does_not_fit_is_refused(manifest, stages):
    other = {**TWO_STAGES, "net": {**TWO_STAGES["net"], "vqgan": {**VQGAN, "width": 16}}}
    for net, proxy, message in ((other, "run0", "other sizes"), (TWO_STAGES, "run1", "no VQGAN")):
        method = {"name": "titok", "net": net, "stage": "proxy", "proxy": str(stages / proxy)}
        config = TokenizeConfig.parse(table(manifest, example=FRAME, method=method))
        with pytest.raises(InputError, match=message):
            Loop(TokenizeJob(config).task(), config.train, None, cpu=True)
