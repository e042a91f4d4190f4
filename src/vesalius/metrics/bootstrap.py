"""Uncertainty over patients: the percentile bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MIN_PATIENTS = 10
"""Below this number an interval would promise too much: the patients' own values are listed instead."""
DRAWS = 10_000
_DRAWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class Interval:
    """A percentile interval of a mean.

    Args:
        low: lower end.
        high: upper end.
        level: coverage asked for, e.g. 0.95.
        patients: patients drawn from.
    """

    low: float
    high: float
    level: float
    patients: int


def patient_interval(
    values: Sequence[float], *, seed: int = 0, level: float = 0.95, draws: int = DRAWS
) -> Interval | None:
    """Bootstrap interval of the mean over patients.

    Patients are drawn with replacement, as many as there are, `draws` times; the interval lies between the
    percentiles (1 - level) / 2 and (1 + level) / 2 of the means.

    Args:
        values: one finite value per patient.
        seed: the draws depend on nothing else.
        level: coverage, in (0, 1).
        draws: number of resamples.

    Returns:
        None for fewer than MIN_PATIENTS patients.

    Raises:
        ValueError: a value is not finite, or level or draws make no sense.
    """
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise ValueError("a patient's value is not finite")
    if not 0 < level < 1 or draws < 1:
        raise ValueError(f"level {level}, {draws} draws")
    if array.size < MIN_PATIENTS:
        return None
    generator = np.random.default_rng(seed)
    means = np.concatenate(
        [
            array[generator.integers(array.size, size=(min(_DRAWS_AT_ONCE, draws - done), array.size))].mean(axis=1)
            for done in range(0, draws, _DRAWS_AT_ONCE)
        ]
    )
    low, high = np.percentile(means, [50 * (1 - level), 50 * (1 + level)])
    return Interval(float(low), float(high), level, int(array.size))
