"""Learning rates as a pure function of the step: nothing to save, nothing to resume."""

from __future__ import annotations

import math

from vesalius.training.config import ScheduleConfig


def rate_factor(config: ScheduleConfig, step: int, steps: int) -> float:
    """Factor of the peak rate for optimizer step number `step` (from 0) of `steps`.

    Warm-up: (step + 1) / warmup_steps. Cosine: from 1 after the warm-up to `floor` at the last step.

    Example:
        >>> schedule = ScheduleConfig(warmup_steps=2)
        >>> [round(rate_factor(schedule, step, 5), 2) for step in range(5)]
        [0.5, 1.0, 1.0, 0.5, 0.0]
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    if config.name == "constant":
        return 1.0
    if config.name == "steps":
        return math.prod(config.gamma for share in config.milestones if step >= share * steps)
    length = max(1, steps - 1 - config.warmup_steps)
    share = min(1.0, (step - config.warmup_steps) / length)
    return config.floor + (1 - config.floor) * 0.5 * (1 + math.cos(math.pi * share))
