"""What a job gives to `vesalius predict`: a class that predicts one study and writes the result. Imports no torch."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count
from pathlib import Path
from typing import Any, ClassVar

from vesalius.cohort.ends import Ends
from vesalius.errors import UsageError
from vesalius.report.page import Section, Viewer
from vesalius.report.verdict import Verdict
from vesalius.scan.resample import to_grid
from vesalius.scan.scan import Scan
from vesalius.tasks.predict_options import PredictOptions
from vesalius.weights.card import CardFacts, read_card


@dataclass(frozen=True)
class Plausibility:
    """Result of a plausibility check that a scan passed; a scan of another kind is refused with an error.

    Args:
        numbers: that the check used, for `summary.json`.
        warnings: caveats, one sentence each, without a full stop.

    Example:
        >>> Plausibility({"air": 0.4}, ("few slices",)).facts("head-ct", "no spacing", "few slices")
        {'check': {'asked': 'head-ct', 'air': 0.4}, 'warnings': ['few slices', 'no spacing']}
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def facts(self, check: str, *more: str) -> dict[str, Any]:
        """Return the keys check and warnings of a study's measures; `more` warnings follow, each once."""
        return {"check": {"asked": check, **self.numbers}, "warnings": list(dict.fromkeys([*self.warnings, *more]))}


@dataclass(frozen=True)
class Predicted:
    """The result of one study.

    Args:
        measures: JSON-able.
        pictures: kind -> PNG, for the report.
        viewer: slices to look through in the report, whose still picture is one of `pictures`, and its sheets by file
            name; None without.
        files: that were written beside the target.
    """

    measures: dict[str, Any]
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    files: Sequence[Path] = ()
    viewer: tuple[Viewer, Mapping[str, bytes]] | None = None


def model_name(folder: Path) -> str:
    """The name of a model folder, or of the run that it belongs to.

    Example:
        >>> model_name(Path("runs/fold0/model")), model_name(Path("segment/cine_unet"))
        ('fold0', 'cine_unet')
    """
    return folder.name if folder.name != "model" else folder.parent.name


class Predictor(ABC):
    """Predicts with a model. Subclasses set `task` and `Options`, and load the model in `__init__`.

    Args:
        model: a model folder.
        device: where the net runs.
        options: by name, those that differ from the defaults of `Options`.
        others: further model folders, whose probabilities are averaged with those of the first.

    Raises:
        UsageError: an option that the job does not have, or a value that cannot be; models that do not fit each other.
    """

    card: CardFacts
    """Facts of the model card, of the first one where there are several models."""
    task: ClassVar[str]
    doing: ClassVar[str] = "Prediction"
    """What is done to a study, for the title of the report."""
    Options: ClassVar[type[PredictOptions]] = PredictOptions
    averages: ClassVar[bool] = False
    """Whether the job can average several models."""
    options: PredictOptions
    images: Sequence[str]
    """Names of the images that a study needs."""

    def __init__(
        self, model: Path, device: str, options: Mapping[str, Any] | None = None, others: Sequence[Path] = ()
    ) -> None:
        self.options = self.Options.of(self.task, dict(options or {}))
        self.folders, self.device, self.card = (model, *others), device, read_card(model)

    @classmethod
    def of(cls, models: Sequence[Path], device: str, options: Mapping[str, Any] | None = None) -> Predictor:
        """Load one model, or several to average. Raises UsageError where the job cannot average; else as the class."""
        if len(models) == 1:
            return cls(models[0], device, options)
        if not cls.averages:
            what = f"is a second model, and models for {cls.task} are not averaged"
            raise UsageError(what, where=models[1], fix="name one model")
        return cls(models[0], device, options, models[1:])

    @cached_property
    def models(self) -> dict[str, str]:
        """Name -> digest of each model, in their order; a name that is taken gets a number."""
        from vesalius.weights.saved import digest_of

        named: dict[str, str] = {}
        for folder in self.folders:
            name = model_name(folder)
            names = chain([name], (f"{name}-{number}" for number in count(2)))
            named[next(free for free in names if free not in named)] = digest_of(folder)
        return named

    def digest(self) -> str:
        """Changes with everything in the model folders that decides about results."""
        digests = list(self.models.values())
        return digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()

    @property
    def about(self) -> str:
        """The summary of the card; of several models each summary once."""
        summaries = dict.fromkeys(read_card(folder).summary.rstrip(".") for folder in self.folders)
        return ". ".join(summary for summary in summaries if summary) if len(self.folders) > 1 else self.card.summary

    @property
    def caveats(self) -> tuple[str, ...]:
        """The caveats of the card; of several models each once, with the name of its model unless all share it."""
        several = [(model_name(folder), read_card(folder).caveats) for folder in self.folders]
        shared = [caveat for caveat in several[0][1] if all(caveat in caveats for _, caveats in several)]
        others = [f"{name}: {caveat}" for name, caveats in several for caveat in caveats if caveat not in shared]
        return tuple(dict.fromkeys([*shared, *others]))

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
    def summary(self, measures: Mapping[str, Any]) -> str:
        """The measures of a study in one line."""

    @abstractmethod
    def verdict(self, results: Mapping[str, dict[str, Any]]) -> Verdict:
        """The answer of all studies in one line; `results` is study -> measures, never empty."""

    @abstractmethod
    def sections(
        self,
        results: Mapping[str, dict[str, Any]],
        pictures: Mapping[str, Mapping[str, str]],
        viewers: Mapping[str, Viewer],
    ) -> list[Section]:
        """Sections of the report.

        Args:
            results: study -> measures.
            pictures: study -> kind -> file in `figures`.
            viewers: study -> its slices to look through; only the first studies have one.
        """

    def placed(self, scans: Mapping[str, Scan]) -> dict[str, Scan]:
        """Return the scans, with `resample` on a grid."""
        return {
            name: to_grid(scan) if self.options.resample and scan.grid_problem else scan for name, scan in scans.items()
        }
