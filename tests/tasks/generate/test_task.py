import json
import math

import numpy as np
import pytest
import torch

from tasks.generate.small import CAPTIONS, config, table, write_discs
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import ConfigError, UsageError
from vesalius.tasks.generate.config import GenerateSettings
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.generate.job import GenerateJob
from vesalius.tasks.generate.sampler import SampleOptions
from vesalius.tasks.generate.task import heldout
from vesalius.tasks.train.run import train
from vesalius.training.record import read_record
from vesalius.training.task import Ranks
from vesalius.weights.saved import from_pretrained


def task_of(manifest, **changes):
    task = GenerateJob(config(manifest, **changes)).task()
    torch.manual_seed(0)
    task.modules = task.build()
    return task


def first(task):
    return next(task.batches(0, 0, 0, 1))


def test_a_batch_holds_pictures_captions_and_places(discs):
    batches = list(task_of(discs).batches(0, 0, 0, 1))
    batch = batches[0]
    assert batch["image"].shape == (4, 3, 16, 16)
    assert set(batch["caption"]) <= set(CAPTIONS.values())
    assert batch["mask"].shape == (4, 1, 16, 16)
    by_id = {name: one for batch in batches for name, one in zip(batch["id"], batch["mask"], strict=True)}
    assert not by_id["0"].any()  # has no mask
    assert by_id["5"].min() == -1
    assert by_id["5"].max() == 1


