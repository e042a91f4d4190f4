"""Options of `vesalius predict`; each job's predictor names its class. Imports nothing, so that help starts fast."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from vesalius.errors import UsageError

HeatMap = Literal["logit", "grad-cam", "rollout"]


@dataclass(frozen=True)
class PredictOptions:
    """Options that every job has.

    Example:
        >>> PredictOptions(resample=True).given, PredictOptions().given
        ({'resample': True}, {})
    """

    resample: bool = field(
        default=False, metadata={"help": "Make one grid of slices that are tilted or unevenly spaced."}
    )

    @property
    def given(self) -> dict[str, Any]:
        """The options that differ from their defaults, by name."""
        values = [(option, getattr(self, option.name)) for option in fields(self)]
        return {option.name: value for option, value in values if value != option.default}

    @property
    def deciding(self) -> dict[str, Any]:
        """Those of `given` that decide about the results, not only about speed and memory."""
        return {name: value for name, value in self.given.items() if name != "batch"}

    @classmethod
    def of(cls, task: str, given: dict[str, Any]) -> Any:
        """Build the options of a job.

        Raises:
            UsageError: an option that the job does not have, or a value that cannot be.
        """
        known = {option.name for option in fields(cls)}
        for name in given:
            if name not in known:
                flag = f"--{name.removesuffix('_hu').replace('_', '-')}"
                raise UsageError(f"is not supported by {task} models", where=flag, fix="leave it out")
        return cls(**given)


@dataclass(frozen=True)
class SegmentOptions(PredictOptions):
    """Options of segmenters."""

    dicom_seg: bool = field(
        default=False,
        metadata={
            "help": "Segmentation: write label maps of DICOM series as DICOM SEG, too, which refers to the series "
            "and holds the patient's name and ids."
        },
    )


@dataclass(frozen=True)
class ClassifyOptions(PredictOptions):
    """Options of classifiers of slices.

    Raises:
        UsageError: a number of slices below 1.
    """

    batch: int = field(default=16, metadata={"help": "Classifiers: slices that go through the encoder at once."})
    top_k: int = field(default=5, metadata={"help": "Classifiers: number of suspicious slices to report."})
    heat_map: HeatMap = field(
        default="logit",
        metadata={
            "help": "Classifiers: logit of the finding for each patch, its Grad-CAM (ResNet, BiT), or where the "
            "encoder's attention goes."
        },
    )

    def __post_init__(self) -> None:
        for name in ("batch", "top_k"):
            if getattr(self, name) < 1:
                flag = f"--{name.replace('_', '-')}"
                raise UsageError(f"{getattr(self, name)} was given", where=flag, fix="give 1 or more")


@dataclass(frozen=True)
class DetectOptions(ClassifyOptions):
    """Options of detection.

    Raises:
        UsageError: an intercept that is not finite.
    """

    intercept_hu: float | None = field(
        default=None,
        metadata={
            "help": "Detection: number added to every value first, e.g. -1024 where air is stored as 0.",
            "flag": "--intercept HU",
        },
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.intercept_hu is not None and not math.isfinite(self.intercept_hu):
            raise UsageError("is not a number", where="--intercept", fix="give for instance -1024")


@dataclass(frozen=True)
class EveryOption(DetectOptions, SegmentOptions):
    """The options of all jobs, for the command line."""
