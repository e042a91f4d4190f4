"""One quantity over the studies of a data set: each value, the mean, the interval."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict

from vesalius.metrics.bootstrap import patient_interval

SEED = 20261121


class Across(BaseModel):
    """One quantity over the studies of a data set.

    Args:
        values: study -> value, None where its curve does not reach that far.
        mean: arithmetic mean of the values there are, None without any.
        low: lower end of the patient-bootstrap interval of the mean; None for fewer than 10 values or if one is absent.
        high: upper end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: dict[str, float | None]
    mean: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, values: dict[str, float | None]) -> Across:
        """Mean and interval of values by study; a value that is not finite counts as absent."""
        kept = {name: value if value is not None and math.isfinite(value) else None for name, value in values.items()}
        present = [value for value in kept.values() if value is not None]
        interval = patient_interval(present, seed=SEED) if len(present) == len(kept) else None
        return cls(
            values=kept,
            mean=math.fsum(present) / len(present) if present else None,
            low=interval.low if interval else None,
            high=interval.high if interval else None,
        )

    @property
    def present(self) -> int:
        """Studies with a value."""
        return sum(value is not None for value in self.values.values())
