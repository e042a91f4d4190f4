"""Uncertainty over patients: the percentile bootstrap.

Slices, lesions or studies of one patient resemble each other, so whole patients are drawn, each with all its rows. An
interval over slices would be too narrow. Letters: N rows, M measures.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_PATIENTS = 10
"""Fewer patients get no interval, which would promise too much: their values are listed instead."""
DRAWS = 10_000
_DRAWS_AT_ONCE = 1_000
MEASURE_DRAWS = 2_000
"""For `clustered_intervals`, whose measures cost more than a mean."""
MOST_UNDEFINED = 0.1
"""With a larger share of draws without a value (e.g. without a positive patient) there is no interval."""

Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Interval:
    """A percentile interval of a measure.

    Args:
        low: lower end.
        high: upper end.
        level: nominal coverage, e.g. 0.95.
        patients: number of patients drawn from, or of studies that stand for them (see `drawn`).
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
        seed: of the draws, which depend on nothing else.
        level: coverage, in (0, 1).
        draws: number of resamples.

    Returns:
        None for fewer than MIN_PATIENTS patients.

    Raises:
        ValueError: a value is not finite, or level or draws are out of range.

    Example:
        >>> interval = patient_interval([0.80, 0.82, 0.84, 0.86, 0.88, 0.90, 0.92, 0.94, 0.96, 0.98])
        >>> round(interval.low, 2), round(interval.high, 2)
        (0.85, 0.93)
        >>> patient_interval([0.8, 0.9]) is None
        True
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
            array[generator.integers(array.size, size=(min(_DRAWS_AT_ONCE, draws - start), array.size))].mean(axis=1)
            for start in range(0, draws, _DRAWS_AT_ONCE)
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
    """Bootstrap intervals of measures of rows, several of which may belong to one patient.

    Patients are drawn with replacement, as many as there are; each adds all its rows, as often as it is drawn. All
    measures share the draws. A draw in which a measure is not finite is left out for that measure.

    Args:
        measure: row numbers, which may repeat -> values (M,).
        patients: the patient of each of N rows.
        seed: of the draws, which depend on nothing else.
        level: coverage, in (0, 1).
        draws: number of resamples.

    Returns:
        For each measure, None for fewer than MIN_PATIENTS patients, or where more than MOST_UNDEFINED of the draws gave
        no value.

    Raises:
        ValueError: no row, or level or draws are out of range.

    Example:
        >>> patients = [number // 2 for number in range(24)]  # two slices of each patient
        >>> scores = np.linspace(0, 1, 24)
        >>> (interval,) = clustered_intervals(lambda rows: [scores[rows].mean()], patients)
        >>> interval.patients, bool(interval.low < scores.mean() < interval.high)
        (12, True)
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level}")
    values = clustered_draws(measure, patients, seed=seed, draws=draws)
    if values is None:
        return [None] * len(measure(np.arange(len(patients))))
    count = len(set(patients))
    return [percentile_interval(column, count, level) for column in values.T]


def clustered_draws(
    measure: Callable[[Rows], Sequence[float] | NDArray[np.float64]],
    patients: Sequence[Hashable],
    *,
    seed: int = 0,
    draws: int = MEASURE_DRAWS,
) -> NDArray[np.float64] | None:
    """Return the measures of each draw of `clustered_intervals`, shape (draws, M).

    Returns:
        None for fewer than MIN_PATIENTS patients.

    Raises:
        ValueError: no row, or no draw.
    """
    if not len(patients):
        raise ValueError("there is no row")
    if draws < 1:
        raise ValueError(f"{draws} draws")
    groups = _groups(patients)
    if len(groups) < MIN_PATIENTS:
        return None
    generator = np.random.default_rng(seed)
    drawn = (generator.integers(len(groups), size=len(groups)) for _ in range(draws))
    return np.array([measure(np.concatenate([groups[n] for n in chosen])) for chosen in drawn], dtype=np.float64)


def percentile_interval(values: NDArray[np.float64], patients: int, level: float = 0.95) -> Interval | None:
    """Return the interval of a measure from its draws (draws,), of which those that are not finite are left out.

    Returns:
        None where more than MOST_UNDEFINED of the draws gave no value.

    Example:
        >>> interval = percentile_interval(np.arange(0.0, 81.0), 12)
        >>> round(interval.low, 3), round(interval.high, 3), interval.patients
        (2.0, 78.0, 12)
    """
    finite = values[np.isfinite(values)]
    if values.size - finite.size > MOST_UNDEFINED * values.size:
        return None
    low, high = np.percentile(finite, [50 * (1 - level), 50 * (1 + level)])
    return Interval(float(low), float(high), level, patients)


def with_intervals(
    measure: Callable[[Rows], Sequence[float]], patients: Sequence[Hashable]
) -> list[dict[str, float | list[float] | None]]:
    """Return the measures of all rows with their `clustered_intervals`, JSON-able.

    Returns:
        {"value", "interval": [low, high]} for each measure; None stands for what cannot be had.
    """
    values = measure(np.arange(len(patients)))
    return [
        {
            "value": float(value) if np.isfinite(value) else None,
            "interval": None if interval is None else [interval.low, interval.high],
        }
        for value, interval in zip(values, clustered_intervals(measure, patients), strict=True)
    ]


def _groups(patients: Sequence[Hashable]) -> list[Rows]:
    """The rows of each patient, in the order in which patients appear."""
    rows: dict[Hashable, list[int]] = {}
    for row, patient in enumerate(patients):
        rows.setdefault(patient, []).append(row)
    return [np.array(numbers, dtype=np.intp) for numbers in rows.values()]
