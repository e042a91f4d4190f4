"""Configuration of a segmentation (`task: segment` in `vesalius train`), and the settings that ship with its model."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from vesalius.cohort.case import Case
from vesalius.config import Config
from vesalius.nets.net import AnyNet
from vesalius.nets.ume import UMESegmenter
from vesalius.objectives.dice_ce import DiceCeConfig
from vesalius.objectives.objective import Objective
from vesalius.tasks.cohort_data import ImagesData
from vesalius.tasks.job import JobConfig
from vesalius.tasks.label_values import MAP_VALUES_WORDS, MapValues, Values
from vesalius.tasks.third_axis import Third
from vesalius.training.config import TrainConfig
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.resize import Frames
from vesalius.transforms.transform import AnyTransform, Transform

Positive = Annotated[int, Field(ge=1)]
Patch = tuple[Positive, Positive, Positive]
Ignored = tuple[Annotated[int, Field(ge=-(1 << 15), lt=1 << 15)], ...]
Check = Literal["cine-mr", "none"]
"""Plausibility check before prediction: a short-axis cine MR, or none."""
CHECK_WORDS = "cine-mr: predict refuses scans that cannot be a short-axis cine MR; none: no check"
Suffix = Literal[".nii.gz", ".png"]
SUFFIX_WORDS = "of the label maps that predict writes; .png: the model takes single pictures and no volumes"


class SegmentData(ImagesData):
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
    third: Third = Field(
        default="depth",
        description="third axis of a volume: depth, or time: each slice of a cine with all its frames is a volume, "
        "and label maps are those of some frames",
    )
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
        labelled = all if self.third == "time" else any
        return self.held(case) and labelled(name in case.masks for name in self.masks)

    @property
    def needs(self) -> str:
        masks = (" and " if self.third == "time" else " or ").join(self.masks)
        return f"mask called {masks} (and {self.needed_images})"


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
        default={},
        description="unions of classes that are measured instead of the classes, e.g. whole tumour; with the loss "
        "dice_bce they are the outputs of the net",
    )
    cavity: str | None = Field(default=None, description="class whose volume at ED and ES gives the ejection fraction")
    check: Check = Field(default="none", description=CHECK_WORDS)
    suffix: Suffix = Field(default=".nii.gz", description=SUFFIX_WORDS)
    train: TrainConfig = TrainConfig(best="dice")

    @model_validator(mode="after")
    def _names_that_exist(self) -> SegmentConfig:
        layout = "CTIJK" if self.data.third == "time" else "CIJK"
        if self.prepare.layout != layout:
            raise ValueError(f"prepare.layout must be {layout} where data.third is {self.data.third}")
        if self.data.third == "time" and any(map(_changes_frames, self.prepare.steps)):
            raise ValueError("prepare.steps change the frames, which label maps and predictions are numbered by")
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
        if self.loss.of_regions:
            region_steps(self.data.labels, self.regions)
        if self.loss.of_keyframes and not isinstance(self.net, UMESegmenter):
            raise ValueError("the loss needs a net with keyframes, ume-segmenter")
        if self.data.third == "time" and dims == 2:
            raise ValueError("the patch needs frames along its third axis where data.third is time")
        self.data.check_missing(self.prepare, self.net.takes_missing)
        outputs = len(self.regions) if self.loss.of_regions else len(self.data.labels) + 1
        wanted = {"dims": dims, "outputs": outputs}
        if self.suffix != ".png":  # only its file says whether a picture is grey or has colours
            wanted["inputs"] = self.prepare.channel_count(len(self.data.images))
        for key, value in wanted.items():
            if getattr(self.net, key) != value:
                raise ValueError(
                    f"net.{key} is {getattr(self.net, key)}, the patch, the images and the labels need {value}"
                )
        if any(size % divisor for size, divisor in zip(self.patch, self.net.divisors, strict=False)):
            raise ValueError(f"the net needs a patch in multiples of {', '.join(map(str, self.net.divisors))}")
        return self


def _changes_frames(step: Transform) -> bool:
    """Whether a step of layout CTIJK gives another number of frames; the first of four sizes is theirs."""
    size = getattr(step, "size", None)
    return isinstance(step, Frames) or (isinstance(size, tuple) and len(size) == 4 and size[0] is not None)


def region_steps(labels: Collection[str], regions: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Return for each region the class that it has and the next does not.

    Raises:
        ValueError: the regions are not each the one before without one class, from all classes down to one.

    Example:
        >>> region_steps(["core", "edema"], {"whole": ["core", "edema"], "core": ["core"]})
        ('edema', 'core')
    """
    members = [set(one) for one in regions.values()]
    steps = [one - after for one, after in zip(members, [*members, set()][1:], strict=False)]
    nested = all(one >= after for one, after in pairwise(members)) and all(len(step) == 1 for step in steps)
    if not members or members[0] != set(labels) or not nested:
        raise ValueError("the loss of regions needs regions that begin with all classes, each with one class fewer")
    return tuple(step.pop() for step in steps)


class SegmentSettings(Config):
    """`settings` in the `config.json` of a model for the task "segment"."""

    labels: dict[str, Values] = Field(description="class -> its values in label maps; the first one is written")
    ignored: Ignored = Field(default=(), description="values of unlabelled voxels")
    patch: Patch
    infer: InferConfig = InferConfig()
    regions: dict[str, tuple[str, ...]] = Field(default={}, description="unions of classes that are measured")
    of_regions: bool = Field(default=False, description="the outputs of the net are the regions, not the classes")
    third: Third = Field(default="depth", description="third axis of a patch")
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
            of_regions=config.loss.of_regions,
            third=config.data.third,
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
    def steps(self) -> tuple[int, ...]:
        """Of a net of regions the number of the class that each region has and the next does not; else empty."""
        if not self.of_regions:
            return ()
        numbers = {name: number for number, name in enumerate(self.labels, start=1)}
        return tuple(numbers[step] for step in region_steps(self.labels, self.regions))

    @property
    def measured_classes(self) -> dict[str, tuple[int, ...]]:
        """What is measured -> its class numbers: the regions, or each class where there are none."""
        numbers = {name: number for number, name in enumerate(self.labels, start=1)}
        regions = self.regions or {name: (name,) for name in self.labels}
        return {name: tuple(numbers[member] for member in members) for name, members in regions.items()}
