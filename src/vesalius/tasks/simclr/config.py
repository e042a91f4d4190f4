"""Configuration of a run of self-supervised pre-training on pictures (`task: simclr`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from vesalius.metrics.collapse import CollapseConfig
from vesalius.nets.encoder import AnyEncoder
from vesalius.tasks.cohort_data import CohortData
from vesalius.tasks.job import JobConfig
from vesalius.tasks.simclr.contrastive import Contrastive
from vesalius.tasks.simclr.method import AnyMethod
from vesalius.transforms.prepare import Prepare, Step
from vesalius.transforms.transform import AnyTransform, Chain


class HealthConfig(CollapseConfig):
    """What is measured of the vectors before the first step and after each epoch, and when a run is given up."""

    most: int = Field(default=1000, ge=2, description="pictures of a split that are measured")
    neighbours: int = Field(default=20, ge=1, description="labelled vectors that vote")


class SimclrConfig(JobConfig):
    """A run of pre-training."""

    task: Literal["simclr"] = "simclr"
    data: CohortData
    prepare: Prepare = Field(description="from a scan to a picture of layout CJI from 0 to 1; the result is cached")
    augment: tuple[AnyTransform, ...] = Field(description="random changes of each view, x_CJI, in their order")
    whole: tuple[Step, ...] = Field(
        default=(), description="what takes the place of augment where the encoder is measured or used"
    )
    normalize: tuple[Step, ...] = Field(default=(), description="steps after augment or whole")
    batch: int = Field(default=512, ge=2, description="pictures in a batch, of all processes together")
    chunk: int | None = Field(
        default=None, ge=1, description="pictures of a process at once, gradients cached; none: its whole share"
    )
    repeats: int = Field(default=1, ge=1, description="how often each picture comes in an epoch")
    net: AnyEncoder = Field(description="the encoder")
    method: AnyMethod = Contrastive()
    health: HealthConfig = HealthConfig()
    numbers: Literal["fp32", "bf16"] = Field(
        default="fp32", description="of the weights files; bf16 halves them and rounds the weights"
    )

    @model_validator(mode="after")
    def _pictures(self) -> SimclrConfig:
        if self.prepare.layout != "CJI":
            raise ValueError("prepare.layout must be CJI")
        if self.net.dims != 2:
            raise ValueError("net is not an encoder of pictures")
        if not Chain(transforms=self.augment).is_random:
            raise ValueError("augment draws nothing: both views would be the same")
        return self

    @property
    def view(self) -> Chain:
        """From a prepared picture to a random view."""
        return Chain(transforms=(*self.augment, *self.normalize))

    @property
    def fixed(self) -> Chain:
        """From a prepared picture to the one that the encoder is measured on."""
        return Chain(transforms=(*self.whole, *self.normalize))

    @property
    def shipped(self) -> Prepare:
        """From a scan to the picture that the encoder takes in use."""
        return self.prepare.model_copy(update={"steps": (*self.prepare.steps, *self.whole, *self.normalize)})
