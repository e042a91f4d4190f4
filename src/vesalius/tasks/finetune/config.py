"""Configuration of a finetuning run: `task: finetune` in a configuration of `vesalius train`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.config import Config
from vesalius.nets.classifier import Classifier
from vesalius.nets.encoder import AnyEncoder
from vesalius.tasks.cohort_data import CohortData
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

    classes: tuple[str, ...] = Field(default=(), description="labels of pictures to learn; none: all there are")
    slices: SliceLabels | None = Field(default=None, description="volumes: how their slices become labelled pictures")

    @model_validator(mode="after")
    def _one_source_of_labels(self) -> FinetuneData:
        if self.classes and self.slices:
            raise ValueError("classes are those of slices.values where slices are given")
        return self

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


class FinetuneLoss(Config):
    """Binary cross-entropy, see `vesalius.objectives.masked_bce`."""

    positive: float = Field(default=1.0, gt=0, description="weight of a positive picture")
    places: float = Field(
        default=0.0, ge=0, description="weight of the loss of single places (patches), labelled by the map"
    )
    place_positive: float = Field(default=1.0, gt=0, description="weight of a positive place")
    place_least: int = Field(
        default=10, ge=1, description="least pixels of a class that is present in a place; fewer, but some: unknown"
    )


class FinetuneConfig(JobConfig):
    """A run of finetuning."""

    task: Literal["finetune"] = "finetune"
    data: FinetuneData
    prepare: Prepare = Field(description="from a scan to a picture (layout CJI) or to slices (layout BCJI)")
    augment: tuple[AnyTransform, ...] = Field(default=(), description="random changes of each picture, x_CJI")
    batch: int = Field(default=32, ge=1, description="pictures in a batch, of all processes together")
    repeats: int = Field(default=1, ge=1, description="pictures of each case in an epoch")
    net: AnyEncoder = Field(description="the encoder")
    hidden: int = Field(default=0, description="width of the head; 0 or less: one linear layer")
    dropout: float = Field(default=0.0, ge=0, lt=1, description="in the head")
    loss: FinetuneLoss = FinetuneLoss()
    numbers: Literal["fp32", "bf16"] = Field(
        default="fp32", description="of the weights file; bf16 halves it and rounds the weights"
    )
    train: TrainConfig = TrainConfig(best="auroc")

    @model_validator(mode="after")
    def _layout(self) -> FinetuneConfig:
        wanted = "BCJI" if self.data.slices else "CJI"
        if self.prepare.layout != wanted:
            raise ValueError(f"prepare.layout must be {wanted}")
        if self.loss.places and not self.data.slices:
            raise ValueError("loss.places needs data.slices: only a label map says what is in a place")
        if self.net.dims != 2:
            raise ValueError("net is not an encoder of pictures")
        return self

    def classifier(self, classes: int) -> Classifier:
        """Encoder and head."""
        return Classifier(encoder=self.net, outputs=classes, hidden=self.hidden, dropout=self.dropout)
