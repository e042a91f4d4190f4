"""Configuration of a finetuning run (`task: finetune`), and the settings that ship with its model."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, model_validator

from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.config import Config
from vesalius.errors import UsageError
from vesalius.nets.classifier import Classifier
from vesalius.nets.encoder import AnyEncoder
from vesalius.objectives.class_loss import AnyClassLoss, BceLoss
from vesalius.tasks.cohort_data import ClassNames, CohortData
from vesalius.tasks.finetune.frozen import EVERYTHING, HEAD_ONLY, check_block
from vesalius.tasks.finetune.hyperrule import HyperRule
from vesalius.tasks.job import JobConfig
from vesalius.training.config import TrainConfig
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import AnyTransform

Values = Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1)]


class SliceLabels(Config):
    """Slices of volumes as pictures, labelled by a label map."""

    mask: str = Field(default=MASK, description="label map that the labels come from")
    values: dict[str, Values] = Field(min_length=1, description="class -> its values in the label map")
    least: int = Field(
        default=10, ge=1, description="least pixels of a class that is present; fewer, but some: unknown"
    )
    about_labels: float = Field(
        default=0.5, ge=0, le=1, description="share of slices drawn among those that hold a label"
    )


class FinetuneData(CohortData):
    """The cases, and the labels to learn."""

    classes: ClassNames = Field(default=(), description="labels of pictures to learn; none: all there are")
    class_fact: str | None = Field(
        default=None, description="fact of the cases whose values are the classes, such as group; none: their labels"
    )
    slices: SliceLabels | None = Field(default=None, description="volumes: how their slices become labelled pictures")

    @model_validator(mode="after")
    def _one_source_of_labels(self) -> FinetuneData:
        if self.classes and self.slices:
            raise ValueError("classes are those of slices.values where slices are given")
        if self.class_fact is not None and self.slices:
            raise ValueError("class_fact is for pictures: labels of slices come from slices.values")
        return self

    def cohort(self) -> Cohort:
        return with_classes(super().cohort(), self.class_fact)

    def usable(self, case: Case) -> bool:
        if self.slices is not None:
            return self.slices.mask in case.masks
        return bool(case.labels.keys() & self.classes if self.classes else case.labels)

    def held_out(self, cohort: Cohort, prepare: Prepare, classes: tuple[str, ...]) -> Loader:
        """Return a loader of a split that is not trained on, with the masks that its labels come from."""
        masks = () if self.slices is None else (self.slices.mask,)
        return self.loader(cohort, prepare=prepare, order="cohort", masks=masks, classes=classes)

    @property
    def needs(self) -> str:
        return "label" if self.slices is None else f"mask called {self.slices.mask}"


class FinetuneConfig(JobConfig):
    """A run of finetuning."""

    task: Literal["finetune"] = "finetune"
    data: FinetuneData
    prepare: Prepare = Field(description="from a scan to a picture (layout CJI) or to slices (layout BCJI)")
    prepare_for_training: Prepare | None = Field(
        default=None,
        description="another preparation of what is trained on, e.g. larger for random crops; none: prepare",
    )
    augment: tuple[AnyTransform, ...] = Field(default=(), description="random changes of each picture, x_CJI")
    batch: int = Field(default=32, ge=1, description="pictures in a batch, of all processes together")
    repeats: int = Field(default=1, ge=1, description="pictures of each case in an epoch")
    net: AnyEncoder = Field(description="the encoder")
    fine_tune_after_block: int = Field(
        default=EVERYTHING,
        ge=EVERYTHING,
        le=HEAD_ONLY,
        description="-1: everything learns; 0: all but the stem; 1 to 3: what follows this block group; 4: the head "
        "alone (a linear probe). What is frozen keeps the statistics of its norms",
    )
    zero_init_logits_layer: bool = Field(default=False, description="the last layer of the head begins at 0")
    hidden: int = Field(default=0, description="width of the head; 0 or less: one linear layer")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="in the head")
    loss: AnyClassLoss = Field(
        default=BceLoss(), description="bce: several labels may hold at once; softmax: each picture has one class"
    )
    mixup: float = Field(
        default=0.0, ge=0, description="blend pictures and labels, shares from Beta(mixup, mixup); 0: off"
    )
    numbers: Literal["fp32", "bf16"] = Field(
        default="fp32", description="of the weights file; bf16 halves it and rounds the weights"
    )
    bit_hyperrule: HyperRule | None = Field(
        default=None, description="choose optimizer, schedule, sizes and mixup by BiT-HyperRule; none: as configured"
    )
    train: TrainConfig = TrainConfig(best="auroc")

    @model_validator(mode="after")
    def _layout(self) -> FinetuneConfig:
        wanted = "BCJI" if self.data.slices else "CJI"
        for name, prepare in (("prepare", self.prepare), ("prepare_for_training", self.training_prepare)):
            if prepare.layout != wanted:
                raise ValueError(f"{name}.layout must be {wanted}")
        if self.data.slices is None and isinstance(self.loss, BceLoss) and self.loss.places:
            raise ValueError("loss.places needs data.slices: only a label map says what is in a place")
        if self.data.slices is not None and self.loss.activation == "softmax":
            raise ValueError("loss softmax needs pictures of one class each: a slice may hold several (take bce)")
        if self.net.dims != 2:
            raise ValueError("net is not an encoder of pictures")
        check_block(self.net, self.fine_tune_after_block)
        return self

    @property
    def training_prepare(self) -> Prepare:
        """Preparation of what is trained on."""
        return self.prepare_for_training or self.prepare

    def classifier(self, classes: int) -> Classifier:
        """Encoder and head."""
        return Classifier(encoder=self.net, outputs=classes, hidden=self.hidden, dropout=self.dropout)


def with_classes(cohort: Cohort, fact: str | None) -> Cohort:
    """Return the cohort with a label 0 or 1 for each value of a fact, in place of its labels; None: as it is.

    Raises:
        UsageError: no case has the fact.
    """
    if fact is None:
        return cohort
    names = sorted({str(case.facts[fact]) for case in cohort if fact in case.facts})
    if not names:
        raise UsageError(f"no case has the fact {fact}", where="data.class_fact", fix="name a fact of the manifest")
    cases = [
        case.model_copy(
            update={"labels": {name: float(str(case.facts[fact]) == name) for name in names if fact in case.facts}}
        )
        for case in cohort
    ]
    return replace(cohort, cases=tuple(cases))


class FinetuneSettings(Config):
    """`settings` in the `config.json` of a model for the task "finetune"."""

    classes: tuple[str, ...] = Field(min_length=1, description="what the logits mean")
    images: tuple[str, ...] = Field(min_length=1, description="images that become the channels")
    class_fact: str | None = Field(default=None, description="fact of the cases that the classes are values of")
    slices: SliceLabels | None = Field(default=None, description="how label maps became labels of slices")
