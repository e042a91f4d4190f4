"""Configuration of a segmentation (`task: segment` in `vesalius train`), and the settings that ship with its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from vesalius.cohort.case import Case
from vesalius.config import Config
from vesalius.nets.net import AnyNet
from vesalius.objectives.dice_ce import DiceCeConfig
from vesalius.objectives.objective import Objective
from vesalius.tasks.cohort_data import CohortData
from vesalius.tasks.job import JobConfig
from vesalius.training.config import TrainConfig
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import AnyTransform

Positive = Annotated[int, Field(ge=1)]
Patch = tuple[Positive, Positive, Positive]
Values = Annotated[tuple[Annotated[int, Field(gt=0, lt=1 << 15)], ...], Field(min_length=1)]
Ignored = tuple[Annotated[int, Field(ge=-(1 << 15), lt=1 << 15)], ...]
Check = Literal["cine-mr", "none"]
"""Plausibility check before prediction: a short-axis cine MR, or none."""
CHECK_WORDS = "cine-mr: predict refuses scans that cannot be a short-axis cine MR; none: no check"
MapValues = Literal["classes", "objects"]
MAP_VALUES_WORDS = "what a value of a label map names: a class, or one of many objects, all of the only class"
Suffix = Literal[".nii.gz", ".png"]
SUFFIX_WORDS = "of the label maps that predict writes; .png: the model takes single pictures and no volumes"


class SegmentData(CohortData):
    """The cases, and the meaning of their label maps."""

    masks: tuple[str, ...] = Field(
        default=("mask",),
        min_length=1,
        description="label maps to learn from; of a cine e.g. ED, ES, each on its frame",
    )
    labels: dict[str, Values] = Field(
        min_length=1,
        max_length=127,
        description="class -> its values in the label maps; the first one is written in predictions",
    )
    map_values: MapValues = Field(default="classes", description=MAP_VALUES_WORDS)
    absent: Literal["background", "unknown"] = Field(
        default="background",
        description="a class that a label map does not hold: it is absent, or it was not labelled in this map",
    )
    ignored: Ignored = Field(default=(), description="values of unlabelled voxels")

    @model_validator(mode="after")
    def _one_class_for_each_value(self) -> SegmentData:
        values = [value for several in self.labels.values() for value in several]
        if len(set(values)) < len(values) or set(values) & set(self.ignored):
            raise ValueError("a value belongs to two classes, or to a class and to the ignored values")
        if self.map_values == "objects" and len(self.labels) > 1:
            raise ValueError("labels names one class where map_values is objects")
        return self

    def usable(self, case: Case) -> bool:
        return any(name in case.masks for name in self.masks)

    @property
    def needs(self) -> str:
        return f"mask called {' or '.join(self.masks)}"


def _read_loss(given: Any) -> Any:
    """A loss without a name is dice_ce."""
    return Objective.read({"name": "dice_ce", **given} if isinstance(given, Mapping) else given)


class InferConfig(Config):
    """Segmentation of a whole scan, in overlapping windows of the size of a patch."""

    overlap: float = Field(default=0.5, ge=0, lt=1, description="overlap of neighbouring windows")
    windows: int = Field(default=4, ge=1, description="windows that go through the net at once")
    flips: str = Field(
        default="",
        pattern="^I?J?K?$",
        description="letters of axes: probabilities are a mean over the image and its mirror images",
    )
    organ: tuple[str, ...] = Field(
        default=(),
        description="classes that adjoin, of which one piece each is kept: those with the longest common border",
    )
    walls: dict[str, str] = Field(
        default={}, description="cavity -> its wall: slices where a large cavity borders little on its wall lose it"
    )
    largest: tuple[str, ...] = Field(default=(), description="classes of which only the largest piece is kept")


class SegmentConfig(JobConfig):
    """A run of segmentation."""

    task: Literal["segment"] = "segment"
    data: SegmentData
    prepare: Prepare = Field(default=Prepare(layout="CIJK"), description="from a scan to the array, of equal size")
    patch: Patch = Field(description="voxels along i, j, k; 1 along k: pictures, segmented one by one")
    margin: tuple[int, int, int] = Field(
        default=(0, 0, 0), description="additional voxels on each side, cropped after the augmentation"
    )
    about_labels: float = Field(default=0.67, ge=0, le=1, description="share of the patches around a label")
    augment: tuple[AnyTransform, ...] = Field(default=(), description="random changes of each patch")
    batch: int = Field(default=2, ge=1, description="patches in a batch, of all processes together")
    repeats: int = Field(default=1, ge=1, description="patches of each case in an epoch")
    net: AnyNet = Field(
        description="its inputs are the channels of the prepared images, its outputs the labels and the background"
    )
    loss: Annotated[SerializeAsAny[Objective], BeforeValidator(_read_loss)] = DiceCeConfig()
    infer: InferConfig = InferConfig()
    regions: dict[str, tuple[str, ...]] = Field(
        default={}, description="unions of classes that are measured instead of the classes, e.g. whole tumour"
    )
    cavity: str | None = Field(default=None, description="class whose volume at ED and ES gives the ejection fraction")
    check: Check = Field(default="none", description=CHECK_WORDS)
    suffix: Suffix = Field(default=".nii.gz", description=SUFFIX_WORDS)
    train: TrainConfig = TrainConfig(best="dice")

    @model_validator(mode="after")
    def _names_that_exist(self) -> SegmentConfig:
        if self.prepare.layout != "CIJK":
            raise ValueError("prepare.layout must be CIJK")
        known = set(self.data.labels)
        named = {
            *self.infer.organ,
            *self.infer.walls,
            *self.infer.walls.values(),
            *self.infer.largest,
            *(name for members in self.regions.values() for name in members),
        }
        if self.cavity is not None:
            named.add(self.cavity)
        if named - known:
            raise ValueError(f"{', '.join(sorted(named - known))} is no class of data.labels")
        return self

    @model_validator(mode="after")
    def _net_fits(self) -> SegmentConfig:
        dims = 2 if self.patch[2] == 1 else 3
        if self.suffix == ".png" and (dims == 3 or self.cavity is not None):
            raise ValueError("suffix .png is for pictures: the patch needs 1 along k, and there is no cavity")
        wanted = {"dims": dims, "outputs": len(self.data.labels) + 1}
        if self.suffix != ".png":  # only its file says whether a picture is grey or has colours
            wanted["inputs"] = self.prepare.channel_count(len(self.data.images))
        for key, value in wanted.items():
            if getattr(self.net, key) != value:
                raise ValueError(
                    f"net.{key} is {getattr(self.net, key)}, the patch, the images and the labels need {value}"
                )
        if any(size % self.net.divisor for size in self.patch[:dims]):
            raise ValueError(f"the net needs a patch in multiples of {self.net.divisor}")
        return self


class SegmentSettings(Config):
    """`settings` in the `config.json` of a model for the task "segment"."""

    labels: dict[str, Values] = Field(description="class -> its values in label maps; the first one is written")
    ignored: Ignored = Field(default=(), description="values of unlabelled voxels")
    patch: Patch
    infer: InferConfig = InferConfig()
    regions: dict[str, tuple[str, ...]] = Field(default={}, description="unions of classes that are measured")
    cavity: str | None = Field(default=None, description="class whose volume gives the ejection fraction")
    check: Check = Field(default="none", description=CHECK_WORDS)
    map_values: MapValues = Field(default="classes", description=MAP_VALUES_WORDS)
    suffix: Suffix = Field(default=".nii.gz", description=SUFFIX_WORDS)

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
            map_values=config.data.map_values,
            suffix=config.suffix,
        )

    @property
    def has_baseline(self) -> bool:
        """Whether a threshold of brightness can stand in for the model: pictures, and one class."""
        return self.suffix == ".png" and len(self.labels) == 1

    @property
    def measured_classes(self) -> dict[str, tuple[int, ...]]:
        """What is measured -> its class numbers: the regions, or each class where there are none."""
        numbers = {name: number for number, name in enumerate(self.labels, start=1)}
        regions = self.regions or {name: (name,) for name in self.labels}
        return {name: tuple(numbers[member] for member in members) for name, members in regions.items()}
