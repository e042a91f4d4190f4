"""The report of a run: first the test of the model on held-out cases, then the training."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vesalius.cohort.audit.run import count_splits
from vesalius.files import regular
from vesalius.report.chart import curves
from vesalius.report.page import Section
from vesalius.report.publish import made, publish
from vesalius.report.result import Result
from vesalius.report.verdict import Verdict
from vesalius.tasks.cohort.counts import split_table
from vesalius.tasks.job import Job
from vesalius.training.loop import LoopResult
from vesalius.training.record import read_record
from vesalius.training.run_folder import ENVIRONMENT, MODEL
from vesalius.weights.card import Card, Number

_CURVES = "training.png"
_PACKAGES = ("numpy", "scipy", "torch", "accelerate", "monai", "timm", "safetensors")


@dataclass(frozen=True)
class TrainResult:
    """A finished run.

    Args:
        path: the run folder.
        report: page of the run.
        results: measures of the test, and the steps of the training.
        notes: caveats.
        failed: cases that could not be measured, {"path", "error"} each.
    """

    path: str
    report: str
    results: dict[str, Any]
    notes: list[str]
    failed: list[dict[str, str]]


def write_run(job: Job, folder: Path, trained: LoopResult, result: Result, command: str) -> TrainResult:
    """Write the model card and publish the test of a finished run."""
    _card(job, folder, trained, result, command).write(folder / MODEL)
    notes = [block.text for block in result.sections[0].blocks if block.kind == "text"] if result.sections else []
    result.sections += [_training(job, trained), _cases(job)]
    if result.verdict is None:
        result.verdict = _verdict(result, trained)
    result.figures[_CURVES] = _curves(folder, job.panels)
    result.results |= {"steps": trained.steps, "best_step": trained.best_step, "best": trained.best}
    page = publish(
        result,
        folder,
        title=f"{folder.name}: {job.config.task} trained on {len(job.parts()['train'])} cases",
        task=f"train {job.config.task}",
        lead=job.lead,
        made=made(command, torch.get_num_threads(), _facts(folder), _PACKAGES),
    )
    failed = [{"path": name, "error": why} for name, why in result.failures.items()]
    return TrainResult(str(folder), str(page), result.results, notes, failed)


def _verdict(result: Result, trained: LoopResult) -> Verdict:
    """The first measure of a job that gives no verdict."""
    if not result.measured:
        return Verdict(words=f"Trained for {trained.steps} steps; nothing was measured on held-out cases")
    name, value = next(iter(result.measured.items()))
    return Verdict(
        words=f"{name[0].upper()}{name[1:]}: {value}" + (f", {result.tested_on}" if result.tested_on else "")
    )


def _card(job: Job, folder: Path, trained: LoopResult, result: Result, command: str) -> Card:
    card = job.config.card
    cases = ", ".join(f"{len(cohort)} {name}" for name, cohort in job.parts().items() if len(cohort))
    return Card(
        name=folder.name,
        summary=card.summary or f"A model for the job {job.config.task}.",
        task=job.config.task,
        licence=card.licence,
        data=card.data,
        training=f"{trained.steps} optimizer steps; cases: {cases}. The configuration is in the run's config.yaml.",
        command=command,
        figures=tuple(Number(name, value, result.tested_on) for name, value in result.measured.items()),
        limits=card.limits,
        pipeline=job.pipeline,
    )


def _training(job: Job, trained: LoopResult) -> Section:
    config = job.config.train
    chosen = (
        f"The weights of step {trained.best_step} are shipped: best {config.best} ({trained.best:.4f}) in validation."
        if trained.best is not None
        else "The last weights are shipped."
    )
    early = " Training ended early, the measure did not improve any more." if trained.stopped_early else ""
    section = Section(title="Training").text(f"{trained.steps} optimizer steps, seed {config.seed}. {chosen}{early}")
    return section.figure(_CURVES, "Loss and measures over the run.", "Curves of loss and validation measures")


def _cases(job: Job) -> Section:
    table = split_table(count_splits(job.parts()))
    caption = "No patient is in two splits; where patients are unknown, no study is."
    return Section(title="Cases").table(table.columns, table.rows, caption)


def _curves(folder: Path, panels: Mapping[str, Sequence[str]]) -> bytes:
    training: dict[str, list[tuple[float, float]]] = defaultdict(list)
    validation: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in read_record(folder):
        is_training = row.get("kind") == "train"
        for name, value in row.items():
            wanted = name.startswith("loss") if is_training else name not in ("step", "epoch", "kind", "seconds")
            if wanted and value is not None:
                (training if is_training else validation)[name].append((row["step"], value))
    shown = panels or {"Validation": list(validation)}
    charts = {title: {name: validation[name] for name in names if name in validation} for title, names in shown.items()}
    return curves({"Training": training, **charts})


def _facts(folder: Path) -> dict[str, str]:
    environment = json.loads(regular(folder / ENVIRONMENT).read_text(encoding="utf-8"))
    return {name.capitalize(): str(environment.get(name)) for name in ("device", "processes", "precision")}
