"""train."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vesalius.cli.options import Force, Json, OnDevice, Quiet, Threads, needs_torch
from vesalius.cli.show import emit, progress
from vesalius.errors import UsageError
from vesalius.memory import cores

if TYPE_CHECKING:
    from vesalius.tasks.train.page import TrainResult


def train(
    config: Annotated[
        str,
        typer.Argument(metavar="CONFIG", help="File, or a name that vesalius info lists.", show_default=False),
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="[a.b=value]...", help="Keys to override.", show_default=False)
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

    with _Bar(quiet) as bar:
        result = run_training(
            config,
            output,
            overrides or (),
            resume=resume,
            force=force,
            device=device,
            threads=threads,
            watch=bar.watch,
            progress=bar.say,
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


class _Bar:
    """A progress bar on a terminal, a line for each validation elsewhere; both on stderr."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None

    def __enter__(self) -> _Bar:
        if self._quiet or not sys.stderr.isatty():
            return self
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=Console(stderr=True),
        )
        self._bar.start()
        self._task = self._bar.add_task("preparing", total=None, numbers="")
        return self

    @property
    def watch(self) -> Callable[[dict[str, Any], int], None] | None:
        """Callback of the loop that receives each metrics row."""
        if self._bar is not None:
            return self._show
        return None if self._quiet else _line

    def say(self, line: str) -> None:
        """Report the progress of work outside the loop: beside the bar on a terminal, else as a line."""
        if self._bar is not None and line.startswith("note: "):
            self._bar.console.print(line, highlight=False)
        elif self._bar is not None:
            self._bar.update(self._task, description=line)
        elif not self._quiet:
            typer.echo(line, err=True)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _show(self, row: dict[str, Any], steps: int) -> None:
        self._bar.update(self._task, description="training", completed=row["step"], total=steps, numbers=_numbers(row))
        if row["kind"] == "validation":
            self._bar.console.print(f"step {row['step']}: {_numbers(row)}")


def _line(row: dict[str, Any], steps: int) -> None:
    if row["kind"] == "validation":
        typer.echo(f"step {row['step']} of {steps}: {_numbers(row)}", err=True)


def _numbers(row: dict[str, Any]) -> str:
    hidden = ("step", "epoch", "kind", "seconds", "lr", "gradient_norm")
    shown = [(name, value) for name, value in row.items() if name not in hidden and isinstance(value, float)]
    return " ".join(f"{name} {value:.4g}" for name, value in shown[:6])
