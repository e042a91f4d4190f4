"""What the published losses learn on volumes whose voxels say where they lie, and what a collapse looks like."""

from statistics import mean

import pytest

from tasks.voco.small import make_volumes, table
from vesalius.errors import TrainingError
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.job import VocoJob
from vesalius.training.loop import Loop

STEPS = 60
BOUND = {"voco": 0.25, "voco-tpami": 0.5}
"""Of the held-out `voco`."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_volumes(tmp_path_factory.mktemp("volumes"), patients=16, size=(48, 48, 16))


def run(manifest, health=None, watch=lambda row: None, **method):
    """Return the rows of a run of `voco/fast`, held-out measures before and after it among them."""
    geometry = {"grid": [3, 3, 1], "crop": [16, 16, 16], "changes": {"flip": 0, "quarter_turn": 0, "shift_p": 0}}
    keys = table(
        manifest,
        method={"hidden": 128, "outputs": 64, "geometry": geometry, **method},
        net={"name": "unet-encoder", "channels": [8, 16, 32], "units": 1, "norm": "batch"},
        batch=4,
        repeats=2,
        health=health or {},
    )
    optimizer = {"optimizer": {"lr": 1e-3}, "clip_norm": 1.0, "schedule": {"warmup_steps": 10}}
    keys["train"] |= {"epochs": 1000, "max_steps": STEPS, "validate_every": 20} | optimizer
    config = VocoConfig.parse(keys)
    rows = []

    def keep(row):
        rows.append(row)
        watch(row)

    Loop(VocoJob(config).task(), config.train, None, cpu=True).run(watch=keep)
    return rows


@pytest.mark.parametrize("name", BOUND)
def test_the_loss_falls_under_a_bound_and_nothing_collapses(manifest, name):
    """The most frequent complaint about the published code is a flat loss."""
    rows = run(manifest, name=name)
    first, last = (row for row in (rows[0], rows[-1]) if row["kind"] == "validation")
    assert last["voco"] < BOUND[name] < first["voco"]
    assert last["correlation_gain"] == pytest.approx(last["label_correlation"] - first["label_correlation"])
    assert last["correlation_gain"] > 0.1
    assert last["base_cosine"] < 0.3
    assert last["effective_rank"] > 4
    steps = [row for row in rows if row["kind"] == "train"]
    assert steps[0]["step"] == 1
    assert {"voco", "div", "area", "spread", "effective_rank", "base_cosine", "label_correlation"} <= steps[0].keys()


PLANTED = {"name": "voco", "momentum": 1.0, "repel": 0, "distinct": 0}
"""No negatives, and a teacher that stays at random."""


def test_a_planted_collapse_is_reported(tmp_path):
    """Where voxels hardly say where they lie, crops get alike: the loss does not show it, the monitors end the run."""
    manifest = make_volumes(tmp_path, patients=16, size=(48, 48, 16), noise=10)
    seen = []
    with pytest.raises(TrainingError, match=r"health: the encoder has collapsed after \d+ epochs: different crops"):
        run(manifest, {"least_correlation": 0.25}, watch=seen.append, **PLANTED)
    steps = [row for row in seen if row["kind"] == "train"]
    first, last = steps[:5], steps[-5:]
    assert mean(row["loss"] for row in last) < mean(row["loss"] for row in first)
    assert mean(row["base_cosine"] for row in last) > 0.1 + mean(row["base_cosine"] for row in first)
    assert mean(row["spread"] for row in last) < mean(row["spread"] for row in first) - 0.1


def test_a_falling_loss_that_teaches_nothing_is_reported(manifest):
    """On volumes whose places an untrained net knows in part, the same run gains nothing."""
    rows = run(manifest, **PLANTED)
    assert rows[-1]["voco"] < 0.7 * rows[0]["voco"]
    assert rows[-1]["correlation_gain"] < 0.05
