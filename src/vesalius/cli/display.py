"""The one display of progress: a bar with the time that is left on a terminal, a line now and then in a log.

Lines that count, such as "3 of 200: scan.nii" or "3 of 5 patients written", move the bar; other lines are printed above
it. Work inside one input (`vesalius.progress`) has a bar of its own below. A pipe or a file gets no bar: a command that
ends within half a minute stays quiet there but for what must be read, and a longer one counts twice a minute.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from typing import Any

import typer

from vesalius.errors import printable
from vesalius.progress import MB, show_counts

DELAY_S = 1.0
"""A command that ends sooner shows no bar."""
_PAUSE_S = 30.0
"""Least time between two counting lines in a log, and before the first."""
_COUNT = re.compile(r"(\d+) of (\d+)\b(:?) ?(.*)")
_WIDTH = 40


class Display:
    """Progress of one command, on stderr.

    Args:
        quiet: show nothing.
        bar: show a bar where stderr is a terminal, once the command has run for a second.
    """

    def __init__(self, quiet: bool, bar: bool = True) -> None:
        self._quiet = quiet
        self._said = time.monotonic()
        self._bar: Any = None
        self._whole: dict[str, Any] = {"description": "working", "total": None, "completed": 0, "count": "", "note": ""}
        self._within: dict[str, tuple[Any, float, float]] = {}
        self._lock = threading.RLock()
        self._start: threading.Timer | None = None
        is_first = os.environ.get("RANK", "0") == "0"  # of the processes of accelerate launch
        self._is_terminal = bar and not quiet and is_first and sys.stderr.isatty()
        if self._is_terminal:
            self._start = threading.Timer(DELAY_S, self._begin)
            self._start.daemon = True
            self._start.start()
            show_counts(self._count)

    def say(self, line: str) -> None:
        """Show a line of a verb."""
        if self._quiet:
            return
        match = _COUNT.match(line)
        if match is None:
            self._print(line)
            self._update(description=_short(line), total=None, completed=0, count="", note="")
        elif self._is_terminal:
            number, total, colon, rest = match.groups()
            done = int(number) - bool(colon)  # "3 of 9: name" begins the third, "3 of 9 cases read" ends it
            self._end_within()
            self._update(description=_short(rest), total=int(total), completed=done, count=f"{done}/{total}", note="")
        elif self._is_due():
            self._print(line)

    def watch(self, row: dict[str, Any], steps: int) -> None:
        """Show a row of metrics.jsonl; `steps` are those of the whole run."""
        if self._quiet:
            return
        step, note = row["step"], _numbers(row)
        self._update(description="training", total=steps, completed=step, count=f"{step}/{steps}", note=note)
        if row["kind"] == "validation":
            self._print(f"step {step} of {steps}: {note}")

    def close(self) -> None:
        """Remove the bar, for good."""
        with self._lock:
            self._quiet, self._is_terminal = True, False
            if self._start is not None:
                self._start.cancel()
                show_counts(None)
            if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def _begin(self) -> None:
        bar = _bar()
        with self._lock:
            if self._is_terminal:
                self._bar = bar
                self._task = bar.add_task(**self._whole)
                bar.start()

    def _print(self, line: str) -> None:
        with self._lock:
            if self._bar is None:
                typer.echo(printable(line), err=True)
            else:
                self._bar.console.print(printable(line), markup=False, highlight=False)

    def _update(self, **facts: Any) -> None:
        with self._lock:
            self._whole = facts
            if self._bar is not None:
                self._bar.update(self._task, **facts)

    def _is_due(self) -> bool:
        now = time.monotonic()
        is_due = now - self._said >= _PAUSE_S
        self._said = now if is_due else self._said
        return is_due

    def _count(self, done: float, total: float, unit: str) -> None:
        with self._lock:
            if self._bar is None or (unit not in self._within and done >= total):
                return
            if unit not in self._within:
                task = self._bar.add_task(unit, total=total, completed=done, count=f"{done:.0f}/{total:.0f}", note="")
                self._within[unit] = task, time.monotonic(), done
            task, began, before = self._within[unit]
            seconds = time.monotonic() - began
            speed = f"{(done - before) / seconds:.1f} MB/s" if unit == MB and seconds > 0 else ""
            self._bar.update(task, total=total, completed=done, count=f"{done:.0f}/{total:.0f}", note=speed)
            if done >= total:
                self._bar.remove_task(self._within.pop(unit)[0])

    def _end_within(self) -> None:
        with self._lock:
            for unit in list(self._within):
                self._bar.remove_task(self._within.pop(unit)[0])


_current: list[Display] = []
"""The display of the running command."""


def display(quiet: bool = False, bar: bool = True) -> Display:
    """Begin to show the progress of a command; `close_display` ends it."""
    close_display()
    _current.append(Display(quiet, bar))
    return _current[-1]


def close_display() -> None:
    """Remove the bar of the running command, before anything else is printed."""
    while _current:
        _current.pop().close()


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
    from rich.text import Text

    class Times(ProgressColumn):
        def render(self, task: Task) -> Text:
            left = None if task.time_remaining is None else f", {_clock(task.time_remaining)} left"
            return Text(_clock(task.elapsed or 0) + (left or ""), style="cyan")

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[count]}"),
        Times(),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )


def _clock(seconds: float) -> str:
    """Minutes and seconds, or hours and minutes.

    Example:
        >>> _clock(75.2), _clock(7500)
        ('1:15', '2 h 05 min')
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _short(text: str) -> str:
    text = printable(text).removeprefix(" ")
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _numbers(row: dict[str, Any]) -> str:
    hidden = ("step", "epoch", "kind", "seconds", "lr", "gradient_norm")
    shown = [(name, value) for name, value in row.items() if name not in hidden and isinstance(value, float)]
    return " ".join(f"{name} {value:.4g}" for name, value in shown[:6])
