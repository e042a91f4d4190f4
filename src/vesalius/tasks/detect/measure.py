"""What a detection model is worth on studies with labels: the held-out ones of its run, or another cohort.

Thresholds and temperatures are those of the model folder; nothing is chosen here. Letters: S studies, C classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.loaded import Problem
from vesalius.metrics.findings import measured, prevalences
from vesalius.report.findings import RELIABILITY, counted, reliability_figure, sections, text_of
from vesalius.report.result import Result
from vesalius.report.table import Cell
from vesalius.tasks.detect.infer import logits
from vesalius.tasks.detect.outputs import result_files
from vesalius.tasks.detect.settings import Calibration
from vesalius.tasks.detect.studies import Studies
from vesalius.weights.saved import from_pretrained

_COLUMNS = ("study", "patient", "class", "logit", "probability", "label")
_EXAMPLES = 5


def outcome_of(
    model: Path,
    studies: Mapping[str, Studies],
    part: str,
    device: str,
    notes: Sequence[str] = (),
    problems: Sequence[Problem] = (),
) -> Result:
    """Measure a model on one part.

    Args:
        model: its folder.
        studies: of every part whose prevalences are told, with labels in the order of the model's classes.
        part: the one to measure, "test", "val" or "cohort".
        device: where the net runs, e.g. "cpu".
        notes: what a careful reader should know, these cases included.
        problems: cases that could not be read and are not among the studies.

    Raises:
        InputError: no such model, or one for another job.
        CorruptFileError: it is damaged.
    """
    calibration = Calibration.read(model)
    held_out, classes, point = studies[part], calibration.classes, calibration.point
    logits_SC = logits(from_pretrained(model, "detect").net.to(device), held_out).study_SC
    p_SC = point.probabilities(logits_SC)
    results: dict[str, Any] = {
        "part": part,
        **measured(logits_SC, held_out.labels_SC, held_out.owners, classes, point),
        "prevalences": prevalences({name: one.labels_SC for name, one in studies.items()}, classes),
        "invalid_nifti_report": {
            "count": len(problems),
            "reasons": dict(Counter(_kind(one.reason) for one in problems)),
            "examples": [{"case": one.id, "reason": one.reason} for one in problems[:_EXAMPLES]],
        },
    }
    by = results["intervals"]
    return Result(
        results=results,
        sections=sections(results, notes),
        rows=_rows(held_out, classes, logits_SC, p_SC),
        columns=_COLUMNS,
        figures={RELIABILITY: reliability_figure(logits_SC, held_out.labels_SC, classes, point)},
        measured={
            **{f"AUROC, {name}": text_of(one["auroc"], by) for name, one in results["classes"].items()},
            "AUROC, mean": text_of(results["auroc"], by),
        },
        tested_on=f"{counted(results)} of the part {part}",
        files=result_files(results, p_SC),
    )


def _kind(reason: str) -> str:
    """What a table is told for, else that the scan could not be read: reasons of files name the files."""
    return reason if reason.startswith("nifti_path") else "cannot be read"


def _rows(
    studies: Studies, classes: Sequence[str], logits_SC: NDArray[np.float64], p_SC: NDArray[np.float64]
) -> list[dict[str, Cell]]:
    numbers = {patient: number for number, patient in enumerate(dict.fromkeys(studies.owners), start=1)}
    return [
        {
            "study": study,
            "patient": numbers[studies.owners[s]] if studies.owners[s][1] else None,
            "class": name,
            "logit": float(logits_SC[s, c]),
            "probability": float(p_SC[s, c]),
            "label": None if np.isnan(studies.labels_SC[s, c]) else float(studies.labels_SC[s, c]),
        }
        for s, study in enumerate(studies.ids)
        for c, name in enumerate(classes)
    ]
