"""The one display of progress: a bar with the time that is left on a terminal, a line now and then in a log.

Lines that count, such as "3 of 200: scan.nii" or "3 of 5 patients written", move the bar; other lines are printed above
it. Work inside one input (`vesalius.progress`) has a bar of its own below. A pipe or a file gets no bar: a command that
ends within half a minute stays quiet there but for what must be read, and a longer one counts twice a minute.
"""

from __future__ import annotations

import re
import sys
import time
from typing import Any

import typer

from vesalius.errors import printable
from vesalius.progress import show_counts

_PAUSE_S = 30.0
"""Least time between two counting lines in a log, and before the first."""
_COUNT = re.compile(r"(\d+) of (\d+)\b(:?) ?(.*)")
_MB = "MB"
_WIDTH = 40


class Display:
    """Progress of one command, on stderr.

    Args:
        quiet: show nothing.
    """

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._said = time.monotonic()
        self._bar: Any = None
        self._within: Any = None
        if not quiet and sys.stderr.isatty():
            self._bar = _bar()
            self._bar.start()
            self._whole = self._bar.add_task("starting", total=None, count="", note="")
            show_counts(self._count)

    def say(self, line: str) -> None:
        """Show a line of a verb."""
        if self._quiet:
            return
        match = _COUNT.match(line)
        if self._bar is None:
            if match is None or self._is_due():
                typer.echo(printable(line), err=True)
            return
        if match is None:
            self._bar.console.print(printable(line), markup=False, highlight=False)
            self._bar.update(self._whole, description=_short(line), total=None, count="", note="")
            return
        number, total, colon, rest = match.groups()
        self._end_within()
        done = int(number) - bool(colon)  # "3 of 9: name" begins the third, "3 of 9 cases read" ends it
        self._bar.update(
            self._whole, description=_short(rest), completed=done, total=int(total), count=f"{done}/{total}", note=""
        )

    def watch(self, row: dict[str, Any], steps: int) -> None:
        """Show a row of metrics.jsonl; `steps` are those of the whole run."""
        if self._quiet:
            return
        numbers, is_validation = _numbers(row), row["kind"] == "validation"
        line = f"step {row['step']} of {steps}: {numbers}"
        if self._bar is None:
            if is_validation:
                typer.echo(line, err=True)
            return
        done = row["step"]
        count = f"{done}/{steps}"
        self._bar.update(self._whole, description="training", completed=done, total=steps, count=count, note=numbers)
        if is_validation:
            self._bar.console.print(line, markup=False, highlight=False)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            show_counts(None)
            self._bar.stop()
            self._bar = None
            self._quiet = True

    def _is_due(self) -> bool:
        now = time.monotonic()
        is_due = now - self._said >= _PAUSE_S
        self._said = now if is_due else self._said
        return is_due

    def _count(self, done: float, total: float, unit: str) -> None:
        if self._bar is None:
            return
        if self._within is None:
            self._within, self._began = self._bar.add_task(unit, total=total, count="", note=""), time.monotonic()
        seconds = time.monotonic() - self._began
        speed = f"{done / seconds:.1f} MB/s" if unit == _MB and seconds > 0 else ""
        shown = f"{done:.0f}/{total:.0f}"
        self._bar.update(self._within, description=unit, completed=done, total=total, count=shown, note=speed)
        if done >= total:
            self._end_within()

    def _end_within(self) -> None:
        if self._within is not None:
            self._bar.remove_task(self._within)
            self._within = None


_current: list[Display] = []
"""The display of the running command."""


def display(quiet: bool) -> Display:
    """Begin to show the progress of a command; `close_display` ends it."""
    close_display()
    _current.append(Display(quiet))
    return _current[-1]


def close_display() -> None:
    """Remove the bar of the running command, before anything else is printed."""
    while _current:
        _current.pop().close()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _numbers(row: dict[str, Any]) -> str:
    hidden = ("step", "epoch", "kind", "seconds", "lr", "gradient_norm")
    shown = [(name, value) for name, value in row.items() if name not in hidden and isinstance(value, float)]
    return " ".join(f"{name} {value:.4g}" for name, value in shown[:6])
