"""Test measures of several findings, from logits: on studies, slices or pictures that were not trained on.

Intervals are bootstraps over patients, or over studies where no patient is known. Letters: S samples, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.bootstrap import Rows, with_intervals
from vesalius.metrics.calibration import brier, calibration_error, reliability
from vesalius.metrics.classify import prevalence, rank_classes, rsna_weights
from vesalius.metrics.drawn import Drawn, Owner
from vesalius.metrics.operating import OperatingPoint

Points = list[tuple[float, float]]


def measured(
    logits_SC: NDArray[np.float64],
    labels_SC: NDArray[np.float32],
    owners: Sequence[Owner],
    classes: Sequence[str],
    point: OperatingPoint,
    unit: str = "studies",
) -> dict[str, Any]:
    """All measures of a test.

    Args:
        logits_SC: of the head.
        labels_SC: 0, 1, or NaN for unknown.
        owners: the owner of each sample.
        classes: names.
        point: temperatures and thresholds, chosen on other samples.
        unit: plural of what a sample is; the key of their number.

    Returns:
        JSON-able: {unit, "patients" (None where unknown), "drawn" (known patients, studies without one), "intervals"
        (what the bootstrap draws, in words), "auroc", "auprc", "log_loss" and "log_loss_as_trained" (each {"value",
        "interval"}), "classes": {name: measures}}; what cannot be measured is None.
    """
    labels, as_trained = labels_SC, point.as_trained()
    p_SC, raw_SC, scores_SC = (
        point.probabilities(logits_SC),
        as_trained.probabilities(logits_SC),
        point.log_odds(logits_SC),
    )
    weights, count = rsna_weights(classes), len(classes)

    def values(rows: Rows) -> list[float]:
        ranking = rank_classes(scores_SC[rows], labels[rows])
        losses = [choice.log_loss(logits_SC[rows], labels[rows], weights) for choice in (point, as_trained)]
        return [*ranking.auroc, *ranking.auprc, ranking.macro_auroc, ranking.macro_auprc, *losses]

    measures = with_intervals(values, owners)
    decisions = point.judge(logits_SC, labels)
    known = prevalence(labels)
    by_class = {}
    for c, name in enumerate(classes):
        decided = decisions[c]
        by_class[name] = {
            "auroc": measures[c],
            "auprc": measures[count + c],
            "positive": known[c].positive,
            "negative": known[c].negative,
            "unknown": known[c].unknown,
            "prevalence": _finite(known[c].share),
            "threshold": _finite(point.thresholds[c]),
            "sensitivity": None if decided is None else _finite(decided.sensitivity),
            "specificity": None if decided is None else _finite(decided.specificity),
            "positive_predictive_value": None if decided is None else _finite(decided.positive_predictive_value),
            "temperature": point.temperatures[c],
            "calibration_error": _finite(calibration_error(p_SC[:, c], labels[:, c])),
            "calibration_error_as_trained": _finite(calibration_error(raw_SC[:, c], labels[:, c])),
            "brier": _finite(brier(p_SC[:, c], labels[:, c])),
        }
    macro = dict(zip(("auroc", "auprc", "log_loss", "log_loss_as_trained"), measures[2 * count :], strict=True))
    drawn = Drawn.of(owners)
    counts = {"patients": drawn.patients, "drawn": [drawn.known, drawn.studies], "intervals": drawn.by}
    return {unit: len(labels), **counts, **macro, "classes": by_class}


def prevalences(
    splits: Mapping[str, NDArray[np.float32]], classes: Sequence[str]
) -> dict[str, dict[str, dict[str, int]]]:
    """Split -> class -> positive, negative and unknown samples, from the labels (S, C) of each split."""
    return {
        split: {
            name: {"positive": known.positive, "negative": known.negative, "unknown": known.unknown}
            for name, known in zip(classes, prevalence(labels_SC), strict=True)
        }
        for split, labels_SC in splits.items()
        if len(labels_SC)
    }


def reliability_points(
    p_SC: NDArray[np.float64], labels_SC: NDArray[np.float32], classes: Sequence[str]
) -> dict[str, Points]:
    """Class -> (mean probability, share of positives) of each bin that is not empty."""
    return {
        name: [(bin_.probability, bin_.positive) for bin_ in reliability(p_SC[:, c], labels_SC[:, c]) if bin_.count]
        for c, name in enumerate(classes)
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
