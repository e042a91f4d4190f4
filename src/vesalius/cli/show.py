"""The output of commands: one JSON object on stdout under --json, else short lines; progress goes to stderr."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

import typer

from vesalius import json_values
from vesalius.cli.display import close_display, display
from vesalius.cli.help import error_word, highlighted
from vesalius.errors import printable


def fail(message: str, as_json: bool, code: int = 2) -> int:
    """Print one line on stderr, under --json also {"error": ...} on stdout; return the exit code."""
    close_display()
    if as_json:
        typer.echo(json.dumps({"error": message}))
    typer.echo(f"{error_word()} {message}", err=True)
    return code


def emit(result: Any, as_json: bool, human: Callable[[Any], Iterable[str]]) -> None:
    """Print a result: as one JSON object, or as the lines that `human` makes of it.

    Raises:
        Exit: with 2, where the result names inputs that failed; they were printed.
    """
    close_display()
    if as_json:
        typer.echo(json.dumps(json_values.as_json(result), indent=2, allow_nan=False))
    else:
        for line in human(result):
            typer.echo(highlighted(printable(line)))
    if getattr(result, "failed", None):
        raise typer.Exit(2)


def progress(quiet: bool) -> Callable[[str], None]:
    """Return a function that shows a line of progress on stderr, or nothing under -q."""
    return display(quiet).say
