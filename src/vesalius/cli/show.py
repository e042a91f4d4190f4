"""The output of commands: one JSON object on stdout under --json, else short lines; progress goes to stderr."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

import typer

from vesalius import json_values
from vesalius.errors import printable

_PAUSE_S = 5.0
"""Least time between two counting lines that go into a pipe or a file."""
_COUNT = re.compile(r"(\d+) of (\d+)\b")


def fail(message: str, as_json: bool, code: int = 2) -> int:
    """Print one line on stderr, under --json also {"error": ...} on stdout; return the exit code."""
    if as_json:
        print(json.dumps({"error": message}))  # noqa: T201
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    return code


def emit(result: Any, as_json: bool, human: Callable[[Any], Iterable[str]]) -> None:
    """Print a result: as one JSON object, or as the lines that `human` makes of it.

    Raises:
        Exit: with 2, where the result names inputs that failed; they were printed.
    """
    if as_json:
        typer.echo(json.dumps(json_values.as_json(result), indent=2, allow_nan=False))
    else:
        for line in human(result):
            typer.echo(printable(line))
    if getattr(result, "failed", None):
        raise typer.Exit(2)


def progress(quiet: bool) -> Callable[[str], None]:
    """Return a function that prints a line to stderr, or nothing under -q.

    A pipe or a file receives a counting line such as "3 of 200: ..." every few seconds; the first and last always.
    """
    if quiet:
        return lambda line: None  # noqa: ARG005
    counted = -math.inf
    watched = sys.stderr.isatty()

    def show(line: str) -> None:
        nonlocal counted
        count = None if watched else _COUNT.match(line)
        if count is not None:
            number, total = count.groups()
            now = time.monotonic()
            if number not in ("1", total) and now - counted < _PAUSE_S:
                return
            counted = now
        typer.echo(printable(line), err=True)

    return show
