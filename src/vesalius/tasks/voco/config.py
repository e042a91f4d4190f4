"""Configuration of a run of self-supervised pre-training on volumes (`task: voco`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from vesalius.cohort.case import Case
from vesalius.nets.encoder import AnyEncoder
from vesalius.tasks.cohort_data import ImagesData
from vesalius.tasks.job import JobConfig
from vesalius.tasks.third_axis import Third
from vesalius.tasks.voco.health import VolumeHealth
from vesalius.tasks.voco.method import AnyVolumeMethod
from vesalius.tasks.voco.published import Voco
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import AnyTransform, Chain


class VolumeData(ImagesData):
    """The volumes, without labels: a case needs its images only."""

    third: Third = Field(
        default="depth",
        description="third axis of a volume: depth of a static scan, or time of a random slice of a cine",
    )
    frame: str | None = Field(default=None, description="with depth: frame of a cine to load, such as ED")

    def usable(self, case: Case) -> bool:
        return self.held(case) and (self.frame is None or self.frame in case.frames)

    @property
    def needs(self) -> str:
        frame = f" and a frame called {self.frame}" if self.frame else ""
        return f"{self.needed_images}{frame}"


class VocoConfig(JobConfig):
    """A run of pre-training."""

    task: Literal["voco"] = "voco"
    data: VolumeData
    prepare: Prepare = Field(
        description="from a scan to a volume of layout CIJK, or CTIJK with data.third: time; the result is cached"
    )
    augment: tuple[AnyTransform, ...] = Field(
        default=(), description="random changes of the whole volume, before its crops are cut; all get one size"
    )
    whole: tuple[AnyTransform, ...] = Field(
        default=(), description="what takes the place of augment where held-out volumes are measured"
    )
    batch: int = Field(default=2, ge=1, description="volumes in a batch, of all processes together")
    repeats: int = Field(default=1, ge=1, description="how often each volume comes in an epoch")
    net: AnyEncoder = Field(description="the encoder, of three dimensions")
    method: AnyVolumeMethod = Voco()
    health: VolumeHealth = VolumeHealth()

    @model_validator(mode="after")
    def _volumes(self) -> VocoConfig:
        layout = "CTIJK" if self.data.third == "time" else "CIJK"
        if self.prepare.layout != layout:
            raise ValueError(f"prepare.layout must be {layout} where data.third is {self.data.third}")
        if self.data.third == "time" and self.data.frame is not None:
            raise ValueError("data.frame loads one frame, and data.third: time needs all")
        if self.net.dims != 3:
            raise ValueError("net is not an encoder of volumes")
        self.data.check_missing(self.prepare, self.net.takes_missing)
        channels = self.prepare.channel_count(len(self.data.images))
        if self.net.inputs != channels:
            raise ValueError(f"net.inputs is {self.net.inputs}, the images need {channels}")
        if Chain(transforms=self.whole).is_random:
            raise ValueError("whole draws at random: held-out volumes would not be the same each time")
        return self
