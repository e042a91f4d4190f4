"""Uncertainty over patients: the percentile bootstrap.

Slices, lesions or studies of one patient resemble each other, so they are not drawn one by one: whole patients are,
with all that is theirs. By slice an interval would be too narrow. Letters: N rows, M measures.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_PATIENTS = 10
"""Below this number an interval would promise too much: the patients' own values are listed instead."""
DRAWS = 10_000
_DRAWS_AT_ONCE = 1_000
MEASURE_DRAWS = 2_000
"""Of `clustered_intervals`, whose measures cost more than a mean."""
MOST_UNDEFINED = 0.1
"""Share of draws without a value (e.g. without a positive patient) above which there is no interval."""

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Interval:
    """A percentile interval of a measure.

    Args:
        low: lower end.
        high: upper end.
        level: coverage asked for, e.g. 0.95.
        patients: patients drawn from, or studies that stand for them (see `drawn`).
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


def clustered_intervals(
    measure: Callable[[Rows], Sequence[float] | NDArray[np.float64]],
    patients: Sequence[Hashable],
    *,
    seed: int = 0,
    level: float = 0.95,
    draws: int = MEASURE_DRAWS,
) -> list[Interval | None]:
    """Bootstrap intervals of any measures of rows, several of which may be of one patient.

    Patients are drawn with replacement, as many as there are; each brings all its rows, as often as it is drawn. The
    same draws serve all measures. Draws in which a measure is not finite are left out for that measure.

    Args:
        measure: values (M,) of the rows that are numbered; numbers may repeat.
        patients: whose row it is, for each of N rows.
        seed: the draws depend on nothing else.
        level: coverage, in (0, 1).
        draws: number of resamples.

    Returns:
        For each measure, None for fewer than MIN_PATIENTS patients, or where more than MOST_UNDEFINED of the draws gave
        no value.

    Raises:
        ValueError: no row, or level or draws make no sense.
    """
    if not len(patients):
        raise ValueError("there is no row")
    if not 0 < level < 1 or draws < 1:
        raise ValueError(f"level {level}, {draws} draws")
    groups = _groups(patients)
    if len(groups) < MIN_PATIENTS:
        return [None] * len(measure(np.arange(len(patients))))
    generator = np.random.default_rng(seed)
    drawn = (generator.integers(len(groups), size=len(groups)) for _ in range(draws))
    values = np.array([measure(np.concatenate([groups[one] for one in chosen])) for chosen in drawn], dtype=np.float64)
    return [_percentiles(column, level, len(groups)) for column in values.T]


def clustered_interval(
    measure: Callable[[Rows], float],
    patients: Sequence[Hashable],
    *,
    seed: int = 0,
    level: float = 0.95,
    draws: int = MEASURE_DRAWS,
) -> Interval | None:
    """Bootstrap interval of one measure of rows; see `clustered_intervals`."""
    return clustered_intervals(lambda rows: (measure(rows),), patients, seed=seed, level=level, draws=draws)[0]


def paired_interval(
    measure: Callable[[Rows], float],
    other: Callable[[Rows], float],
    patients: Sequence[Hashable],
    *,
    seed: int = 0,
    level: float = 0.95,
    draws: int = MEASURE_DRAWS,
) -> Interval | None:
    """Bootstrap interval of measure - other, both on the same patients in every draw; see `clustered_intervals`.

    Two methods that were tried on the same patients differ less than their own intervals suggest: what is hard for one
    is often hard for the other.
    """
    return clustered_interval(lambda rows: measure(rows) - other(rows), patients, seed=seed, level=level, draws=draws)


def _groups(patients: Sequence[Hashable]) -> list[Rows]:
    """The rows of each patient, in the order in which patients appear."""
    rows: dict[Hashable, list[int]] = {}
    for row, patient in enumerate(patients):
        rows.setdefault(patient, []).append(row)
    return [np.array(own, dtype=np.intp) for own in rows.values()]


def _percentiles(values: NDArray[np.float64], level: float, patients: int) -> Interval | None:
    finite = values[np.isfinite(values)]
    if values.size - finite.size > MOST_UNDEFINED * values.size:
        return None
    low, high = np.percentile(finite, [50 * (1 - level), 50 * (1 + level)])
    return Interval(float(low), float(high), level, patients)
