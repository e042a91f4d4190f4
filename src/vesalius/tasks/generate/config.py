"""Configuration of generation (`task: generate` in `vesalius train`), and the settings that ship with its model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from vesalius.cohort.case import MASK, Case
from vesalius.config import Config
from vesalius.nets.lora import NEW, LoraConfig
from vesalius.nets.next_dit import NextDiT
from vesalius.nets.picture_latents import AnyLatents
from vesalius.nets.text import AnyText
from vesalius.nets.text_bytes import TextBytes
from vesalius.objectives.rectified_flow import FlowConfig
from vesalius.objectives.region_contrast import RegionContrastConfig
from vesalius.tasks.cohort_data import CohortData
from vesalius.tasks.job import JobConfig
from vesalius.tasks.label_values import MAP_VALUES_WORDS, MapValues, Values
from vesalius.training.config import TrainConfig
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.resize import Kernel
from vesalius.transforms.transform import AnyTransform, PositiveRange
from vesalius.weights.saved import NET

Pixels = Annotated[int, Field(ge=8, le=4096)]
Chance = Annotated[float, Field(ge=0, lt=1)]
TEXT, VAE = "text", "vae"
"""Parts of a model beside its net: the encoder of captions, and the autoencoder where it has one."""
LONGEST_CAPTION = 2000
"""Characters of a caption."""
SHOWN = Prepare.build(layout="CJI", intensity="shown", steps=({"name": "picture_channels", "count": 3},))
"""From a picture file to three channels from 0 to 1."""


class GenerateData(CohortData):
    """The cases with their captions and label maps. A case without a label map teaches pictures without a mask."""

    mask: str = Field(default=MASK, description="label map that says where the classes are, where a case has it")
    labels: dict[str, Values] = Field(
        default={}, max_length=64, description="class -> its values in the label maps; empty: no masks are learned"
    )
    map_values: MapValues = Field(default="classes", description=MAP_VALUES_WORDS)
    texts: dict[str, str] = Field(
        default={}, description="label -> its words: the caption of cases that have labels and no caption"
    )
    text_of_none: str = Field(default="", description="the same of cases whose labels named in texts are all 0")
    times: dict[str, dict[str, Annotated[int, Field(ge=1)]]] = Field(
        default={},
        description="fact or label -> value -> how often such a case comes in an epoch, e.g. {stain: {stained: 5}}",
    )

    @model_validator(mode="after")
    def _classes(self) -> GenerateData:
        values = [value for several in self.labels.values() for value in several]
        if len(set(values)) < len(values):
            raise ValueError("a value belongs to two classes")
        if self.map_values == "objects" and len(self.labels) != 1:
            raise ValueError("labels names one class where map_values is objects")
        return self

    def caption(self, case: Case) -> str:
        """The words of a case; "" where it has none."""
        return caption_of(case, self.texts, self.text_of_none)

    def turns(self, case: Case) -> int:
        """How often a case comes in an epoch."""
        return max([counts.get(_value(case, name), 1) for name, counts in self.times.items()] or [1])


def caption_of(case: Case, texts: Mapping[str, str], of_none: str = "") -> str:
    """Return the caption of a case, else the words of its labels; "" where it has neither.

    Args:
        case: the case.
        texts: label -> its words.
        of_none: words of a case whose labels named in `texts` are all 0.

    Example:
        >>> case = Case.build(id="a", images={"image": "a.png"}, labels={"effusion": 1, "nodule": 0})
        >>> caption_of(case, {"effusion": "an effusion", "nodule": "a nodule"})
        'an effusion'
    """
    if case.caption is not None:
        return case.caption.strip()[:LONGEST_CAPTION]
    words = [words for label, words in texts.items() if case.labels.get(label) == 1]
    none = bool(texts) and all(case.labels.get(label) == 0 for label in texts)
    return of_none if none else ", ".join(words)


def _value(case: Case, name: str) -> str:
    """Return the value of a fact, else that of a label, as it is written in a configuration."""
    return f"{case.labels[name]:g}" if name in case.labels else str(case.facts.get(name))


class Size(Config):
    """Rows and columns of the pictures of some batches."""

    rows: Pixels
    columns: Pixels
    repeats: int = Field(default=1, ge=1, description="batches of this size take each case so often in an epoch")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns


class CropConfig(Config):
    """The part of a picture that one sample shows, resized to the size of its batch with its mask."""

    area: PositiveRange = Field(default=(1.0, 1.0), description="smallest and largest share of the largest box")
    kernel: Kernel = Field(default="linear", description="interpolation; masks become shares of each class")

    @model_validator(mode="after")
    def _within(self) -> CropConfig:
        if self.area[1] > 1:
            raise ValueError("a crop is no larger than the picture: area is 1 at most")
        return self


class DropConfig(Config):
    """Chance with which a sample learns without a condition, apart for each, so that both can be guided."""

    caption: Chance = 0.1
    mask: Chance = 0.1


class PixelsConfig(Config):
    """Pictures as the net sees them: from -1 to 1."""

    gamma: float = Field(
        default=1.0, gt=0, le=2, description="power of the values from 0 to 1; 0.5 spreads dark pictures"
    )


class GenerateConfig(JobConfig):
    """A run of generation."""

    task: Literal["generate"] = "generate"
    data: GenerateData
    prepare: Prepare = Field(default=SHOWN, description="from a scan to a picture, layout CJI, values from 0 to 1")
    sizes: tuple[Size, ...] = Field(
        min_length=1,
        description="of the pictures; of sizes with about the same area a case goes to that of its own aspect",
    )
    crop: CropConfig = CropConfig()
    augment: tuple[AnyTransform, ...] = Field(default=(), description="random changes of each picture, x_CJI")
    batch: int = Field(default=8, ge=1, description="pictures in a batch, of all processes together")
    pixels: PixelsConfig = PixelsConfig()
    net: NextDiT = Field(description="the diffusion transformer")
    text: AnyText = Field(default=TextBytes(), description="encoder of the captions")
    vae: AnyLatents | None = Field(
        default=None, description="frozen autoencoder whose latents the net works in; none: pixels"
    )
    lora: LoraConfig | None = Field(
        default=None, description="learn small changes of the net of init_from (part: net), whose text encoder stays"
    )
    flow: FlowConfig = FlowConfig()
    drop: DropConfig = DropConfig()
    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default={}, description="class -> what its places weigh more in the loss than others, e.g. {lesion: 3}"
    )
    contrast: RegionContrastConfig | None = Field(
        default=None, description="the classes of `weights` must change the picture in their places; doubles the work"
    )
    numbers: Literal["fp32", "bf16"] = Field(
        default="fp32", description="of the weights files; bf16 halves them and rounds the weights"
    )
    most: int = Field(default=64, ge=1, description="held-out cases that are measured, evenly chosen")
    train: TrainConfig = TrainConfig(ema_decay=0.999)

    @model_validator(mode="after")
    def _fits(self) -> GenerateConfig:
        if self.prepare.layout != "CJI":
            raise ValueError("prepare.layout must be CJI")
        net, classes = self.net, self.data.labels
        if net.mask_channels != len(classes):
            raise ValueError(f"net.mask_channels is {net.mask_channels}, data.labels has {len(classes)} classes")
        if net.text_width != self.text.width:
            raise ValueError(f"net.text_width is {net.text_width}, the text encoder gives {self.text.width}")
        for size in self.sizes:
            if any(side % self.divisor for side in size.shape):
                raise ValueError(f"sizes must be multiples of {self.divisor}, {size.rows} x {size.columns} is not")
        if self.vae is not None and self.vae.outputs != net.inputs:
            raise ValueError(f"net.inputs is {net.inputs}, the latents of vae have {self.vae.outputs} channels")
        if self.lora is not None and (self.init_from is None or self.init_from.part != NET):
            raise ValueError("lora needs a trained net: set init_from.model, and init_from.part=net")
        unknown = set(self.weights) - set(classes)
        if unknown:
            raise ValueError(f"weights names {', '.join(sorted(unknown))}, which data.labels does not")
        if self.contrast is not None and not self.weights:
            raise ValueError("contrast needs classes in weights")
        return self

    @model_validator(mode="before")
    @classmethod
    def _changes_are_new(cls, given: Any) -> Any:
        """Let the tensors that LoRA adds be missing in the weights to start from."""
        init = given.get("init_from") if isinstance(given, dict) else None
        if not isinstance(init, dict) or given.get("lora") is None:
            return given
        return {**given, "init_from": {**init, "allow": [*init.get("allow", ()), NEW]}}

    @property
    def channels(self) -> int:
        """Channels of a picture."""
        return self.net.inputs if self.vae is None else int(self.vae.inputs or 0)

    @property
    def divisor(self) -> int:
        """Whose multiples the sides of a picture are."""
        return self.net.divisor * (1 if self.vae is None else self.vae.divisor)


class GenerateSettings(Config):
    """`settings` in the `config.json` of a model for the task "generate"."""

    classes: dict[str, Values] = Field(default={}, description="class -> its values in label maps; empty: no masks")
    map_values: MapValues = Field(default="classes", description=MAP_VALUES_WORDS)
    sizes: tuple[tuple[int, int], ...] = Field(min_length=1, description="rows and columns it was trained at")
    channels: Literal[1, 3] = Field(description="grey or colours")
    pixels: PixelsConfig = PixelsConfig()
    flow: FlowConfig = FlowConfig()
    captions: tuple[str, ...] = Field(default=(), description="captions that it was trained with, the most usual first")

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a picture for which none are given."""
        return self.sizes[0]


def usual_captions(captions: Iterable[str], most: int = 20) -> tuple[str, ...]:
    """The captions that come most often, each once.

    Example:
        >>> usual_captions(["b", "a", "b", ""])
        ('b', 'a')
    """
    counts: dict[str, int] = {}
    for caption in captions:
        if caption:
            counts[caption] = counts.get(caption, 0) + 1
    return tuple(sorted(counts, key=lambda caption: (-counts[caption], caption))[:most])
