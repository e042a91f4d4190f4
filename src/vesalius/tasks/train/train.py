"""Train a job: configuration in, run folder with a tested model and a report out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState

from vesalius.cohort.manifest import write_manifest
from vesalius.config import load_config, read_table
from vesalius.output import new_folder
from vesalius.tasks.job import Job
from vesalius.tasks.train.jobs import CONFIGS, find_config, job_class
from vesalius.tasks.train.page import write_run
from vesalius.training.device import on_cpu
from vesalius.training.loop import Loop
from vesalius.training.run_folder import MODEL, SPLITS, begin

Watch = Callable[[dict[str, Any], int], None]
"""Told every line of the record, and the number of steps of the whole run."""


def train(
    config: str | Path,
    output: Path,
    overrides: Sequence[str] = (),
    *,
    resume: bool = False,
    force: bool = False,
    device: str = "auto",
    threads: int | None = None,
    watch: Watch | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train, ship the best weights, test them on held-out cases, write the report.

    Under `accelerate launch` each process calls this; one of them writes.

    Args:
        config: a file, or the name of a configuration that comes with the package.
        output: the run folder.
        overrides: "a.b=value".
        resume: go on where an earlier run with the same configuration stopped; a new folder is begun.
        force: begin anew in a folder that holds a run.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        threads: of PyTorch, shared by the processes of this machine; None: its own choice.
        watch: told every line of the record.
        progress: told what is done besides.

    Returns:
        {"path", "report", "results", "failed"}, JSON-able; empty in processes that do not write.

    Raises:
        ConfigError: a wrong key or value, or one that differs from the run that is resumed.
        InputError: a file is missing or damaged.
        OutputError: the folder holds something, or the disk is full.
        TrainingError: the run cannot go on.
    """
    use_cpu = on_cpu(device)
    state = PartialState(cpu=use_cpu)
    if threads is not None:
        torch.set_num_threads(max(1, threads // state.num_processes))
    job = make_job(config, overrides)
    settings = job.settings
    resuming = (output / "last" / "state.safetensors").exists() and resume
    if state.is_main_process:
        resuming = begin(output, settings, resume=resume, force=force)
        _write_splits(job, output)
    state.wait_for_everyone()
    loop = Loop(job.task(), settings.train, output, cpu=use_cpu)
    result = loop.run(resume=resuming, watch=None if watch is None else lambda row: watch(row, loop.steps))
    if not loop.is_main:
        return {}
    progress("testing the model on held-out cases")
    outcome = job.outcome(output / MODEL, loop.accelerator.device.type)
    return write_run(job, output, result, outcome, command_of(config, output, overrides))


def make_job(config: str | Path, overrides: Sequence[str] = ()) -> Job:
    """The job that a configuration asks for.

    Raises:
        ConfigError: a wrong key or value.
        InputError: a file is missing or damaged.
    """
    path = find_config(config)
    named = [one.removeprefix("task=") for one in overrides if one.startswith("task=")]
    cls = job_class(named[-1] if named else read_table(path).get("task"))
    return cls(load_config(cls.Settings, path, overrides))


def command_of(config: str | Path, output: Path, overrides: Sequence[str]) -> str:
    """What was typed, paths by their last part only."""
    words = [override if "/" not in override else _short(override) for override in overrides]
    name = config if find_config(config).is_relative_to(CONFIGS) else Path(config).name
    return " ".join(["vesalius train", str(name), "-o", output.name, *words])


def _short(override: str) -> str:
    key, _, value = override.partition("=")
    return f"{key}={Path(value).name}"


def _write_splits(job: Job, output: Path) -> None:
    """The cases of each split as manifests with a path to each file."""
    with new_folder(output / SPLITS, force=True) as folder:
        for name, cohort in job.parts().items():
            if len(cohort):
                write_manifest(cohort, folder / f"{name}.csv")
