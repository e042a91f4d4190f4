"""What a job gives to `vesalius predict`: a class that predicts one study and writes the result. Imports no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from vesalius.cohort.ends import Ends
from vesalius.report.page import Section
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
    """

    measures: dict[str, Any]
    pictures: Mapping[str, bytes] = field(default_factory=dict)


class Predictor(ABC):
    """Predicts with a model. Subclasses set `task` and `Options`, and load the model in `__init__`.

    Args:
        model: a model folder.
        device: where the net runs.
        options: by name, those that differ from the defaults of `Options`.

    Raises:
        UsageError: an option that the job does not have, or a value that cannot be.
    """

    card: CardFacts
    """Facts of the model card."""
    task: ClassVar[str]
    Options: ClassVar[type[PredictOptions]] = PredictOptions
    options: PredictOptions
    images: Sequence[str]
    """Names of the images that a study needs."""

    def __init__(self, model: Path, device: str, options: Mapping[str, Any] | None = None) -> None:
        self.options = self.Options.of(self.task, dict(options or {}))
        self.folder, self.device, self.card = model, device, read_card(model)

    def digest(self) -> str:
        """Changes with everything in the model folder that decides about results."""
        from vesalius.weights.saved import digest_of

        return digest_of(self.folder)

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
    def sections(
        self, results: Mapping[str, dict[str, Any]], pictures: Mapping[str, Mapping[str, str]]
    ) -> list[Section]:
        """Sections of the report.

        Args:
            results: study -> measures.
            pictures: study -> kind -> file in `figures`.
        """

    def placed(self, scans: Mapping[str, Scan]) -> dict[str, Scan]:
        """Return the scans, with `resample` on a grid."""
        return {
            name: to_grid(scan) if self.options.resample and scan.grid_problem else scan for name, scan in scans.items()
        }
