"""Temperatures and thresholds that a classifier ships with, chosen on the validation cases of its training."""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import model_validator

from vesalius.config import Config
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.metrics.operating import OperatingPoint

CALIBRATION = "calibration.json"


class Calibration(Config):
    """`calibration.json`: temperatures and thresholds, chosen on validation cases.

    Args:
        classes: in the order of the numbers.
        temperatures: logits are divided by them before the sigmoid.
        thresholds: on the probabilities that result; null where no validation case is known to be negative.
        specificity: that the thresholds have on validation cases at least.
        samples: validation cases.
    """

    classes: tuple[str, ...]
    temperatures: tuple[float, ...]
    thresholds: tuple[float | None, ...]
    specificity: float
    samples: int

    @model_validator(mode="after")
    def _fits(self) -> Calibration:
        lengths = (len(self.temperatures), len(self.thresholds))
        if set(lengths) != {len(self.classes)}:
            raise ValueError(f"{lengths[0]} temperatures and {lengths[1]} thresholds for {len(self.classes)} classes")
        if not all(math.isfinite(one) and one > 0 for one in self.temperatures):
            raise ValueError("a temperature that is not above 0")
        highest = math.nextafter(1.0, 2.0)  # of a class whose negatives reach 1
        if not all(one is None or 0 <= one <= highest for one in self.thresholds):
            raise ValueError("a threshold that is no probability")
        return self

    @classmethod
    def of(cls, point: OperatingPoint, classes: tuple[str, ...]) -> Calibration:
        """From what was chosen."""
        thresholds = tuple(None if math.isnan(one) else one for one in point.thresholds)
        return cls(
            classes=classes,
            temperatures=point.temperatures,
            thresholds=thresholds,
            specificity=point.specificity,
            samples=point.samples,
        )

    @property
    def point(self) -> OperatingPoint:
        """To judge and calibrate with."""
        thresholds = tuple(math.nan if one is None else one for one in self.thresholds)
        return OperatingPoint(self.temperatures, thresholds, self.specificity, self.samples)

    def write(self, folder: Path) -> None:
        """Write it into a model folder."""
        (folder / CALIBRATION).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Calibration:
        """Of a model folder.

        Raises:
            InputError: missing or damaged.
        """
        path = folder / CALIBRATION
        try:
            return cls.model_validate_json(regular(path).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise InputError("is no readable calibration", where=path, fix="get the model folder anew") from error
