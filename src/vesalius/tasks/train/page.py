"""The report of a run: what the model is worth on held-out cases first, then how it was trained."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch

from vesalius.cohort.audit.run import count_part
from vesalius.files import regular
from vesalius.output import new_file
from vesalius.report.curves import curves
from vesalius.report.html import run_report
from vesalius.report.made import made
from vesalius.report.page import FIGURES, TABLE, Report, Section, write_figure
from vesalius.report.table import write_csv
from vesalius.tasks.cohort.parts import part_facts, split_table
from vesalius.tasks.job import Job, Outcome
from vesalius.training.loop import Result
from vesalius.training.record import read_record
from vesalius.training.run_folder import ENVIRONMENT, MODEL
from vesalius.weights.card import Card, DataSource, Number

_CURVES = "training.png"
_PACKAGES = ("numpy", "scipy", "torch", "accelerate", "monai", "timm", "safetensors")


def write_run(job: Job, folder: Path, result: Result, outcome: Outcome, command: str) -> dict[str, Any]:
    """Write `summary.json`, `table.csv`, the figures, `report.html` and the files of the job for a finished run.

    Returns:
        {"path", "report", "results", "notes", "failed"}, JSON-able.
    """
    _card(job, folder, result, outcome, command).write(folder / MODEL)
    for name, png in outcome.figures.items():
        write_figure(folder / FIGURES / name, png)
    write_figure(folder / FIGURES / _CURVES, _curves(folder))
    for name, write in outcome.files.items():
        with new_file(folder / name, force=True) as part:
            write(part)
    report = Report(
        title=f"{job.settings.task}: {folder.name}",
        task=f"train {job.settings.task}",
        lead="What was trained is tested on cases that it has not seen; then how it was trained.",
        sections=[*outcome.sections, _training(job, result), _cases(job)],
        made=made(command, torch.get_num_threads(), _facts(folder), _PACKAGES),
        results=outcome.results | {"steps": result.steps, "best_step": result.best_step, "best": result.best},
        failures=outcome.failures,
    )
    write_csv(folder / TABLE, outcome.rows, outcome.columns)
    report.save(folder)
    page = run_report(folder)
    failed = [{"path": name, "error": why} for name, why in outcome.failures.items()]
    notes = [block.text for block in outcome.sections[0].blocks if block.kind == "text"] if outcome.sections else []
    return {"path": str(folder), "report": str(page), "results": report.results, "notes": notes, "failed": failed}


def _card(job: Job, folder: Path, result: Result, outcome: Outcome, command: str) -> Card:
    """The model card: words of the configuration, numbers of the run."""
    told = job.settings.card
    cases = ", ".join(f"{len(cohort)} {name}" for name, cohort in job.parts().items() if len(cohort))
    return Card(
        name=folder.name,
        summary=told.summary or f"A model for the job {job.settings.task}.",
        task=job.settings.task,
        licence=told.licence,
        data=tuple(DataSource(one.name, one.licence, one.note) for one in told.data),
        training=f"{result.steps} optimizer steps; cases: {cases}. The configuration is in the run's config.yaml.",
        command=command,
        figures=tuple(Number(name, value, outcome.tested_on) for name, value in outcome.measured.items()),
        limits=told.limits,
    )


def _training(job: Job, result: Result) -> Section:
    config = job.settings.train
    chosen = (
        f"The weights of step {result.best_step} are shipped: best {config.best} ({result.best:.4f}) in validation."
        if result.best is not None
        else "The last weights are shipped."
    )
    early = " Training ended early, the measure did not improve any more." if result.stopped_early else ""
    section = Section(title="Training").text(f"{result.steps} optimizer steps, seed {config.seed}. {chosen}{early}")
    return section.figure(_CURVES, "Loss and measures over the run.", "Curves of loss and validation measures")


def _cases(job: Job) -> Section:
    parts = [part_facts(count_part(name, cohort)) for name, cohort in job.parts().items()]
    table = split_table(parts)
    return Section(title="Cases").table(table.columns, table.rows, "No patient is on two sides.")


def _curves(folder: Path) -> bytes:
    found: dict[str, dict[str, list[tuple[float, float]]]] = {
        "Training": defaultdict(list),
        "Validation": defaultdict(list),
    }
    for row in read_record(folder):
        title = "Training" if row.get("kind") == "train" else "Validation"
        for name, value in row.items():
            wanted = (
                name.startswith("loss") if title == "Training" else name not in ("step", "epoch", "kind", "seconds")
            )
            if wanted and value is not None:
                found[title][name].append((row["step"], value))
    return curves(found)


def _facts(folder: Path) -> dict[str, str]:
    """Of `env.json`."""
    told = json.loads(regular(folder / ENVIRONMENT).read_text(encoding="utf-8"))
    return {
        "Device": str(told.get("device")),
        "Processes": str(told.get("processes")),
        "Precision": str(told.get("precision")),
    }
