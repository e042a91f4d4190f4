"""Trivial baselines that a classifier ships with, fitted on its training cases: `baselines.json` of the model folder.

They use age, sex and view where the cases have them, and otherwise the mean colour and the size of the pictures.
Letters: S samples, C classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.read import open_image
from vesalius.config import Config
from vesalius.errors import CorruptFileError, VesaliusError
from vesalius.files import regular
from vesalius.metrics.baseline import OF_FACTS, Baseline, Plain, fit, varies
from vesalius.metrics.facts import Facts, plain
from vesalius.metrics.one_class import Activation
from vesalius.scan.colours import in_rgb

BASELINES = "baselines.json"
MOST_PICTURES = 5000
"""Pictures that are read again for the baseline of their looks, evenly spaced among the training cases."""
_MEANS = {1: ("mean intensity",), 3: ("mean red", "mean green", "mean blue")}
_SIZE = ("width", "height", "area")


class Baselines(Config):
    """Fitted baselines.

    Args:
        classes: what the scores mean.
        baselines: none where the training cases have no facts that differ.
    """

    classes: tuple[str, ...]
    baselines: tuple[Baseline, ...]

    @classmethod
    def of_facts(
        cls, facts: Sequence[Facts], labels_SC: NDArray[np.float32], classes: tuple[str, ...], activation: Activation
    ) -> Baselines:
        """Fit the baselines of age, sex and view, as far as these differ between the training samples."""
        known = [plain(table) for table in facts]
        fitted = tuple(
            fit(name, features, known, labels_SC, activation)
            for name, features in OF_FACTS.items()
            if all(varies(feature, known) for feature in features)
        )
        return cls(classes=classes, baselines=fitted)

    @classmethod
    def of_looks(
        cls, looks: Sequence[Plain], labels_SC: NDArray[np.float32], classes: tuple[str, ...], activation: Activation
    ) -> Baselines:
        """Fit the baseline of mean colour and size."""
        features = [name for name in dict.fromkeys(name for table in looks for name in table) if varies(name, looks)]
        if not features:
            return cls(classes=classes, baselines=())
        name = "mean intensity and size" if _MEANS[1][0] in features else "mean colour and size"
        return cls(classes=classes, baselines=(fit(name, features, looks, labels_SC, activation),))

    @property
    def need_looks(self) -> bool:
        """Whether a baseline needs the pictures themselves."""
        names = {feature.name for baseline in self.baselines for feature in baseline.features}
        return bool(names & {*_SIZE, *(name for names in _MEANS.values() for name in names)})

    def scores(self, samples: Sequence[Plain]) -> dict[str, NDArray[np.float64]]:
        """Return the scores (S, C) of each baseline."""
        return {baseline.name: baseline.scores(samples) for baseline in self.baselines}

    def write(self, folder: Path) -> None:
        """Write `baselines.json` into a model folder."""
        (folder / BASELINES).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, classes: tuple[str, ...]) -> Baselines:
        """Read `baselines.json` of a model folder; a folder without it has no baselines.

        Raises:
            CorruptFileError: it is damaged, or belongs to other classes.
        """
        path = folder / BASELINES
        if not path.exists():
            return cls(classes=classes, baselines=())
        try:
            baselines = cls.model_validate_json(regular(path).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise CorruptFileError("is not readable", where=path, fix="get the model folder again") from error
        if baselines.classes != classes or any(len(fitted.bias) != len(classes) for fitted in baselines.baselines):
            raise CorruptFileError("belongs to other classes", where=path, fix="get the model folder again")
        return baselines


def looks_of(cohort: Cohort, image: str, most: int = MOST_PICTURES) -> dict[str, Plain]:
    """Return mean and size of the picture of each case, by its id; a case that cannot be read is left out.

    Args:
        cohort: cases of pictures.
        image: name of the image.
        most: of more cases, as many evenly spaced ones are read.
    """
    step = max(1, -(-len(cohort) // most))
    return dict(_looks(cohort, cohort.cases[::step], image))


def _looks(cohort: Cohort, cases: Iterable[Case], image: str) -> Iterable[tuple[str, Plain]]:
    for case in cases:
        try:
            scan = in_rgb(open_image(cohort, case, image))
            values_CTIJK = scan.values()
        except VesaliusError:
            continue
        columns, rows = scan.shape[2:4]
        means = values_CTIJK.reshape(len(values_CTIJK), -1).mean(axis=1).tolist()
        names = _MEANS.get(len(means), tuple(f"mean of channel {number}" for number in range(len(means))))
        yield case.id, dict(zip((*names, *_SIZE), (*means, columns, rows, columns * rows), strict=True))
