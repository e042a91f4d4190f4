import pytest

from tasks.finetune.small import make_pictures, of_pictures
from vesalius.errors import ConfigError
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.hyperrule import resolved
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.training.optimizers import rate_factor


def config_of(manifest="m.jsonl", rule=None, **changes):
    table = of_pictures(manifest, bit_hyperrule=rule or {}, **changes)
    return FinetuneConfig.parse({key: value for key, value in table.items() if key != "train" or "train" in changes})


@pytest.mark.parametrize(
    ("pictures", "steps", "supports", "mixup"),
    [
        (477, 500, [100, 200, 300, 400], 0.0),
        (19_999, 500, [100, 200, 300, 400], 0.0),
        (20_000, 10_000, [500, 3000, 6000, 9000], 0.1),
        (500_000, 20_000, [500, 6000, 12_000, 18_000], 0.1),
    ],
)
def test_rates_and_steps_are_those_of_big_transfer(pictures, steps, supports, mixup):
    """Its rate: base * step / first support; then a tenth at each of the others; 0.003 at a batch of 512."""
    config = resolved(config_of(batch=512, repeats=1), pictures, (1000, 1000))
    train = config.train
    assert (train.max_steps, config.mixup, train.optimizer.name, train.optimizer.momentum) == (steps, mixup, "sgd", 0.9)
    assert train.optimizer.rate(512) == pytest.approx(0.003)
    assert train.optimizer.rate(128) == pytest.approx(0.00075)
    assert train.epochs * max(1, pictures // 512) >= steps
    for step in range(1, steps, 7):
        falls = sum(support < step for support in supports[1:])
        expected = (step + 1) / supports[0] if step < supports[0] else 0.1**falls
        if step not in supports:
            assert rate_factor(train.schedule, step, steps) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("shape", "sizes"), [((95, 97), (160, 128)), ((96, 96), (512, 480)), ((2000, 1500), (512, 480))]
)
def test_sizes_follow_the_area_of_the_pictures(shape, sizes):
    config = resolved(config_of(), 100, shape)
    before, after = sizes
    assert config.prepare_for_training.steps[-1].size == (before, before)
    assert config.prepare.steps[-1].size == (after, after)
    assert [type(step).__name__ for step in config.augment] == ["RandomCrop", "Flip"]
    assert config.augment[0].size == (after, after)
    plain = resolved(config_of(rule={"flip": False, "sizes": [40, 32]}), 100, shape)
    assert [type(step).__name__ for step in plain.augment] == ["RandomCrop"]
    assert plain.prepare.steps[-1].size == (32, 32)


def test_what_the_rule_decides_cannot_be_given_besides():
    with pytest.raises(ConfigError, match=r"mixup: is decided by bit_hyperrule"):
        resolved(config_of(mixup=0.2), 100, (50, 50))
    with pytest.raises(ConfigError, match=r"train\.epochs: is decided by bit_hyperrule"):
        resolved(config_of(train={"epochs": 3}), 100, (50, 50))


def test_a_job_runs_with_the_keys_written_out(tmp_path):
    config = config_of(make_pictures(tmp_path), rule={"sizes": [40, 32]}, train={"seed": 3, "best": None})
    job = FinetuneJob(config)
    assert job.config.bit_hyperrule is None
    assert (job.config.train.max_steps, job.config.train.seed, job.config.train.best) == (500, 3, None)
    assert FinetuneConfig.parse(job.config.model_dump(mode="json")) == job.config
    batch = next(job.task().batches(0, 0, 0, 1))
    assert batch["image"].shape == (8, 1, 32, 32)
