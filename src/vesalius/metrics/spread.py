"""One quantity over patients or studies: each value, the mean, the interval."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from vesalius.metrics.bootstrap import patient_interval
from vesalius.metrics.drawn import Owner

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
    def by_patient(cls, values: Mapping[str, float | None], owners: Mapping[str, Owner] | None = None) -> Spread:
        """Mean and interval over patients of one value for each study: studies of a patient are averaged first.

        There is no interval where a study has no value: the other studies may differ from it.

        Args:
            values: study -> value.
            owners: study -> patient; a study that is not in it counts as a patient.

        Example:
            >>> owners = {"before": ("A", True), "after": ("A", True), "other": ("B", True)}
            >>> Spread.by_patient({"before": 1.0, "after": 3.0, "other": 4.0}, owners).mean
            3.0
        """
        known = cls.of(values)
        by_owner: dict[Owner, list[float]] = {}
        for name, value in known.values.items():
            group = by_owner.setdefault((owners or {}).get(name, (name, False)), [])
            group += [] if value is None else [value]
        means = cls.of({repr(owner): finite_mean(group) for owner, group in by_owner.items()})
        is_complete = known.present == len(values)
        return replace(means if is_complete else replace(means, low=None, high=None), values=known.values)

    @property
    def present(self) -> int:
        """Number of known values."""
        return sum(value is not None for value in self.values.values())


def finite_mean(values: Iterable[float]) -> float:
    """Mean of the finite values; NaN without any."""
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
