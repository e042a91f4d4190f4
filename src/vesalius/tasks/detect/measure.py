"""Logits of many studies, and what a detection model is worth on studies with labels.

Letters: S studies, L slices of one, C classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.cohort.case import Problem
from vesalius.report.result import Result
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.scored import Scored, outcome_of
from vesalius.tasks.detect.outputs import result_files
from vesalius.tasks.detect.studies import Studies
from vesalius.training.task import Ranks
from vesalius.weights.saved import HEAD, from_pretrained

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
    return Scored(logits_SC, studies.labels_SC, studies.ids, studies.owners)


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
    outcome = outcome_of(scored, part, calibration, labels, notes)
    outcome.results["invalid_nifti_report"] = _invalid_report(problems)
    outcome.files = result_files(outcome.results, calibration.point.probabilities(scored.logits_SC))
    return outcome


def _invalid_report(problems: Sequence[Problem]) -> dict[str, Any]:
    """How many cases could not be read, and why; reasons that name files are reduced to "cannot be read"."""
    reasons = [problem.reason if problem.reason.startswith("nifti_path") else "cannot be read" for problem in problems]
    examples = [{"case": problem.id, "reason": problem.reason} for problem in problems[:_EXAMPLES]]
    return {"count": len(problems), "reasons": dict(Counter(reasons)), "examples": examples}
