"""One quantity over patients or studies: each value, the mean, the interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from vesalius.metrics.bootstrap import patient_interval

SEED = 20261121
"""Seed of the bootstrap draws of every evaluation."""


@dataclass(frozen=True)
class Spread:
    """One quantity over patients or studies.

    Args:
        values: name -> value, None where it is unknown.
        mean: arithmetic mean of the known values, None without any.
        low: lower end of the patient-bootstrap interval of the mean; None below ten values.
        high: upper end.

    Example:
        >>> dice = Spread.of({"a": 0.8, "b": 0.9, "c": None})
        >>> round(dice.mean, 3), dice.present, dice.low
        (0.85, 2, None)
    """

    values: dict[str, float | None]
    mean: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Mapping[str, float | None], seed: int = SEED) -> Spread:
        """Mean and interval of the known values; a value that is not finite is unknown."""
        known = {name: value if value is not None and math.isfinite(value) else None for name, value in values.items()}
        present = [value for value in known.values() if value is not None]
        interval = patient_interval(present, seed=seed)
        return cls(
            values=known,
            mean=math.fsum(present) / len(present) if present else None,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
        )

    @classmethod
    def of_all(cls, values: Mapping[str, float | None]) -> Spread:
        """`of`, but without an interval where a value is unknown: the known ones may differ from the others."""
        spread = cls.of(values)
        return spread if spread.present == len(spread.values) else replace(spread, low=None, high=None)

    @property
    def present(self) -> int:
        """Number of known values."""
        return sum(value is not None for value in self.values.values())


def finite_mean(values: Iterable[float]) -> float:
    """Mean of the finite values; NaN without any."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
