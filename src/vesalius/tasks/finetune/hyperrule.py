"""BiT-HyperRule (arXiv:1912.11370, section 3.3): the recipe of a transfer from the numbers of pictures and pixels.

SGD with momentum 0.9 and rate 0.003 at a batch of 512, warm-up, then a tenth at each milestone:

    training pictures   steps    warm-up, milestones          mixup
    below 20,000        500      100, 200, 300, 400           none
    below 500,000       10,000   500, 3,000, 6,000, 9,000     0.1
    more                20,000   500, 6,000, 12,000, 18,000   0.1

Pictures of less than 96 x 96 pixels are resized to 160 and cropped to 128 at random; larger ones to 512 and 480, as in
Google's code (the paper has 448 and 384 for all but its largest net: sizes=[448,384]). They are flipped at random, and
held-out ones are resized to the size of the crop. The rate for other batches than 512 is proportional to the batch; the
paper does not say.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from vesalius.config import Config
from vesalius.errors import ConfigError

if TYPE_CHECKING:
    from vesalius.tasks.finetune.config import FinetuneConfig

_SCHEDULES = (
    (20_000, 500, (100, 200, 300, 400), 0.0),
    (500_000, 10_000, (500, 3_000, 6_000, 9_000), 0.1),
    (math.inf, 20_000, (500, 6_000, 12_000, 18_000), 0.1),
)
"""Training pictures below which a row holds, steps, warm-up and milestones, mixup."""
_SMALL_PIXELS, _SMALL, _LARGE = 96 * 96, (160, 128), (512, 480)
_RATE_PER_256, _MOMENTUM, _GAMMA = 0.0015, 0.9, 0.1
_VALIDATIONS = 10
_DECIDED = {"": ("mixup", "augment", "prepare_for_training"), "train": ("epochs", "max_steps", "optimizer", "schedule")}
Pixels = Annotated[int, Field(ge=8)]


class HyperRule(Config):
    """What the rule leaves open. All else follows from the data, as ordinary keys of the run's `config.yaml`."""

    flip: bool = Field(default=True, description="flip left and right; off where laterality matters")
    sizes: tuple[Pixels, Pixels] | None = Field(
        default=None, description="pixels before the random crop and after it; none: by the rule"
    )


def resolved(config: FinetuneConfig, pictures: int, shape: tuple[int, int]) -> FinetuneConfig:
    """Return the configuration with the keys that the rule decides.

    Args:
        config: with `bit_hyperrule`.
        pictures: to train on.
        shape: rows and columns of a typical picture.

    Raises:
        ConfigError: a key that the rule decides was given.
    """
    rule = config.bit_hyperrule
    if rule is None:
        return config
    for block, names in _DECIDED.items():
        given = config.train.model_fields_set if block else config.model_fields_set
        for name in names:
            if name in given:
                where = f"{block}.{name}" if block else name
                raise ConfigError("is decided by bit_hyperrule", where=where, fix="leave one of the two out")
    _, steps, (warmup, *milestones), mixup = next(row for row in _SCHEDULES if pictures < row[0])
    before, after = rule.sizes or (_SMALL if math.prod(shape) < _SMALL_PIXELS else _LARGE)
    per_epoch = math.ceil(max(1, pictures * config.repeats // config.batch) / config.train.accumulate)
    epochs = math.ceil(steps / per_epoch)
    table = config.model_dump(mode="json")
    sized = {
        side: table["prepare"] | {"steps": [*table["prepare"]["steps"], {"name": "resize", "size": [side, side]}]}
        for side in (before, after)
    }
    flip = [{"name": "flip", "axes": "I"}] if rule.flip else []
    table |= {
        "bit_hyperrule": None,
        "prepare": sized[after],
        "prepare_for_training": sized[before],
        "augment": [{"name": "random_crop", "size": [after, after]}, *flip],
        "mixup": mixup,
    }
    table["train"] |= {
        "epochs": epochs,
        "max_steps": steps,
        "optimizer": {
            "name": "sgd",
            "lr": _RATE_PER_256,
            "scaling": "linear",
            "momentum": _MOMENTUM,
            "weight_decay": 0.0,
        },
        "schedule": {
            "name": "steps",
            "warmup_steps": warmup,
            "milestones": [milestone / steps for milestone in milestones],
            "gamma": _GAMMA,
        },
    }
    if "validate_every" not in config.train.model_fields_set:
        table["train"]["validate_every"] = max(1, epochs // _VALIDATIONS)
    return type(config).parse(table)
