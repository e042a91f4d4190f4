"""Temperatures and thresholds that a classifier ships with, chosen on the validation cases of its training.

Letters: C classes.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from vesalius.config import Config
from vesalius.errors import CorruptFileError, InputError
from vesalius.files import regular
from vesalius.metrics.one_class import Activation, OneClassPoint
from vesalius.metrics.operating import OperatingPoint

CALIBRATION = "calibration.json"
POINTS: dict[Activation, type[OperatingPoint]] = {"sigmoid": OperatingPoint, "softmax": OneClassPoint}


class Calibration(Config):
    """`calibration.json`: temperatures and thresholds, chosen on validation cases.

    Args:
        classes: in the order of the numbers.
        temperatures: logits are divided by them before the activation.
        thresholds: on the resulting probabilities; null where no validation case is known to be negative, and for
            classes that exclude each other.
        specificity: least specificity of the thresholds on validation cases; null without thresholds.
        samples: number of validation samples.
        activation: sigmoid, or softmax where each sample has one class: the most probable one is positive.

    Example:
        >>> numbers = {"temperatures": (2.0, 2.0), "thresholds": (0.6, None), "specificity": 0.9, "samples": 80}
        >>> chosen = Calibration(classes=("any", "subdural"), **numbers)
        >>> chosen.point.probabilities([[0.0, 2.0]]).round(2).tolist()
        [[0.5, 0.73]]
        >>> chosen.decisions(np.array([0.5, 0.73]))["any"]["positive"]
        False
    """

    classes: tuple[str, ...]
    temperatures: tuple[float, ...]
    thresholds: tuple[float | None, ...]
    specificity: float | None
    samples: int
    activation: Activation = "sigmoid"

    @model_validator(mode="after")
    def _fits(self) -> Calibration:
        lengths = (len(self.temperatures), len(self.thresholds))
        if set(lengths) != {len(self.classes)}:
            raise ValueError(f"{lengths[0]} temperatures and {lengths[1]} thresholds for {len(self.classes)} classes")
        if not all(math.isfinite(value) and value > 0 for value in self.temperatures):
            raise ValueError("a temperature that is not above 0")
        if self.activation == "softmax" and (len(set(self.temperatures)) > 1 or set(self.thresholds) != {None}):
            raise ValueError("a softmax has one temperature and no thresholds")
        if self.activation == "sigmoid" and self.specificity is None:
            raise ValueError("thresholds without a specificity")
        highest = math.nextafter(1.0, 2.0)  # of a class whose negatives reach 1
        if not all(value is None or 0 <= value <= highest for value in self.thresholds):
            raise ValueError("a threshold that is not a probability")
        return self

    @classmethod
    def of(cls, point: OperatingPoint, classes: tuple[str, ...]) -> Calibration:
        """Return what was chosen for these classes."""
        return cls(
            classes=classes,
            temperatures=point.temperatures,
            thresholds=tuple(None if math.isnan(value) else value for value in point.thresholds),
            specificity=None if math.isnan(point.specificity) else point.specificity,
            samples=point.samples,
            activation="softmax" if isinstance(point, OneClassPoint) else "sigmoid",
        )

    @property
    def point(self) -> OperatingPoint:
        """The same for measuring; NaN where a class has no threshold."""
        thresholds = tuple(math.nan if value is None else value for value in self.thresholds)
        specificity = math.nan if self.specificity is None else self.specificity
        return POINTS[self.activation](self.temperatures, thresholds, specificity, self.samples)

    def threshold_logits(self) -> NDArray[np.float64]:
        """Calibrated logits (C,) at which a sample becomes positive; that of 0.5 where a class has no threshold."""
        return _logit(np.array([0.5 if value is None else value for value in self.thresholds]))

    def leading(self, p_C: NDArray[np.float64]) -> int:
        """Return the class that is farthest above its threshold, or least below it."""
        return int(np.argmax(_logit(p_C) - self.threshold_logits()))

    def decisions(self, p_C: NDArray[np.float64]) -> dict[str, dict[str, float | bool | None]]:
        """Return probability, threshold and decision of each class; no decision of a sigmoid without a threshold."""
        if self.activation == "softmax":
            return {
                name: {"probability": p, "threshold": None, "positive": c == int(np.argmax(p_C))}
                for c, (name, p) in enumerate(zip(self.classes, p_C.tolist(), strict=True))
            }
        return {
            name: {"probability": p, "threshold": threshold, "positive": None if threshold is None else p >= threshold}
            for name, p, threshold in zip(self.classes, p_C.tolist(), self.thresholds, strict=True)
        }

    def write(self, folder: Path) -> None:
        """Write `calibration.json` into a model folder."""
        (folder / CALIBRATION).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path, classes: tuple[str, ...] | None = None) -> Calibration:
        """Read `calibration.json` of a model folder.

        Args:
            folder: the model folder.
            classes: what the model's logits mean; None: not checked.

        Raises:
            InputError: missing or damaged.
            CorruptFileError: it belongs to other classes.
        """
        path = folder / CALIBRATION
        try:
            calibration = cls.model_validate_json(regular(path).read_bytes())
        except (OSError, ValueError, RecursionError) as error:
            raise InputError("is not a readable calibration", where=path, fix="get the model folder again") from error
        if classes is not None and calibration.classes != classes:
            what = f"belongs to other classes than the head ({', '.join(calibration.classes)})"
            raise CorruptFileError(what, where=path, fix="get the model folder again")
        return calibration


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(p, 1e-9, 1 - 1e-9)
    return np.log(inside) - np.log1p(-inside)
