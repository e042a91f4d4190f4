"""Configuration of a detection run (`task: detect`), and the settings that ship with its model."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from vesalius.config import Config
from vesalius.metrics.operating import SPECIFICITY, Sharing
from vesalius.nets.aggregate import AnyAggregate, Mean
from vesalius.objectives.masked_bce import MOST_WEIGHT
from vesalius.tasks.cohort_data import ClassNames, ManifestData
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.tasks.job import JobConfig
from vesalius.training.config import OptimizerConfig, TrainConfig
from vesalius.training.device import Precision
from vesalius.transforms.prepare import CtWindow

Check = Literal["head-ct", "none"]
"""Plausibility check run before prediction: "head-ct" or "none"."""
Unit = Literal["case", "study"]
"""What carries one label: a case, or all cases of a study."""
CHECK_WORDS = "head-ct: what does not look like a head CT in HU is refused; none: no check"


class DetectData(ManifestData):
    """The training data: scans of a manifest with the encoder that reads them, or precomputed vectors.

    Vectors: embeddings, labels and, if they are known, patients, studies and splits, each with a line for each row of
    the embeddings; labels may also have a line for each study. Or embeddings and labels of each split in files of their
    own, with a line of labels for each row.
    """

    manifest: tuple[Path, ...] = Field(
        default=(),
        description="one or several .jsonl or .csv of vesalius cohort build, or a table with nifti_path, a column "
        "for each label, study_uid, patient_id and split; split by patient if need be",
    )
    encoder: str | None = Field(default=None, description="model folder or zoo name of the encoder of the scans")
    embeddings: Path | None = Field(default=None, description=".npy [N, D], a vector for each scan or slice")
    labels: Path | None = Field(default=None, description="of the embeddings: .npy [N, classes] or .csv with a header")
    patients: Path | None = Field(default=None, description="of the embeddings: .npy [N] or a text file of N lines")
    studies: Path | None = Field(default=None, description="likewise: which rows are the slices of one study")
    splits: Path | None = Field(default=None, description="likewise: train, val or test")
    train_embeddings: Path | None = Field(default=None, description="instead of embeddings: those of one split")
    train_labels: Path | None = Field(default=None, description="of these; .npy or .csv")
    val_embeddings: Path | None = Field(default=None, description="likewise for validation")
    val_labels: Path | None = Field(default=None, description="of these")
    test_embeddings: Path | None = Field(default=None, description="likewise for the test; it may be left out")
    test_labels: Path | None = Field(default=None, description="of these")
    classes: ClassNames = Field(
        default=(),
        description="labels to learn, in this order; none: all there are. They name the columns of a .npy file of "
        "labels, which else are named by a text file of the same name (labels.txt) with a line for each",
    )
    unit: Unit = Field(default="case", description="what has one label: a case, or all cases of a study (loose slices)")
    slices: SliceConfig = SliceConfig()
    window: CtWindow | None = Field(
        default=None, description="how axial CT slices are shown to the encoder; none: as it was trained"
    )
    check: Check = Field(default="none", description=CHECK_WORDS)
    side: int | None = Field(
        default=None, ge=1, description="pixels of the square that slices are resized to; none: as the encoder has it"
    )
    batch: int = Field(default=16, ge=1, description="slices in a batch of the encoder")
    precision: Precision = Field(default="fp32", description="of the encoder; auto: bf16 where the hardware has it")
    cache: Path | None = Field(default=None, description="folder where vectors stay between runs; none: the user's")
    skip_invalid: bool = Field(default=False, description="go on without scans that cannot be read, and list them")

    @model_validator(mode="after")
    def _one_form(self) -> DetectData:
        bare, parts = (
            [name for name in names if getattr(self, name) is not None] for names in (_OF_VECTORS, _OF_PARTS)
        )
        if self.manifest and (bare or parts):
            raise ValueError(f"give a manifest or {(bare + parts)[0]}, not both")
        if self.manifest and self.encoder is None:
            raise ValueError("a manifest needs an encoder, such as data.encoder=FOLDER")
        if bare and parts:
            raise ValueError(f"give {bare[0]} or {parts[0]}, not both")
        lacking = [name for name in _OF_PARTS if name not in parts]
        if parts and set(lacking) not in (set(), {"test_embeddings", "test_labels"}):
            raise ValueError(
                f"{lacking[0]} is missing; give embeddings and labels of train and val, and of test if any"
            )
        if not self.manifest and not parts and (self.embeddings is None or self.labels is None):
            raise ValueError("give a manifest and an encoder, or embeddings and labels, or those of train and of val")
        if not self.manifest and self.encoder is not None:
            raise ValueError("embeddings need no encoder")
        return self

    @property
    def names_labels(self) -> str:
        """What holds the labels, for messages."""
        return self.where or str(self.labels or self.train_labels)

    @property
    def names_splits(self) -> str:
        """What decides about the splits, for messages."""
        return self.where or str(self.splits or self.patients or self.embeddings or self.train_embeddings)


_OF_VECTORS = ("embeddings", "labels", "patients", "studies", "splits")
_OF_PARTS = tuple(f"{part}_{kind}" for part in ("train", "val", "test") for kind in ("embeddings", "labels"))


class DetectLoss(Config):
    """Binary cross-entropy, see `vesalius.objectives.masked_bce`."""

    most_weight: float = Field(
        default=MOST_WEIGHT, ge=1, description="positives weigh negatives / positives, at most this; 1: no weights"
    )
    slices: float = Field(
        default=0.0, ge=0, description="weight of the loss of single slices that have labels, as loose slices have"
    )


class DetectConfig(JobConfig):
    """A run of detection."""

    task: Literal["detect"] = "detect"
    data: DetectData
    aggregate: AnyAggregate = Field(default=Mean(), description="how slices are combined into a study")
    hidden: int = Field(default=256, description="width of the head; 0 or less: one linear layer")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="in the head")
    batch: int = Field(default=64, ge=1, description="studies in a batch, of all processes together")
    loss: DetectLoss = DetectLoss()
    specificity: float = Field(
        default=SPECIFICITY, gt=0, le=1, description="at which thresholds are chosen on validation cases"
    )
    temperature: Sharing = Field(default="shared", description="one for all classes or one for each; by validation")
    train: TrainConfig = TrainConfig(
        seed=42,
        epochs=30,
        optimizer=OptimizerConfig(name="adamw", lr=1e-3, weight_decay=1e-2),
        best="loss",
        best_is="min",
    )


class EncoderFacts(Config):
    """The encoder that made the vectors."""

    name: str = Field(description="its name in the configuration, the last part of a path")
    digest: str = Field(description="of weights, sizes and precision")
    precision: Precision


class DetectSettings(Config):
    """`settings` in the `config.json` of a model for the task "detect"."""

    classes: tuple[str, ...] = Field(min_length=1, description="what the logits mean")
    images: tuple[str, ...] = Field(min_length=1, description="images that become the channels")
    unit: Unit = Field(default="case", description="what has one label: a case, or all cases of a study")
    slices: SliceConfig = SliceConfig()
    check: Check = Field(default="none", description=CHECK_WORDS)
    encoder: EncoderFacts | None = Field(default=None, description="none: the head was trained on precomputed vectors")
