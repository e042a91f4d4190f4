"""What the published losses learn on volumes whose voxels say where they lie, and what a collapse looks like."""

import pytest

from tasks.voco.small import make_volumes, table
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.job import VocoJob
from vesalius.training.loop import Loop

STEPS = 60
BOUND = {"voco": 0.25, "voco-tpami": 0.5}
"""Of the held-out `voco`."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    return make_volumes(tmp_path_factory.mktemp("volumes"), patients=16, size=(48, 48, 16))


def run(manifest, health=None, steps=STEPS, **method):
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
    keys["train"] |= {"epochs": 1000, "max_steps": steps, "validate_every": 20} | optimizer
    config = VocoConfig.parse(keys)
    rows = []
    Loop(VocoJob(config).task(), config.train, None, cpu=True).run(watch=rows.append)
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


def test_a_planted_collapse_is_reported(manifest):
    """Without negatives and with a teacher that stays as it was, the loss falls and nothing is learned: no gain."""
    rows = run(manifest, name="voco", momentum=1.0, repel=0, distinct=0)
    first, last = rows[0], rows[-1]
    assert last["voco"] < 0.7 * first["voco"]
    assert last["correlation_gain"] < 0.05
