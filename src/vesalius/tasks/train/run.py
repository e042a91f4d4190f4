"""Train a job: configuration in, run folder with a tested model and a report out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState

from vesalius.arguments import PathLike, checked
from vesalius.config import from_overrides, read_table
from vesalius.errors import ConfigError, InputError, UsageError
from vesalius.output import sole_writer
from vesalius.report.page import FIGURES, PAGE, SUMMARY, TABLE
from vesalius.report.publish import command_line
from vesalius.tasks.job import Job, JobConfig
from vesalius.tasks.train.jobs import CONFIGS, find_config, job_class
from vesalius.tasks.train.page import TrainResult, write_run
from vesalius.tasks.train.seed_keys.convert import with_seed_keys
from vesalius.tasks.train.splits import check_left_out, check_splits, write_splits
from vesalius.tasks.train.start import INIT, Start
from vesalius.training.device import on_cpu
from vesalius.training.loop import Loop
from vesalius.training.run_folder import MODEL, SPLITS, begin, discard, has_state, may_begin, note_files
from vesalius.wording import Progress, quiet

Watch = Callable[[dict[str, Any], int], None]
"""Callback that receives each row of metrics.jsonl and the number of steps of the whole run."""

_FILES = (INIT, SUMMARY, TABLE, FIGURES, PAGE)
"""Names that a run writes besides those of the loop."""


@checked
def train(
    config: str | Path,
    output: PathLike,
    overrides: Sequence[str] = (),
    *,
    resume: bool = False,
    force: bool = False,
    device: str = "auto",
    threads: int | None = None,
    watch: Watch | None = None,
    progress: Progress = quiet,
) -> TrainResult | None:
    """Train, ship the best weights, test them on held-out cases, write the report.

    Under `accelerate launch` each process calls this; one of them writes. If a new run fails on its configuration or
    its cases before the first checkpoint, its folder is removed.

    Args:
        config: a file, or the name of a configuration that comes with the package.
        output: the run folder.
        overrides: "a.b=value".
        resume: continue an earlier run with the same configuration; a new folder begins a new run.
        force: replace the run that the folder holds.
        device: "auto" (a GPU where there is one), "cpu" or "cuda".
        threads: of PyTorch, shared by the processes of this machine; None: as PyTorch chooses.
        watch: callback that receives each row of metrics.jsonl.
        progress: callback that receives progress lines of the work outside the loop.

    Returns:
        The finished run; None in processes that do not write.

    Raises:
        ConfigError: a wrong key or value, or one that differs from the run that is resumed.
        UsageError: the batch cannot be shared by the processes, or the cases differ from those of the resumed run.
        InputError: a file is missing or damaged.
        OutputError: the folder holds something, or the disk is full.
        TrainingError: the run cannot go on.
    """
    output = Path(output)
    use_cpu = on_cpu(device)
    state = PartialState(cpu=use_cpu)
    if threads is not None:
        torch.set_num_threads(max(1, threads // state.num_processes))
    job = make_job(config, overrides, progress if state.is_main_process else quiet)
    job.progress = progress
    _check_share(job.config, state.num_processes)
    with sole_writer(output) if state.is_main_process else nullcontext():
        old = may_begin(output, job.config, resume=resume, force=force, volatile=job.volatile)
        if old:
            check_splits(job.parts(), output / SPLITS)
        resuming = old and has_state(output)
        task = job.task()
        start = Start(job.config.init_from, task) if job.config.init_from and not resuming else None
        loop = Loop(task, job.config.train, output, cpu=use_cpu, start=start)  # what cannot be built leaves no folder
        if old:
            check_left_out(job.left_out(), output / SPLITS)
        state.wait_for_everyone()
        if state.is_main_process:
            begin(output, job.config, resume=resume, force=force, volatile=job.volatile, files=_FILES)
            write_splits(job.parts(), output / SPLITS, job.left_out())
            if start is not None:
                start.write(output)
            for line in (*(start.lines() if start is not None else ()), *(f"note: {note}" for note in job.warnings())):
                progress(line)
        state.wait_for_everyone()
        try:
            result = loop.run(resume=resuming, watch=None if watch is None else lambda row: watch(row, loop.steps))
        except (ConfigError, InputError, UsageError):
            if loop.is_main and not old:
                discard(output)
            raise
        if not loop.is_main:
            return None
        progress("testing the model on held-out cases")
        outcome = job.outcome(output / MODEL, loop.accelerator.device.type)
        note_files(output, outcome.files)
        return write_run(job, output, result, outcome, command_of(config, output, overrides))


def make_job(config: str | Path, overrides: Sequence[str] = (), progress: Progress = quiet) -> Job:
    """Make the job of a configuration; `progress` receives a line on keys of other code that mean nothing here.

    Raises:
        ConfigError: a wrong key or value.
        InputError: a file is missing or damaged.
    """
    cls, settings = configured(config, overrides, progress)
    return cls(settings)


def configured(
    config: str | Path, overrides: Sequence[str] = (), progress: Progress = quiet
) -> tuple[type[Job], JobConfig]:
    """Return the class of a job and its configuration; no case is read. For `progress` see `make_job`.

    Raises:
        ConfigError: a wrong key or value.
        InputError: there is no such configuration.
    """
    path = find_config(config)
    named = [word.removeprefix("task=") for word in overrides if word.startswith("task=")]
    raw = read_table(path) | ({"task": named[-1]} if named else {})
    keys, words = with_seed_keys(raw, overrides, progress)
    cls = job_class(keys.get("task"))
    return cls, from_overrides(cls.Config, words, keys, where=config)


def command_of(config: str | Path, output: Path, overrides: Sequence[str]) -> str:
    """The command that was typed, paths by their last name only, without sentences of the card."""
    shipped = find_config(config).is_relative_to(CONFIGS)
    words = [word for word in overrides if not word.startswith("card.")]
    return command_line("train", str(config) if shipped else Path(config), "-o", output, *words)


def _check_share(config: JobConfig, processes: int) -> None:
    """Refuse a batch that the processes cannot share; a job without a `batch` checks this itself."""
    batch = getattr(config, "batch", None)
    if isinstance(batch, int) and batch % processes:
        what = f"{batch} cannot be shared by {processes} processes"
        raise UsageError(what, where="batch", fix=f"choose a multiple of {processes}")
