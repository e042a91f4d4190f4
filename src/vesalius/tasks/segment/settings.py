"""Settings that ship with a segmentation model, besides its net and its input contract."""

from __future__ import annotations

from pydantic import Field

from vesalius.config import Config
from vesalius.tasks.segment.config import CHECK_WORDS, Check, Ignored, InferConfig, Patch, SegmentConfig, Values


class SegmentSettings(Config):
    """`settings` in the `config.json` of a model for the task "segment"."""

    labels: dict[str, Values] = Field(description="class -> its values in label maps; the first one is written")
    ignored: Ignored = Field(default=(), description="values of unlabelled voxels")
    patch: Patch
    infer: InferConfig = InferConfig()
    regions: dict[str, tuple[str, ...]] = Field(default={}, description="unions of classes that are measured")
    cavity: str | None = Field(default=None, description="class whose volume gives the ejection fraction")
    check: Check = Field(default="none", description=CHECK_WORDS)

    @classmethod
    def of(cls, config: SegmentConfig) -> SegmentSettings:
        """The settings of a run's model."""
        return cls(
            labels=config.data.labels,
            ignored=config.data.ignored,
            patch=config.patch,
            infer=config.infer,
            regions=config.regions,
            cavity=config.cavity,
            check=config.check,
        )

    @property
    def measured_classes(self) -> dict[str, tuple[int, ...]]:
        """What is measured -> its class numbers: the regions, or each class where there are none."""
        numbers = {name: number for number, name in enumerate(self.labels, start=1)}
        regions = self.regions or {name: (name,) for name in self.labels}
        return {name: tuple(numbers[member] for member in members) for name, members in regions.items()}
