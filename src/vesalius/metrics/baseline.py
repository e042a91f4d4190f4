"""Trivial baselines: a logistic regression on facts that are no picture, such as the view of an X-ray.

Where sick patients lie in bed and healthy ones stand, the view alone predicts the finding, and a net may learn no more
than that. A model is worth what it adds to this. Baselines are fitted on the training cases, and measured on the same
test cases as the model. Letters: S samples, C classes, F features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from vesalius.config import Config
from vesalius.metrics.bootstrap import Rows, with_intervals
from vesalius.metrics.classify import aurocs, macro, rank_classes
from vesalius.metrics.drawn import Owner
from vesalius.metrics.facts import AGE, SEX, VIEW
from vesalius.metrics.one_class import (
    UNKNOWN,
    Activation,
    accuracy,
    confusion,
    macro_f1,
    softmax_log_odds,
    true_class,
)

Plain = Mapping[str, str | float]
"""Facts of a sample: numbers, and words of a few values."""
OF_FACTS = {"view": (VIEW,), "age and sex": (AGE, SEX), "view, age and sex": (VIEW, AGE, SEX)}
"""Baselines of X-rays and their features."""
_MOST_ITERATIONS = 2000


class Feature(Config):
    """A number, scaled by its training cases, or a word, which is 1 in the column of its value.

    Args:
        name: of the fact.
        words: the values of a word; none for a number.
        mean: of the numbers; it stands for an unknown one.
        std: of the numbers.
    """

    name: str
    words: tuple[str, ...] = ()
    mean: float = 0.0
    std: float = Field(default=1.0, gt=0)

    def columns(self, facts: Sequence[Plain]) -> NDArray[np.float64]:
        """Return the columns (S, words or 1) of this feature; zeros where a fact is unknown."""
        if self.words:
            return np.array([[float(table.get(self.name) == word) for word in self.words] for table in facts])
        return np.array([[(float(table.get(self.name, self.mean)) - self.mean) / self.std] for table in facts])


class Baseline(Config):
    """A fitted logistic regression.

    Args:
        name: e.g. "view".
        features: in the order of the weights.
        weights: C rows of F numbers; zeros for a class whose training labels are all alike.
        bias: C numbers.

    Example:
        >>> facts = [{"view": "AP"}, {"view": "AP"}, {"view": "PA"}, {"view": "PA"}]
        >>> baseline = fit("view", ("view",), facts, np.array([[1.0], [1], [0], [0]]))
        >>> scores_SC = baseline.scores([{"view": "AP"}, {"view": "PA"}, {}])
        >>> bool(scores_SC[0, 0] > scores_SC[2, 0] > scores_SC[1, 0])
        True
    """

    name: str
    features: tuple[Feature, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    @model_validator(mode="after")
    def _fits(self) -> Baseline:
        width = sum(len(feature.words) or 1 for feature in self.features)
        numbers = [*self.bias, *(weight for row in self.weights for weight in row)]
        if len(self.weights) != len(self.bias) or any(len(row) != width for row in self.weights):
            raise ValueError(f"{len(self.weights)} rows of weights for {len(self.bias)} classes and {width} columns")
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("a weight is not finite")
        return self

    def scores(self, facts: Sequence[Plain]) -> NDArray[np.float64]:
        """Return a score (S, C): the log odds of each class, or the logits of a softmax."""
        columns = np.concatenate([feature.columns(facts) for feature in self.features], axis=1)
        scores_SC: NDArray[np.float64] = columns @ np.array(self.weights).T + np.array(self.bias)
        return scores_SC


def fit(
    name: str,
    features: Sequence[str],
    facts: Sequence[Plain],
    labels_SC: NDArray[np.floating[Any]],
    activation: Activation = "sigmoid",
) -> Baseline:
    """Fit a baseline on training cases (scikit-learn's logistic regression, penalty 1).

    Args:
        name: of the baseline.
        features: names of facts.
        facts: of the training samples.
        labels_SC: 0, 1 or NaN; for a softmax one 1 in each row.
        activation: whether classes exclude each other (softmax).
    """
    made = tuple(_feature(feature, facts) for feature in features)
    columns_SF = np.concatenate([feature.columns(facts) for feature in made], axis=1)
    if activation == "softmax":
        weights, bias = _softmax(columns_SF, true_class(labels_SC), labels_SC.shape[1])
    else:
        pairs = [_sigmoid(columns_SF, labels_S) for labels_S in labels_SC.T]
        weights, bias = np.stack([row for row, _ in pairs]), np.array([value for _, value in pairs])
    return Baseline(name=name, features=made, weights=tuple(map(tuple, weights.tolist())), bias=tuple(bias.tolist()))


def varies(feature: str, facts: Sequence[Plain]) -> bool:
    """Whether a fact has several values among these samples: otherwise nothing follows from it."""
    return len({table[feature] for table in facts if feature in table}) > 1


def compared(
    model_SC: NDArray[np.float64],
    baseline_SC: NDArray[np.float64],
    labels_SC: NDArray[np.float32],
    owners: Sequence[Owner],
    activation: Activation = "sigmoid",
) -> dict[str, Any]:
    """Measure a baseline, and the model minus the baseline, on the same samples and the same draws of patients.

    Args:
        model_SC: log odds of each class by the model.
        baseline_SC: `Baseline.scores`.
        labels_SC: 0, 1, or NaN for unknown.
        owners: patients, from whom the bootstrap draws.
        activation: whether classes exclude each other (softmax).

    Returns:
        {"auroc", "auprc", "auroc_difference"}, for a softmax also {"accuracy", "macro_f1", "macro_f1_difference"}; each
        {"value", "interval"}. AUROC and AUPRC are means over the classes; AUPRC has no interval.
    """
    names = ["auroc", "auroc_difference"]
    names += ["accuracy", "macro_f1", "macro_f1_difference"] if activation == "softmax" else []
    count, true = labels_SC.shape[1], true_class(labels_SC)
    if activation == "softmax":
        baseline_SC = softmax_log_odds(baseline_SC)

    def values(rows: Rows) -> list[float]:
        model, baseline = (macro(aurocs(scores[rows], labels_SC[rows])) for scores in (model_SC, baseline_SC))
        measures = [baseline, model - baseline]
        if activation == "softmax":
            matrices = [confusion(scores[rows].argmax(1), true[rows], count) for scores in (model_SC, baseline_SC)]
            gain = macro_f1(matrices[0]) - macro_f1(matrices[1])
            measures += [accuracy(matrices[1]), macro_f1(matrices[1]), gain]
        return measures

    auprc = rank_classes(baseline_SC, labels_SC).macro_auprc
    measures = dict(zip(names, with_intervals(values, owners), strict=True))
    return measures | {"auprc": {"value": auprc if math.isfinite(auprc) else None, "interval": None}}


def _feature(name: str, facts: Sequence[Plain]) -> Feature:
    values = [table[name] for table in facts if name in table]
    if any(isinstance(value, str) for value in values):
        return Feature(name=name, words=tuple(sorted({str(value) for value in values})))
    numbers = np.array(values, dtype=np.float64)
    return Feature(name=name, mean=float(numbers.mean()), std=float(numbers.std()) or 1.0)


def _sigmoid(columns_SF: NDArray[np.float64], labels_S: NDArray[Any]) -> tuple[NDArray[np.float64], float]:
    known = ~np.isnan(labels_S)
    if len(set(labels_S[known].tolist())) < 2:
        return np.zeros(columns_SF.shape[1]), 0.0
    weights_CF, bias_C = _regression(columns_SF[known], labels_S[known] == 1)
    return weights_CF[0], float(bias_C[0])


def _softmax(
    columns_SF: NDArray[np.float64], true_S: NDArray[np.intp], classes: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = true_S != UNKNOWN
    present = np.unique(true_S[known])
    weights_CF, bias_C = np.zeros((classes, columns_SF.shape[1])), np.full(classes, -1e3)  # absent: never called
    if len(present) < 2:
        bias_C[present] = 0.0
        return weights_CF, bias_C
    some_CF, some_C = _regression(columns_SF[known], true_S[known])
    if len(present) == 2:  # one row: the log odds of the second
        some_CF, some_C = np.concatenate([-some_CF, some_CF]) / 2, np.concatenate([-some_C, some_C]) / 2
    weights_CF[present], bias_C[present] = some_CF, some_C
    return weights_CF, bias_C


def _regression(
    columns_SF: NDArray[np.float64], labels_S: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=_MOST_ITERATIONS).fit(columns_SF, labels_S)
    return model.coef_, model.intercept_
