"""What commands print: one JSON object on stdout under --json, else short lines; progress goes to stderr."""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable
from typing import Any

import typer

from vesalius.errors import printable

_PAUSE_S = 5.0
"""Least time between two counting lines that go into a pipe or a file."""
_COUNT = re.compile(r"(\d+) of (\d+)\b")


def fail(message: str, as_json: bool, code: int = 2) -> int:
    """One line on stderr (and {"error": ...} on stdout under --json); returns the exit code."""
    if as_json:
        print(json.dumps({"error": message}))  # noqa: T201
    print(f"error: {message}", file=sys.stderr)  # noqa: T201
    return code


def emit(result: dict[str, Any], as_json: bool, human: Callable[[dict[str, Any]], list[str]]) -> None:
    """Print a result, as JSON or as the lines that `human` makes of it."""
    if as_json:
        typer.echo(json.dumps(_plain(result), indent=2, allow_nan=False))
        return
    for line in human(result):
        typer.echo(printable(line))


def progress(quiet: bool) -> Callable[[str], None]:
    """A function that prints a line to stderr, or nothing under -q.

    Into a pipe or a file a line such as "3 of 200: ..." goes now and then only; the first and the last always do.
    """
    if quiet:
        return lambda line: None  # noqa: ARG005
    counted = -math.inf
    watched = sys.stderr.isatty()

    def show(line: str) -> None:
        nonlocal counted
        count = None if watched else _COUNT.match(line)
        if count is not None:
            number, whole = count.groups()
            now = time.monotonic()
            if number not in ("1", whole) and now - counted < _PAUSE_S:
                return
            counted = now
        typer.echo(printable(line), err=True)

    return show


def finish(result: dict[str, Any]) -> None:
    """Exit with 2 where some inputs failed; the failures were printed."""
    if result.get("failed"):
        raise typer.Exit(2)


def _plain(value: Any) -> Any:
    """JSON without NaN and infinities (they become null)."""
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy, which is not imported here
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
