"""Logits of many studies, what a detection model is worth on studies with labels, and the files of its run.

metrics.json                      every measure
probs.npy                         calibrated probabilities of the held-out studies [S, C]
features/PART_embeddings.npy      vectors of the slices [N, D]
features/PART_index.csv           their study, patient, slice and case (a study of loose slices has many), a line each
features/PART_pooled.npy          means over the slices of each study [S, D]
features/PART_labels.npy          labels of the studies [S, C]; PART_labels.txt: their names, a line each

Letters: S studies, L slices of one, N slices of all, C classes, D width.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.cohort.case import Problem
from vesalius.csv_table import write_rows
from vesalius.metrics.facts import plain
from vesalius.report.result import Result
from vesalius.tasks.classify.baselines import Baselines
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.scored import Scored, outcome_of
from vesalius.tasks.detect.studies import Studies
from vesalius.training.task import Ranks
from vesalius.weights.saved import HEAD, from_pretrained

Writer = Callable[[Path], None]
FEATURES = "features"
BATCH = 64
_ALONE = Ranks()
_EXAMPLES = 5


@torch.no_grad()
def score(net: nn.Module, studies: Studies, batch: int = BATCH, ranks: Ranks = _ALONE) -> Scored:
    """Logits of studies by a head in eval mode, on its device; studies of similar length share a batch.

    Each of several processes takes its share of the batches; all of them return the logits of all studies.
    """
    device = next(net.parameters()).device
    order = np.argsort([len(rows) for rows in studies.rows], kind="stable")
    logits_SC = np.empty(studies.labels_SC.shape, np.float64)
    share = []
    for start in ranks.share(range(0, len(order), batch)):
        tensors = tensors_of(studies.batch(order[start : start + batch]), device)
        share.append(net(tensors["x"], tensors["there"])[0].float().cpu().numpy())
    logits_SC[order] = np.concatenate(ranks.gathered(share))
    return Scored(logits_SC, studies.labels_SC, studies.ids, studies.owners, facts=studies.facts)


def tensors_of(batch: dict[str, NDArray[np.generic]], device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """A batch of `Studies.batch` as tensors on a device."""
    return {name: torch.from_numpy(array).to(device) for name, array in batch.items()}


def measure_model(
    model: Path,
    studies: Mapping[str, Studies],
    part: str,
    device: str,
    notes: Sequence[str] = (),
    problems: Sequence[Problem] = (),
) -> Result:
    """Measure a model folder on one split; temperatures and thresholds are those of the folder.

    Args:
        model: its folder.
        studies: every split whose prevalences are reported, with labels in the order of the model's classes.
        part: the split to measure, "test", "val" or "cohort".
        device: where the net runs, e.g. "cpu".
        notes: caveats for the report, unreadable cases included.
        problems: cases that could not be read and are not among the studies.

    Raises:
        InputError: no such model, or one for another job.
        CorruptFileError: it is damaged.
    """
    calibration = Calibration.read(model)
    scored = score(from_pretrained(model, "detect", HEAD).parts[HEAD].net.to(device), studies[part])
    labels = {name: split.labels_SC for name, split in studies.items()}
    trivial = Baselines.read(model, calibration.classes).scores([plain(facts) for facts in scored.facts])
    outcome = outcome_of(scored, part, calibration, labels, notes, baselines=trivial if scored.facts else None)
    outcome.results["invalid_nifti_report"] = _invalid_report(problems)
    outcome.files = result_files(outcome.results, calibration.point.probabilities(scored.logits_SC))
    return outcome


def _invalid_report(problems: Sequence[Problem]) -> dict[str, Any]:
    """How many cases could not be read, and why; reasons that name files are reduced to "cannot be read"."""
    reasons = [problem.reason if problem.reason.startswith("nifti_path") else "cannot be read" for problem in problems]
    examples = [{"case": problem.id, "reason": problem.reason} for problem in problems[:_EXAMPLES]]
    return {"count": len(problems), "reasons": dict(Counter(reasons)), "examples": examples}


def result_files(results: Mapping[str, Any], p_SC: NDArray[np.float64]) -> dict[str, Writer]:
    """Return the writers of `metrics.json` and `probs.npy`."""

    def metrics(path: Path) -> None:
        path.write_text(json.dumps(results, indent=1, allow_nan=False) + "\n", encoding="utf-8")

    return {"metrics.json": metrics, "probs.npy": partial(_save, p_SC.astype(np.float32))}


def feature_files(parts: Mapping[str, Studies], classes: Sequence[str]) -> dict[str, Writer]:
    """Return the writers of the files below `features/`."""
    files: dict[str, Writer] = {}
    for name, studies in parts.items():
        if len(studies):
            files[f"{FEATURES}/{name}_embeddings.npy"] = partial(_embeddings, studies)
            files[f"{FEATURES}/{name}_index.csv"] = partial(_index, studies)
            files[f"{FEATURES}/{name}_pooled.npy"] = partial(_pooled, studies)
            files[f"{FEATURES}/{name}_labels.npy"] = partial(_save, studies.labels_SC)
            files[f"{FEATURES}/{name}_labels.txt"] = partial(_names, classes)
    return files


def _embeddings(studies: Studies, path: Path) -> None:
    _save(studies.vectors.rows_ND[np.concatenate(studies.rows)], path)


def _pooled(studies: Studies, path: Path) -> None:
    _save(np.stack([studies.vectors.rows_ND[rows].mean(axis=0) for rows in studies.rows]), path)


def _index(studies: Studies, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write_rows(file, [("row", "study", "patient", "slice", "case")])
        case_of = {at: case for case, rows in studies.vectors.of_case.items() for at in rows.tolist()}
        row = 0
        for study, owner, rows in zip(studies.ids, studies.owners, studies.rows, strict=True):
            patient = owner[0] if owner[1] else ""  # unknown
            for at, item in zip(rows.tolist(), studies.vectors.items_N[rows].tolist(), strict=True):
                write_rows(file, [(row, study, patient, item, case_of[at])])
                row += 1


def _names(classes: Sequence[str], path: Path) -> None:
    path.write_text("".join(f"{name}\n" for name in classes), encoding="utf-8")


def _save(array: NDArray[Any], path: Path) -> None:
    with path.open("wb") as file:  # np.save would add a suffix to a name
        np.save(file, np.ascontiguousarray(array))
