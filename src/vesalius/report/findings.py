"""Tables and definitions of measured findings (`metrics.findings.measured`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.drawn import BY_PATIENT, Drawn
from vesalius.metrics.findings import reliability_points
from vesalius.metrics.operating import OperatingPoint
from vesalius.report.beside import baseline_section, measure_cells, one_class_section, subgroup_section
from vesalius.report.page import Column, Section, Tone
from vesalius.report.table import NOTHING, fixed

RELIABILITY = "reliability.png"


@dataclass(frozen=True)
class _Part:
    """Words for the kind of samples that were measured."""

    title: str
    words: str
    tone: Tone
    chosen: str


_FROM_VALIDATION = "Thresholds and temperatures come from the validation split only."
_PARTS = {
    "test": _Part(
        "Findings of held-out {}",
        "test split, which neither training nor any choice has seen",
        "plain",
        _FROM_VALIDATION,
    ),
    "val": _Part(
        "Findings of held-out {}",
        "validation split (there is no test split): weights, thresholds and temperatures were chosen on it, so these "
        "numbers are optimistic",
        "warning",
        _FROM_VALIDATION,
    ),
    "cohort": _Part(
        "Findings of {}",
        "the given cohort; overlap with the training data was not checked",
        "note",
        "Thresholds and temperatures are those stored with the model; nothing was chosen on this cohort.",
    ),
}
"""By "part" of the results: a split of a run, or a given cohort."""
_DECIDED = {
    "threshold": "threshold",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "positive_predictive_value": "PPV",
    "temperature": "temperature",
    "calibration_error_as_trained": "ECE before",
    "calibration_error": "ECE after",
    "brier": "Brier",
}
_DEFINITIONS = {
    "AUROC": "How often a case with the finding gets a higher score than a case without; 0.5 is chance.",
    "AUPRC": "Average precision; its chance level is the prevalence beside it.",
    "Interval": f"95 % percentile bootstrap over patients with all their studies; none below {MIN_PATIENTS} patients. "
    "Where patients are unknown it draws studies, which may be too narrow, and says so.",
    "Threshold": "Lowest probability that still spares the target share of cases without the finding. Chosen on the "
    "validation split of the training, tested here.",
    "Log loss": "Cross-entropy over all labels; 'any' counts double as in the RSNA 2019 challenge.",
    "ECE": "Expected calibration error in 15 bins of equal width, before and after temperature scaling.",
}


def sections(results: Mapping[str, Any], notes: Sequence[str], unit: str = "studies") -> list[Section]:
    """Return the sections for the results of `measured` (with "part" and "prevalences"); `unit` is a plural."""
    part = _PARTS[results["part"]]
    head = Section(title=part.title.format(unit)).text(f"{counted(results, unit)}: {part.words}.", part.tone)
    for note in notes:
        head.text(note[0].upper() + note[1:] + ".", "note")
    names = ("AUROC", "95 % interval", "AUPRC", "95 % interval", "prevalence")
    rows = [
        [name, *measure_cells(measures["auroc"]), *measure_cells(measures["auprc"]), fixed(measures["prevalence"], 3)]
        for name, measures in results["classes"].items()
    ]
    rows.append(["mean", *measure_cells(results["auroc"]), *measure_cells(results["auprc"]), ""])
    loss, ends = measure_cells(results["log_loss"])
    caption = f"Intervals {results['intervals']}. Weighted log loss {loss} ({ends}) at the temperature below."
    head.table(_columns("", *names), rows, caption)
    decided = Section(title="Decisions and calibration")
    cells = [[name, *(fixed(measures[key], 3) for key in _DECIDED)] for name, measures in results["classes"].items()]
    decided.table(_columns("", *_DECIDED.values()), cells, part.chosen)
    decided.figure(
        RELIABILITY,
        "Predicted probabilities against observed frequencies.",
        "Reliability before and after temperature scaling",
    )
    common = Section(title="Prevalence of the findings")
    parts = results["prevalences"]
    counts = [[name, *(_count(labels[name]) for labels in parts.values())] for name in results["classes"]]
    common.table(_columns("", *parts), counts, f"{unit.capitalize()} with the finding / {unit} with a known label.")
    return [head, *_beside(results, unit), decided, common, Section(title="Definitions").definitions(_DEFINITIONS)]


def _beside(results: Mapping[str, Any], unit: str) -> list[Section]:
    """Return the sections for what only some results hold."""
    found = []
    one_class = results.get("one_class")
    if one_class is not None:
        found.append(one_class_section(one_class, unit, results["intervals"]))
    if results.get("baselines"):
        macro_f1 = None if one_class is None else one_class["macro_f1"]
        found.append(baseline_section(results["baselines"], results, f"the same {unit}", macro_f1))
    if results.get("subgroups"):
        found.append(subgroup_section(results["subgroups"], list(results["classes"]), unit))
    return found


def reliability_figure(
    logits_SC: NDArray[np.float64], labels_SC: NDArray[np.float32], classes: Sequence[str], point: OperatingPoint
) -> bytes:
    """Draw a PNG: probabilities of samples S and classes C against outcomes, before and after the temperatures."""
    from vesalius.report.chart import reliability_plot

    panels = {
        "As trained": point.as_trained().probabilities(logits_SC),
        "With temperature": point.probabilities(logits_SC),
    }
    return reliability_plot({name: reliability_points(p_SC, labels_SC, classes) for name, p_SC in panels.items()})


def counted(results: Mapping[str, Any], unit: str = "studies") -> str:
    """Return the numbers of samples and patients, e.g. "118 studies of 60 patients"."""
    known, studies = results["drawn"]
    if not known and studies == results[unit]:
        return f"{results[unit]} {unit} (patients unknown)"
    return f"{results[unit]} {unit} of {Drawn(known, studies).words}"


def text_of(measure: Mapping[str, Any], by: str) -> str:
    """Return a value with its interval and the unit of the bootstrap, for a model card."""
    value, interval = measure_cells(measure)
    if interval == NOTHING:
        return value
    return f"{value} ({interval})" if by == BY_PATIENT else f"{value} ({interval}, {by})"


def _count(labels: Mapping[str, int]) -> str:
    known = labels["positive"] + labels["negative"]
    return f"{labels['positive']}/{known}" if known else NOTHING


def _columns(first: str, *names: str) -> list[Column]:
    return [Column(name=first), *(Column(name=name, numeric=True) for name in names)]
