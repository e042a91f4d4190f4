"""One quantity over patients or studies: each value, the mean, the interval."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from vesalius.metrics.bootstrap import patient_interval

SEED = 20261121


class Spread(BaseModel):
    """One quantity over patients or studies.

    Args:
        values: name -> value, None where there is none.
        mean: arithmetic mean of the values there are, None without any.
        low: lower end of the patient-bootstrap interval of the mean; None below ten values.
        high: upper end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: dict[str, float | None]
    mean: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: Mapping[str, float | None]) -> Spread:
        """Mean and interval of the values there are; what is not finite counts as absent."""
        kept = {name: value if value is not None and math.isfinite(value) else None for name, value in values.items()}
        present = [value for value in kept.values() if value is not None]
        interval = patient_interval(present, seed=SEED)
        return cls(
            values=kept,
            mean=math.fsum(present) / len(present) if present else None,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
        )

    @classmethod
    def of_all(cls, values: Mapping[str, float | None]) -> Spread:
        """The same, but no interval where a value is absent: those that are left may differ from the others."""
        spread = cls.of(values)
        whole = spread.present == len(spread.values)
        return spread if whole else spread.model_copy(update={"low": None, "high": None})

    @property
    def present(self) -> int:
        """How many have a value."""
        return sum(value is not None for value in self.values.values())
