"""From noise to pictures: an ordinary differential equation in a few steps, guided by captions and masks.

Guidance (arXiv:2207.12598), apart for text c and mask m: v = v(c, m) + (text - 1) (v(c, m) - v(-, m)) +
(mask - 1) (v(c, m) - v(c, -)). At 1 a condition is followed as it was learned, and costs no evaluation of its own. The
interval of guidance is that of arXiv:2404.07724.

Letters: B batch, C channel, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from vesalius.config import Config
from vesalius.objectives.rectified_flow import shifted

Sampler = Literal["euler", "heun", "midpoint"]
Velocity = Callable[[Tensor, float], Tensor]
"""x_t and t -> velocity."""
Watch = Callable[[int, int], None]
"""Callback: steps that are done, steps in all."""
Scale = Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)]
Time = Annotated[float, Field(ge=0, le=1)]


class SampleOptions(Config):
    """How pictures are sampled."""

    steps: int = Field(default=10, ge=1, le=1000, description="steps from noise to data; midpoint and heun look twice")
    sampler: Sampler = Field(default="midpoint", description="method of the steps; midpoint is best for its cost")
    guidance: Scale = Field(default=1.0, description="of the caption; 1 as learned, 0 ignores it")
    mask_guidance: Scale = Field(default=1.0, description="of the mask; likewise")
    interval: tuple[Time, Time] = Field(default=(0.0, 1.0), description="times at which guidance applies, 0 is noise")
    shift: float = Field(default=1.0, gt=0, le=20, description="above 1: more steps near noise")
    batch: int = Field(default=8, ge=1, le=1024, description="pictures at a time")

    @model_validator(mode="after")
    def _ascending(self) -> SampleOptions:
        if self.interval[0] >= self.interval[1]:
            raise ValueError("interval gives the smaller time first")
        return self

    @property
    def evaluations(self) -> int:
        """Evaluations of the velocity for a picture; heun ends with a step of Euler."""
        return self.steps * (1 if self.sampler == "euler" else 2) - (self.sampler == "heun")


def quiet_watch(done: int, total: int) -> None:
    """Show nothing."""


def integrated(velocity: Velocity, noise: Tensor, options: SampleOptions, watch: Watch = quiet_watch) -> Tensor:
    """Follow the velocity from t = 0 to t = 1.

    Args:
        velocity: of the flow; never asked at t = 1, where a net that predicts data has none.
        noise: the start, any shape.
        options: steps and method.
        watch: called after each step.

    Example:
        >>> integrated(lambda x, t: torch.full_like(x, 2 * t), torch.zeros(1), SampleOptions(steps=4)).item()
        1.0
    """
    times = shifted(torch.linspace(0, 1, options.steps + 1, dtype=torch.float64), options.shift).tolist()
    x = noise
    for number, (start, end) in enumerate(pairwise(times), start=1):
        x = _STEPS[options.sampler](velocity, x, start, end)
        watch(number, options.steps)
    return x


def _euler(velocity: Velocity, x: Tensor, start: float, end: float) -> Tensor:
    return x + (end - start) * velocity(x, start)


def _midpoint(velocity: Velocity, x: Tensor, start: float, end: float) -> Tensor:
    middle = (start + end) / 2
    return x + (end - start) * velocity(_euler(velocity, x, start, middle), middle)


def _heun(velocity: Velocity, x: Tensor, start: float, end: float) -> Tensor:
    first = velocity(x, start)
    if end >= 1:
        return x + (end - start) * first
    second = velocity(x + (end - start) * first, end)
    return x + (end - start) * (first + second) / 2


_STEPS: dict[str, Callable[[Velocity, Tensor, float, float], Tensor]] = {
    "euler": _euler,
    "midpoint": _midpoint,
    "heun": _heun,
}
