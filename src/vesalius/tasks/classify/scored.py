"""Logits of a classifier beside known labels, and what they are worth.

Thresholds and temperatures ship with the model; nothing is chosen here. Letters: S samples (studies, slices or
pictures), C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.baseline import compared
from vesalius.metrics.drawn import Owner
from vesalius.metrics.facts import Facts
from vesalius.metrics.findings import measured, prevalences
from vesalius.metrics.one_class import one_class_measures
from vesalius.metrics.subgroups import subgroups
from vesalius.report.beside import CONFUSION
from vesalius.report.confusion import confusion_plot
from vesalius.report.findings import RELIABILITY, counted, reliability_figure, sections, text_of
from vesalius.report.result import Result
from vesalius.report.table import Cell
from vesalius.report.verdict import of_findings
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.checks import one_sided_notes

_UNSEEN = {"test": " that it has not seen", "val": ", on which it was chosen", "cohort": ""}
"""By part: what the model knows of the samples."""


@dataclass(frozen=True, eq=False)
class Scored:
    """Samples with their logits and labels.

    Args:
        logits_SC: float64.
        labels_SC: 0, 1, or NaN where unknown; float32.
        ids: study or case of each sample.
        patients: the patient, or, where unknown, the study or the case itself.
        items: slice number within the case (0 for a picture); empty where a sample is a whole study.
        facts: age, sex, view, ... of the case of each sample; empty where there are no facts.

    Example:
        >>> chosen = Calibration(classes=("any",), temperatures=(2.0,), thresholds=(0.6,), specificity=0.9, samples=8)
        >>> scored = Scored(np.array([[0.0]]), np.array([[1.0]], np.float32), ("s1",), (("p1", True),))
        >>> [(row["study"], row["patient"], row["probability"]) for row in scored.rows(chosen, "study")]
        [('s1', 1, 0.5)]
    """

    logits_SC: NDArray[np.float64]
    labels_SC: NDArray[np.float32]
    ids: tuple[str, ...]
    patients: tuple[Owner, ...]
    items: tuple[int, ...] = ()
    facts: tuple[Facts, ...] = ()

    def rows(self, calibration: Calibration, name: str) -> list[dict[str, Cell]]:
        """A row for each sample and class; patients are numbered, and `name` heads the column of ids."""
        p_SC = calibration.point.probabilities(self.logits_SC)
        numbers = {patient: number for number, patient in enumerate(dict.fromkeys(self.patients), start=1)}
        return [
            {
                name: sample,
                **({"slice": self.items[s]} if self.items else {}),
                "patient": numbers[self.patients[s]] if self.patients[s][1] else None,
                "class": class_name,
                "logit": float(self.logits_SC[s, c]),
                "probability": float(p_SC[s, c]),
                "label": None if np.isnan(self.labels_SC[s, c]) else float(self.labels_SC[s, c]),
            }
            for s, sample in enumerate(self.ids)
            for c, class_name in enumerate(calibration.classes)
        ]


def outcome_of(
    scored: Scored,
    part: str,
    calibration: Calibration,
    labels: Mapping[str, NDArray[np.float32]],
    notes: Sequence[str] = (),
    unit: str = "studies",
    baselines: Mapping[str, NDArray[np.float64]] | None = None,
) -> Result:
    """Measure a classifier on one split with the temperatures and thresholds that it ships with.

    Args:
        scored: the samples.
        part: the split they belong to: "test", "val" or "cohort".
        calibration: of the model.
        labels: split -> labels (S, C), for the table of prevalences.
        notes: caveats for the report.
        unit: what a sample is, in the plural.
        baselines: trivial baselines to measure beside the model: name -> scores (S, C).
    """
    classes, point = calibration.classes, calibration.point
    results: dict[str, Any] = {
        "part": part,
        **measured(scored.logits_SC, scored.labels_SC, scored.patients, classes, point, unit),
        "prevalences": prevalences(labels, classes),
    }
    figures = {RELIABILITY: reliability_figure(scored.logits_SC, scored.labels_SC, classes, point)}
    log_odds_SC = point.log_odds(scored.logits_SC)
    if calibration.activation == "softmax":
        calls = one_class_measures(log_odds_SC, scored.labels_SC, scored.patients, classes)
        results["one_class"] = calls
        figures[CONFUSION] = confusion_plot(calls["confusion"], classes)
    results["baselines"] = {
        name: compared(log_odds_SC, scores_SC, scored.labels_SC, scored.patients, calibration.activation)
        for name, scores_SC in (baselines or {}).items()
    }
    results["subgroups"] = (
        subgroups(log_odds_SC, scored.labels_SC, scored.patients, scored.facts, classes) if scored.facts else []
    )
    name = "study" if unit == "studies" else "case"
    by, auroc = results["intervals"], "AUROC" if unit == "studies" else f"AUROC of {unit}"
    rows = scored.rows(calibration, name)
    return Result(
        verdict=of_findings(results, f"{counted(results, unit)}{_UNSEEN[part]}"),
        results=results,
        sections=sections(results, [*notes, *one_sided_notes(scored.labels_SC, classes)], unit),
        rows=rows,
        columns=tuple(rows[0]),
        figures=figures,
        measured={
            **{f"{auroc}, {name}": text_of(measures["auroc"], by) for name, measures in results["classes"].items()},
            f"{auroc}, mean": text_of(results["auroc"], by),
            **_beside(results, auroc, by),
        },
        tested_on=f"{counted(results, unit)} of the {part} split",
    )


def _beside(results: Mapping[str, Any], auroc: str, by: str) -> dict[str, str]:
    """Return the lines of the card for the calls of one class, for the baselines and for the subgroups."""
    lines: dict[str, str] = {}
    if "one_class" in results:
        names = {"accuracy": "accuracy", "macro_f1": "macro F1", "worst_recall": "recall of the worst class"}
        lines |= {words: text_of(results["one_class"][key], by) for key, words in names.items()}
    for name, measures in results["baselines"].items():
        of_baseline = f"of the trivial baseline: {name}"
        lines[f"{auroc}, mean, {of_baseline}"] = text_of(measures["auroc"], by)
        if "macro_f1" in measures:
            lines[f"macro F1 {of_baseline}"] = text_of(measures["macro_f1"], by)
    for group in results["subgroups"]:
        who = f"{group['fact']} {group['group']} ({group['patients']} patients)"
        reason = group["not_measured"]
        lines[f"{auroc}, mean, {who}"] = text_of(group["auroc"], by) if reason is None else f"not measured: {reason}"
    return lines
