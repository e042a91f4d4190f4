"""What every verb takes without naming it: `--memory`, which sets the limit of the process."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import typer

from vesalius.memory import set_limit

_NAME = "memory"
_Memory = Annotated[
    str | None,
    typer.Option(
        "--memory",
        metavar="GIB",
        help="Refuse what needs more memory (2, 2GiB, 500MiB).",
        show_default="half of what is free",
        callback=set_limit,
    ),
]


def with_memory(app: typer.Typer) -> None:
    """Give the option to all verbs of `app` and of its groups."""
    for verb in app.registered_commands:
        if verb.callback is not None:
            verb.callback = _taking_memory(verb.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            with_memory(group.typer_instance)


def _taking_memory(verb: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(verb)
    def taking(**options: Any) -> Any:
        options.pop(_NAME)
        return verb(**options)

    hints = get_type_hints(verb, include_extras=True)
    known = inspect.signature(verb).parameters.values()
    own = inspect.Parameter(_NAME, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_Memory)
    taking.__annotations__ = {**hints, _NAME: _Memory}
    resolved = [one.replace(annotation=hints.get(one.name, one.annotation)) for one in known]
    taking.__signature__ = inspect.Signature([*resolved, own])  # type: ignore[attr-defined]
    return taking
