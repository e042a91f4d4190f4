"""Configuration of the training of a tokenizer (`task: tokenize`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from vesalius.config import Config
from vesalius.tasks.cohort_data import CohortData
from vesalius.tasks.job import JobConfig
from vesalius.tasks.tokenize.examples import ExampleConfig
from vesalius.tasks.tokenize.method import AnyTokenMethod
from vesalius.tasks.tokenize.still import Still
from vesalius.training.config import TrainConfig
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import AnyTransform, Chain

SCALED = Prepare.build(layout="CTIJK", values=({"name": "percentiles", "low": 0.1, "high": 99.9},))
"""From a scan to the values that tokenizers take: 0.1th to 99.9th percentile become 0 to 1."""


class TokenizeData(CohortData):
    """The cases, and the label maps that say where the organ is."""

    masks: tuple[str, ...] = Field(
        default=("ED", "ES", "mask"), description="label maps about which examples are cut, where a case has them"
    )
    most: int = Field(default=64, ge=1, description="held-out examples that are measured, evenly chosen")


class TokenizeConfig(JobConfig):
    """A run of a tokenizer."""

    task: Literal["tokenize"] = "tokenize"
    data: TokenizeData
    prepare: Prepare = Field(default=SCALED, description="from a scan to x_CTIJK from 0 to 1; the result is cached")
    example: ExampleConfig = Field(default=ExampleConfig(), description="what is cut out of a scan")
    augment: tuple[AnyTransform, ...] = Field(default=(), description="random changes of each example, x_CTIJK")
    still: Still = Field(default=Still(), description="how the mean over time is coded, where the method takes it")
    batch: int = Field(default=8, ge=1, description="examples in a batch, of all processes together")
    repeats: int = Field(default=1, ge=1, description="examples of each scan in an epoch")
    method: AnyTokenMethod
    numbers: Literal["fp32", "bf16"] = Field(
        default="fp32", description="of the weights files; bf16 halves them and rounds the weights"
    )
    train: TrainConfig = TrainConfig(best="psnr")

    @model_validator(mode="after")
    def _scans_over_time(self) -> TokenizeConfig:
        if self.prepare.layout != "CTIJK":
            raise ValueError("prepare.layout must be CTIJK")
        if self.prepare.orient is not None and self.example.about_labels:
            raise ValueError("prepare.orient moves the axes: the places of the labels would be lost")
        if self.example.margin and self.example.size is None:
            raise ValueError("example.margin needs example.size")
        return self

    @property
    def changes(self) -> Chain:
        """The random changes of an example."""
        return Chain(transforms=self.augment)


class TokenizeSettings(Config):
    """`settings` in the `config.json` of a model for the task "tokenize"."""

    method: str = Field(description="method by which it was trained")
    span: Literal["frame", "slice", "study"] = Field(description="what one example was")
    modality: Literal["MR"] = Field(default="MR", description="of the scans it is for; scans of others get a warning")
