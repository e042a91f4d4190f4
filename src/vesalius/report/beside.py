"""What stands beside the measures of a classifier: its groups of cases, trivial baselines, and calls of one class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.report.page import Column, Section
from vesalius.report.table import NOTHING, fixed

CONFUSION = "confusion.png"
_FACTS = {"age": "age in years", "sex": "sex", "view": "view"}


def measure_cells(measure: Mapping[str, Any]) -> tuple[str, str]:
    """Return a measure {"value", "interval"} as two cells."""
    ends = measure["interval"]
    return fixed(measure["value"], 3), NOTHING if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def subgroup_section(rows: Sequence[Mapping[str, Any]], classes: Sequence[str], unit: str) -> Section:
    """Return the table of groups by age, sex and view (`metrics.subgroups`); with few classes each has a column."""
    section = Section(title="Groups of patients")
    shown = list(classes) if 1 < len(classes) <= 4 else []
    names = [unit, "patients", "positive" if len(classes) == 1 else "", "AUROC", "95 % interval", *shown]
    columns = [Column(name="group"), *(Column(name=name, numeric=True) for name in names if name)]
    cells = []
    for row in rows:
        positive = [str(row["classes"][classes[0]]["positive"])] if len(classes) == 1 else []
        value, ends = measure_cells(row["auroc"])
        of_classes = [fixed(row["classes"][name]["auroc"]["value"], 3) for name in shown]
        group = f"{_FACTS[row['fact']]}: {row['group']}"
        cells.append(
            [
                group,
                str(row["samples"]),
                str(row["patients"]),
                *positive,
                value,
                row["not_measured"] or ends,
                *of_classes,
            ]
        )
    mean = "" if len(classes) == 1 else "AUROC is the mean over classes. "
    caption = (
        f"{mean}A group of fewer than {MIN_PATIENTS} patients is not measured. The table shows whether groups "
        "differ, not why; with overlapping intervals the difference may be chance."
    )
    return section.table(columns, cells, caption)


def baseline_section(
    results: Mapping[str, Any], model: Mapping[str, Any], measured_on: str, macro_f1: Mapping[str, Any] | None
) -> Section:
    """Return the table of trivial baselines below the model.

    Args:
        results: name -> what `metrics.baseline.compared` returns.
        model: {"auroc", "auprc"} of the model.
        measured_on: the samples, in words.
        macro_f1: of the model, where each sample has one class.
    """
    names = ["AUROC", "95 % interval", "AUPRC", "model minus baseline", "95 % interval"]
    names += [] if macro_f1 is None else ["macro F1", "model minus baseline", "95 % interval"]
    columns = [Column(name=""), *(Column(name=name, numeric=True) for name in names)]
    first = ["the model", *measure_cells(model["auroc"]), fixed(model["auprc"]["value"], 3), "", ""]
    rows = [first if macro_f1 is None else [*first, fixed(macro_f1["value"], 3), "", ""]]
    for name, baseline in results.items():
        row = [name, *measure_cells(baseline["auroc"]), fixed(baseline["auprc"]["value"], 3)]
        row += measure_cells(baseline["auroc_difference"])
        if macro_f1 is not None:
            row += [fixed(baseline["macro_f1"]["value"], 3), *measure_cells(baseline["macro_f1_difference"])]
        rows.append(row)
    caption = (
        f"Logistic regressions that see no picture content, fitted on the training cases and measured on "
        f"{measured_on}. What the model adds is the difference, whose interval has the same draws for both."
    )
    return Section(title="Trivial baselines").table(columns, rows, caption)


def one_class_section(results: Mapping[str, Any], unit: str, intervals: str) -> Section:
    """Return accuracy, macro F1 and the recall of each class (`metrics.one_class.one_class_measures`).

    Args:
        results: of the measures.
        unit: what a sample is, in the plural.
        intervals: what the bootstrap draws, in words.
    """
    section = Section(title="One class each")
    heads = {"accuracy": "accuracy", "macro_f1": "macro F1", "worst_recall": "recall of the worst class"}
    rows = [[words, "", *measure_cells(results[key])] for key, words in heads.items()]
    counts = [sum(row) for row in results["confusion"]]
    for (name, measure), count in zip(results["recall"].items(), counts, strict=True):
        rows.append([f"recall of {name}", str(count), *measure_cells(measure)])
    columns = [Column(name=""), *(Column(name=name, numeric=True) for name in (unit, "value", "95 % interval"))]
    section.table(columns, rows, f"The most probable class is called. Intervals {intervals}.")
    return section.figure(CONFUSION, "Rows: true classes; columns: called ones.", "Confusion matrix")
