"""train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vesalius.cli import complete
from vesalius.cli.display import display
from vesalius.cli.options import Force, Json, OnDevice, Quiet, Threads, needs_torch
from vesalius.cli.show import emit, progress
from vesalius.errors import UsageError
from vesalius.memory import cores

if TYPE_CHECKING:
    from vesalius.tasks.train.page import TrainResult


def train(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG",
            autocompletion=complete.configs,
            help="File, or a name that vesalius info lists.",
            show_default=False,
        ),
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[a.b=value]...", autocompletion=complete.overrides, help="Keys to override.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="RUN", help="Run folder.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in this folder.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the data, estimate time and memory, write nothing.")
    ] = False,
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model, test it on held-out cases, write a report.

    Several processes: accelerate launch -m vesalius train CONFIG -o RUN

    Examples:
        vesalius train segment/hippocampus -o run data.manifest=cohort.jsonl
        vesalius train simclr/cxr_small -o run data.manifest=xrays.jsonl train.epochs=5
        vesalius train segment/hippocampus --dry-run data.manifest=cohort.jsonl
    """
    needs_torch()
    if output is None and not dry_run:
        raise UsageError("is missing", where="-o RUN", fix="name the run folder, or pass --dry-run")
    from vesalius.tasks.early import check_run

    check_run(config, overrides or ())
    if output is None:
        from vesalius.tasks.train.dry_run import dry_run as run
        from vesalius.tasks.train.dry_run import lines

        estimate = run(config, overrides or (), device=device, threads=threads, progress=progress(quiet))
        emit(estimate, json, lines)
        return
    from vesalius.tasks.train.run import train as run_training

    shown = display(quiet)
    result = run_training(
        config,
        output,
        overrides or (),
        resume=resume,
        force=force,
        device=device,
        threads=threads,
        watch=shown.watch,
        progress=shown.say,
    )
    if result:
        emit(result, json, _lines)


def _lines(result: TrainResult) -> list[str]:
    from vesalius.report.page import load_report
    from vesalius.report.table import plain_text

    report = load_report(Path(result.path))
    tables = [block for section in report.sections[:1] for block in section.blocks if block.kind == "table"]
    failed = [f"failed: {failure['path']}: {failure['error']}" for failure in result.failed]
    rows = [row for table in tables for row in plain_text(table).splitlines()]
    return [*result.notes, *rows, *failed, result.report]
