"""What a job gives to `vesalius predict`: a class that takes one study and writes what a model finds in it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Literal

from vesalius.cohort.ends import Ends
from vesalius.errors import UsageError
from vesalius.report.page import Section
from vesalius.scan.resample import to_grid
from vesalius.scan.scan import Scan
from vesalius.weights.card import CardFacts, read_card
from vesalius.weights.saved import digest_of

HeatMap = Literal["logit", "rollout"]


@dataclass(frozen=True)
class PredictOptions:
    """What may be asked of a prediction; what is not asked for has its default.

    Args:
        top_k: suspicious slices that are told.
        intercept_hu: added to every value of a scan.
        resample: make one grid of slices that are tilted or unevenly spaced.
        heat_map: what the heat map shows.

    Raises:
        UsageError: a number that cannot be.
    """

    top_k: int | None = field(default=None, metadata={"flag": "--top-k"})
    intercept_hu: float | None = field(default=None, metadata={"flag": "--intercept"})
    resample: bool = field(default=False, metadata={"flag": "--resample"})
    heat_map: HeatMap | None = field(default=None, metadata={"flag": "--heat-map"})

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"{self.top_k} was given", where="--top-k", fix="give 1 or more")
        if self.intercept_hu is not None and not math.isfinite(self.intercept_hu):
            raise UsageError("is no number", where="--intercept", fix="give for instance -1024")

    @property
    def asked(self) -> dict[str, Any]:
        """What was asked for, by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}

    def check(self, known: frozenset[str], task: str) -> None:
        """Raise UsageError where something was asked for that a job does not know."""
        for one in fields(self):
            if one.name in self.asked and one.name not in known:
                what = f"means nothing to a model for {task}"
                raise UsageError(what, where=one.metadata["flag"], fix="leave it out")


@dataclass(frozen=True)
class Plausibility:
    """What a check found of a scan that can be of the kind that a model was made for; others it refuses with an error.

    Args:
        numbers: that the check went by, as `summary.json` keeps them.
        warnings: what a careful reader should know, one sentence each, without a full stop.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def facts(self, check: str, *more: str) -> dict[str, Any]:
        """The keys check and warnings of a study's measures; `more` warnings follow those of the check, each once."""
        return {"check": {"asked": check, **self.numbers}, "warnings": list(dict.fromkeys([*self.warnings, *more]))}


@dataclass(frozen=True)
class Predicted:
    """What was found in one study.

    Args:
        measures: JSON-able.
        pictures: kind -> PNG, for the report.
    """

    measures: dict[str, Any]
    pictures: Mapping[str, bytes] = field(default_factory=dict)


class Predictor(ABC):
    """Predicts with a model. Subclasses name their task and the options that they know, and load in `__init__`.

    Args:
        model: a model folder.
        device: where the net runs.
        options: what was asked for.

    Raises:
        UsageError: an option that the job does not know.
    """

    card: CardFacts
    """What the card of the model says."""
    task: ClassVar[str]
    knows: ClassVar[frozenset[str]]
    """Names of `PredictOptions`."""
    images: Sequence[str]
    """Names of the images that a study needs."""

    def __init__(self, model: Path, device: str, options: PredictOptions | None = None) -> None:
        self.options = options or PredictOptions()
        self.options.check(self.knows, self.task)
        self.model, self.device, self.card = model, device, read_card(model)

    def digest(self) -> str:
        """Changes with everything in the model folder that decides about results."""
        return digest_of(self.model)

    @abstractmethod
    def target_of(self, name: str) -> str:
        """The file or folder of a study."""

    @abstractmethod
    def __call__(self, scans: Mapping[str, Scan], target: Path, ends: Ends | None = None) -> Predicted:
        """Predict a study and write the result.

        Args:
            scans: images by name.
            target: file or folder; an older one is replaced.
            ends: frames of end-diastole and end-systole, where they are stated.

        Raises:
            VesaliusError: the study cannot be predicted.
        """

    @abstractmethod
    def told(self, measures: Mapping[str, Any]) -> str:
        """What was found, in a line."""

    @abstractmethod
    def sections(
        self, results: Mapping[str, dict[str, Any]], pictures: Mapping[str, Mapping[str, str]]
    ) -> list[Section]:
        """The studies for people.

        Args:
            results: study -> measures.
            pictures: study -> kind -> file in `figures`.
        """

    def placed(self, scans: Mapping[str, Scan]) -> dict[str, Scan]:
        """The scans as they were asked for: on a grid under `resample`."""
        return {
            name: to_grid(scan) if self.options.resample and scan.grid_problem else scan for name, scan in scans.items()
        }
