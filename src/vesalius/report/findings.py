"""What `metrics.findings.measured` found, for people: tables and definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.calibration import cooled
from vesalius.metrics.drawn import BY_PATIENT, Drawn
from vesalius.metrics.findings import reliability_points
from vesalius.metrics.operating import OperatingPoint
from vesalius.report.page import Column, Section, Tone
from vesalius.report.table import NOTHING, fixed

RELIABILITY = "reliability.png"


@dataclass(frozen=True)
class _Part:
    """What is said of the samples that were measured."""

    title: str
    words: str
    tone: Tone
    chosen: str


_FROM_VALIDATION = "Thresholds and temperatures come from the validation part only."
_PARTS = {
    "test": _Part(
        "Findings of held-out {}",
        "test part, which neither training nor any choice has seen",
        "plain",
        _FROM_VALIDATION,
    ),
    "val": _Part(
        "Findings of held-out {}",
        "validation part, for want of a test part: weights, thresholds and temperature were chosen on it, so these "
        "numbers are too good",
        "warning",
        _FROM_VALIDATION,
    ),
    "cohort": _Part(
        "Findings of {}",
        "a cohort that was named; whether the model was trained or chosen on any of it is not checked, that is for the "
        "reader to know",
        "note",
        "Thresholds and temperatures are those stored with the model; nothing was chosen on this cohort.",
    ),
}
"""By "part" of the results: parts of a run, and a cohort that somebody named."""
_DEFINITIONS = {
    "AUROC": "How often one with the finding gets a higher score than one without; 0.5 is chance.",
    "AUPRC": "Average precision; its chance level is the prevalence, which stands beside it.",
    "Interval": f"95 % percentile bootstrap that draws patients with all that is theirs; none below {MIN_PATIENTS} "
    "patients. Where no patient is known it draws studies, which may be too narrow, and says so.",
    "Threshold": "Lowest probability at which the wanted share of those without the finding is left alone. Chosen on "
    "the validation part of the training, judged here.",
    "Log loss": "Cross-entropy over all labels; 'any' counts double as in the RSNA 2019 challenge.",
    "ECE": "Expected calibration error in 15 bins of equal width, before and after temperature scaling.",
}


def sections(results: Mapping[str, Any], notes: Sequence[str], unit: str = "studies") -> list[Section]:
    """What `measured` found (with "part" and "prevalences"); `unit` is what it measured, in the plural."""
    part = _PARTS[results["part"]]
    head = Section(title=part.title.format(unit)).text(f"{counted(results, unit)}: {part.words}.", part.tone)
    for note in notes:
        head.text(note[0].upper() + note[1:] + ".", "note")
    names = ("AUROC", "95 % interval", "AUPRC", "95 % interval", "prevalence")
    rows = [
        [name, *_pair(one["auroc"]), *_pair(one["auprc"]), fixed(one["prevalence"], 3)]
        for name, one in results["classes"].items()
    ]
    rows.append(["mean", *_pair(results["auroc"]), *_pair(results["auprc"]), ""])
    loss, ends = _pair(results["log_loss"])
    caption = f"Intervals {results['intervals']}. Weighted log loss {loss} ({ends}) at the temperature below."
    head.table(_columns("", *names), rows, caption)
    decided = Section(title="Decisions and calibration")
    words = ("threshold", "sensitivity", "specificity", "PPV", "temperature", "ECE before", "ECE after", "Brier")
    keys = (
        "threshold",
        "sensitivity",
        "specificity",
        "positive_predictive_value",
        "temperature",
        "calibration_error_as_trained",
        "calibration_error",
        "brier",
    )
    cells = [[name, *(fixed(one[key], 3) for key in keys)] for name, one in results["classes"].items()]
    decided.table(_columns("", *words), cells, part.chosen)
    decided.figure(RELIABILITY, "Probabilities and what came true.", "Reliability before and after temperature scaling")
    common = Section(title="How frequent the findings are")
    parts = results["prevalences"]
    told = [[name, *(_count(one[name]) for one in parts.values())] for name in results["classes"]]
    common.table(_columns("", *parts), told, f"{unit.capitalize()} with the finding / of which it is known.")
    return [head, decided, common, Section(title="What the words mean").definitions(_DEFINITIONS)]


def reliability_figure(
    logits_SC: NDArray[np.float64], labels_SC: NDArray[np.float32], classes: Sequence[str], point: OperatingPoint
) -> bytes:
    """A PNG: probabilities of samples S and classes C against what came true, before and after the temperatures."""
    from vesalius.report.reliability import reliability_plot

    panels = {"As trained": cooled(logits_SC, 1.0), "With temperature": point.probabilities(logits_SC)}
    return reliability_plot({name: reliability_points(p_SC, labels_SC, classes) for name, p_SC in panels.items()})


def counted(results: Mapping[str, Any], unit: str = "studies") -> str:
    """How many samples of how many patients were measured, e.g. "118 studies of 60 patients"."""
    known, studies = results["drawn"]
    if not known and studies == results[unit]:
        return f"{results[unit]} {unit} (patients unknown)"
    return f"{results[unit]} {unit} of {Drawn(known, studies).words}"


def text_of(measure: Mapping[str, Any], by: str) -> str:
    """A value with its interval and what that draws, for a model card."""
    value, interval = _pair(measure)
    if interval == NOTHING:
        return value
    return f"{value} ({interval})" if by == BY_PATIENT else f"{value} ({interval}, {by})"


def _pair(measure: Mapping[str, Any]) -> tuple[str, str]:
    ends = measure["interval"]
    return fixed(measure["value"], 3), NOTHING if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def _count(one: Mapping[str, int]) -> str:
    known = one["positive"] + one["negative"]
    return f"{one['positive']}/{known}" if known else NOTHING


def _columns(first: str, *names: str) -> list[Column]:
    return [Column(name=first), *(Column(name=name, numeric=True) for name in names)]
