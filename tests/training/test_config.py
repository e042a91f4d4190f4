import pytest

from vesalius.errors import ConfigError
from vesalius.training.config import TrainConfig


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"optimiser": {}}, "optimiser: no such key; did you mean 'optimizer'"),
        ({"optimizer": {"lr": 0}}, r"optimizer\.lr: 0 was given"),
        ({"schedule": {"name": "linear"}}, r"schedule\.name: 'linear' was given"),
        ({"ema_decay": 1}, "ema_decay: 1 was given"),
        ({"patience": 3}, "patience needs a measure"),
        (
            {"schedule": {"warmup_steps": 3, "warmup_epochs": 1}},
            "schedule: give warmup_steps or warmup_epochs, not both",
        ),
    ],
)
def test_wrong_keys_are_one_line(wrong, told):
    with pytest.raises(ConfigError, match=told):
        TrainConfig.parse(wrong)


def test_every_key_of_the_run_is_described_or_plain():
    for name, field in TrainConfig.model_fields.items():
        assert field.description or name in {"epochs", "optimizer", "schedule", "best_is"}, name