def test_the_loss_of_an_untrained_net_by_hand(discs):
    """It predicts 0, so its velocity is - x_t / (1 - t)."""
    task = task_of(discs)
    batch = first(task)
    torch.manual_seed(3)
    losses, _ = task.training_step(batch, 0)
    torch.manual_seed(3)
    t_B = task.config.flow.times(4)
    torch.rand(4, 2)
    noise = torch.randn(4, 3, 16, 16)
    data, t = 2 * batch["image"].clamp(0, 1) - 1, t_B[:, None, None, None]
    velocity = -(t * data + (1 - t) * noise) / (1 - t).clamp(min=0.05)
    expected = (velocity - (data - noise)).square().mean()
    assert losses["net"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_two_ranks_draw_what_one_draws(discs):
    task = task_of(discs)
    torch.manual_seed(5)
    whole = task._draws(torch.zeros(4, 3, 16, 16))
    for rank in (0, 1):
        task.ranks = Ranks(rank, 2)
        torch.manual_seed(5)
        for one, all_ in zip(task._draws(torch.zeros(2, 3, 16, 16)), whole, strict=True):
            assert one.equal(all_[rank::2])


def test_conditions_are_dropped_apart(discs):
    task = task_of(discs, drop={"caption": 0.5, "mask": 0.25})
    torch.manual_seed(0)
    kept = torch.stack([task._draws(torch.zeros(4, 1, 2, 2))[2] for _ in range(500)]).float().mean((0, 1))
    assert kept.tolist() == pytest.approx([0.5, 0.75], abs=0.04)


def test_places_of_a_class_weigh_more(discs):
    plain, weighted = task_of(discs), task_of(discs, weights={"disc": 3.0})
    mask = torch.full((2, 1, 4, 4), -1.0)
    mask[0, 0, :2] = 1
    mask[1] = 0  # no mask is given
    assert weighted._region(mask)[0].tolist() == [[3.0] * 4] * 2 + [[0.0] * 4] * 2
    assert not weighted._region(mask)[1].any()
    batch = first(plain)
    losses = []
    for task in (plain, weighted):
        torch.manual_seed(1)
        losses.append(task.training_step(batch, 0)[0]["net"].item())
    assert losses[0] != pytest.approx(losses[1], rel=1e-4)


def test_region_contrast_is_part_of_the_loss(discs):
    task = task_of(discs, weights={"disc": 1.0}, contrast={"weight": 0.5, "delta": 1.0})
    torch.manual_seed(1)
    losses, logs = task.training_step(first(task), 0)
    assert losses["net"].item() == pytest.approx((logs["loss"] + 0.5 * logs["contrast"]).item(), rel=1e-3, abs=2.0)
    assert logs["contrast"] == pytest.approx(1.0, abs=0.4)  # an untrained net does not look at the mask


def test_training_makes_both_conditions_count(disc_run):
    rows = [row for row in read_record(disc_run) if row["kind"] == "validation"]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert rows[-1]["mask_gain"] > 0.01
    assert rows[-1]["text_gain"] > 0.005
    summary = json.loads((disc_run / "summary.json").read_text(encoding="utf-8"))
    assert math.isfinite(summary["results"]["test"]["loss"])


def test_the_model_says_what_it_makes(disc_run):
    settings = GenerateSettings.parse(dict(from_pretrained(disc_run, "generate").config.settings))
    assert settings.classes == {"disc": (1,)}
    assert settings.sizes == ((16, 16),)
    assert set(settings.captions) == set(CAPTIONS.values())


def test_a_resumed_run_equals_an_unbroken_one(discs, tmp_path):
    path = tmp_path / "c.json"
    train_keys = {"epochs": 3, "optimizer": {"lr": 0.003}, "ema_decay": 0.9, "log_every": 1, "checkpoint_every": 2}
    sizes = [{"rows": 16, "columns": 16}, {"rows": 24, "columns": 24}]
    path.write_text(json.dumps(table(discs, train=train_keys, sizes=sizes)), encoding="utf-8")
    train(path, tmp_path / "whole", device="cpu")

    class StopError(Exception):
        pass

    def stop(row, _):
        if row["kind"] == "train" and row["step"] == 5:
            raise StopError

    with pytest.raises(StopError):
        train(path, tmp_path / "broken", device="cpu", watch=stop)
    train(path, tmp_path / "broken", device="cpu", resume=True)

    def rows(run):
        return [{key: value for key, value in row.items() if key != "seconds"} for row in read_record(run)]

    assert rows(tmp_path / "broken") == rows(tmp_path / "whole")


def test_too_few_cases_for_a_batch(tmp_path):
    manifest = write_discs(tmp_path, 12)
    with pytest.raises(UsageError, match="as many cases as the batch"):
        task_of(manifest, batch=8)


def test_held_out_cases_are_shown_as_the_net_sees_them(discs):
    cohort = read_manifest(discs).where(lambda case: case.split == "test")
    cases = heldout(config(discs), cohort, 2)
    assert len(cases) == 2
    assert cases[0].picture.shape == (16, 16, 3)
    assert set(cases[0].labels_JI.flatten().tolist()) == {0, 1}


def test_lora_changes_a_trained_net_and_ships_one_of_its_form(discs, disc_run, tmp_path):
    path = tmp_path / "c.json"
    keys = table(discs, init_from={"model": str(disc_run), "part": "net"}, lora={"rank": 2})
    keys["train"] = {"epochs": 2, "optimizer": {"lr": 0.01}, "log_every": 1}
    path.write_text(json.dumps(keys), encoding="utf-8")
    train(path, tmp_path / "run", device="cpu")
    before, after = (from_pretrained(run, "generate").parts for run in (disc_run, tmp_path / "run"))
    trained = after["net"].net.state_dict()
    changed = {name for name, x in before["net"].net.state_dict().items() if not x.equal(trained[name])}
    assert changed == {f"blocks.0.attention.{layer}.weight" for layer in ("query", "key", "value", "out")}
    for name, x in before["text"].net.state_dict().items():
        assert x.equal(after["text"].net.state_dict()[name])


def test_lora_needs_a_net_to_start_from(discs):
    with pytest.raises(ConfigError, match=r"lora needs a trained net: set init_from\.model"):
        config(discs, lora={"rank": 2})


def test_a_run_in_latents_draws_pictures(discs, tmp_path):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(8, 8), latent_channels=4, norm_num_groups=4,
    )  # fmt: skip
    vae.save_pretrained(tmp_path / "vae")
    keys = table(discs, vae={"name": "vae-folder", "folder": str(tmp_path / "vae"), "outputs": 4, "divisor": 2})
    keys["net"] = {**keys["net"], "inputs": 4}
    path = tmp_path / "c.json"
    path.write_text(json.dumps(keys), encoding="utf-8")
    result = train(path, tmp_path / "run", device="cpu")
    assert 0 < result.results["test"]["reconstruction_db"] < 60
    generator = Generator(tmp_path / "run")
    (picture,) = generator.sample([Request(mask=np.ones((16, 16), np.uint8))], SampleOptions(steps=2))
    assert picture.shape == (16, 16, 3)
