"""The option `--memory`, which every verb has: it sets the memory limit of the process."""

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
        help="Memory limit: refuse scans that need more (2, 2GiB, 500MiB).",
        show_default="half of the free memory",
        callback=set_limit,
    ),
]


def with_memory(app: typer.Typer) -> None:
    """Add the option to all verbs of `app` and of its groups."""
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
    parameters = inspect.signature(verb).parameters.values()
    memory = inspect.Parameter(_NAME, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_Memory)
    taking.__annotations__ = {**hints, _NAME: _Memory}
    resolved = [item.replace(annotation=hints.get(item.name, item.annotation)) for item in parameters]
    taking.__signature__ = inspect.Signature([*resolved, memory])  # type: ignore[attr-defined]
    return taking
