"""Configuration of the loop, the block `train` of every job's configuration."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from vesalius.config import Config
from vesalius.training.device import TrainPrecision


class OptimizerConfig(Config):
    """An optimizer. Parameters with one axis (biases, scales of norms) are never decayed."""

    name: Literal["adamw", "sgd", "lars"] = Field(default="adamw", description="lars: SGD with a rate for each layer")
    lr: float = Field(default=1e-3, gt=0, description="peak learning rate, for the batch that `scaling` means")
    scaling: Literal["none", "linear", "sqrt"] = Field(
        default="none",
        description="peak rate for a step of n samples: none: lr; linear: lr * n / 256; sqrt: lr * sqrt(n)",
    )
    weight_decay: float = Field(default=1e-2, ge=0)
    betas: tuple[float, float] = Field(default=(0.9, 0.999), description="of AdamW")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD and LARS")
    trust: float = Field(default=1e-3, gt=0, description="LARS: rate of a layer over |weights| / |gradient|")

    def rate(self, samples: int) -> float:
        """Return the peak rate for optimizer steps of so many samples.

        As SimCLR scales it (arXiv:2002.05709, section 2.2 and appendix B.1).

        >>> OptimizerConfig(lr=0.3, scaling="linear").rate(512), OptimizerConfig(lr=0.075, scaling="sqrt").rate(4096)
        (0.6, 4.8)
        """
        if self.scaling == "linear":
            return self.lr * samples / 256
        return self.lr * math.sqrt(samples) if self.scaling == "sqrt" else self.lr


class ScheduleConfig(Config):
    """Course of the learning rate, as a factor of the peak."""

    name: Literal["cosine", "steps", "constant"] = "cosine"
    warmup_steps: int = Field(default=0, ge=0, description="linear from 0")
    warmup_epochs: float = Field(default=0.0, ge=0, description="the same in epochs, instead of steps")
    floor: float = Field(default=0.0, ge=0, le=1, description="cosine: factor at the end")
    milestones: tuple[float, ...] = Field(default=(), description="steps: shares of the run at which the rate falls")
    gamma: float = Field(default=0.1, gt=0, le=1, description="steps: factor at each milestone")

    @model_validator(mode="after")
    def _one_warm_up(self) -> ScheduleConfig:
        if self.warmup_steps and self.warmup_epochs:
            raise ValueError("give warmup_steps or warmup_epochs, not both")
        return self

    def in_steps(self, steps_per_epoch: int) -> ScheduleConfig:
        """Return the same schedule with its warm-up in steps.

        >>> ScheduleConfig(warmup_epochs=2.5).in_steps(10).warmup_steps
        25
        """
        if not self.warmup_epochs:
            return self
        steps = round(self.warmup_epochs * steps_per_epoch)
        return self.model_copy(update={"warmup_steps": steps, "warmup_epochs": 0.0})


class TrainConfig(Config):
    """Configuration of the loop."""

    seed: int = Field(default=0, ge=0, description="of everything random")
    epochs: int = Field(default=10, ge=1)
    max_steps: int | None = Field(default=None, ge=1, description="stop earlier, after so many optimizer steps")
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    accumulate: int = Field(default=1, ge=1, description="batches for one optimizer step")
    clip_norm: float | None = Field(
        default=None, gt=0, description="gradients of an optimizer are scaled down to this length"
    )
    ema_decay: float | None = Field(
        default=None, gt=0, lt=1, description="keep averaged weights; they are validated and shipped"
    )
    precision: TrainPrecision = Field(
        default="fp32",
        description="auto: bf16 where the hardware has it; fp16: with scaled losses, on a GPU",
    )
    validate_every: int = Field(default=1, ge=1, description="epochs between validations")
    checkpoint_every: int = Field(
        default=200, ge=1, description="steps between states in last/, besides one for each epoch"
    )
    log_every: int = Field(default=10, ge=1, description="steps between lines of metrics.jsonl")
    best: str | None = Field(
        default=None, description="measure of `validate` by which weights are chosen; None: the last ones"
    )
    best_is: Literal["max", "min"] = "max"
    patience: int | None = Field(
        default=None, ge=1, description="stop after so many validations without a better `best`"
    )
    trackers: tuple[Literal["tensorboard", "mlflow"], ...] = Field(default=(), description="besides metrics.jsonl")

    @model_validator(mode="after")
    def _patience_needs_a_measure(self) -> TrainConfig:
        if self.patience is not None and self.best is None:
            raise ValueError("patience needs a measure: set best")
        return self
