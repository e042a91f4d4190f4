"""Options of verbs, each declared once: here those that many verbs share, others in a dataclass of options.

`with_options` turns the fields of a dataclass into command-line options; help, defaults and choices stand in the class
only. Dataclasses rather than configurations, because `--help` is fast without pydantic. `with_memory` gives all
verbs the option `--memory`.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

from vesalius.cli import complete
from vesalius.cli.display import display
from vesalius.errors import MissingExtraError, UsageError
from vesalius.memory import set_limit

Device = Literal["auto", "cpu", "gpu", "cuda"]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, progress on stderr.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print no progress.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output.")]
Threads = Annotated[
    int,
    typer.Option(
        "--threads", metavar="N", min=1, max=1024, help="Thread count.", show_default="OMP_NUM_THREADS, or all cores"
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="Folder of the key for DICOM UIDs.", show_default=False),
]
OnDevice = Annotated[
    Device, typer.Option("--device", help="auto: a GPU where there is one; gpu and cuda are the same.")
]
NewFolder = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to make.", show_default=False)]
Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders.", show_default=False)]
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


def needs_torch() -> None:
    """Raise MissingExtraError where nets cannot run; import nothing."""
    if any(importlib.util.find_spec(name) is None for name in ("torch", "accelerate", "safetensors", "monai")):
        raise MissingExtraError("this needs PyTorch", extra="nets")


_N = TypeVar("_N", int, float)


def numbers(text: str, kind: type[_N], where: str, example: str, count: int | None = None) -> tuple[_N, ...]:
    """Read comma-separated numbers.

    Raises:
        UsageError: other text, or not `count` numbers; the message names the option `where` and shows the example.

    Example:
        >>> numbers("1,1,2.5", float, "--spacing", "1,1,2.5")
        (1.0, 1.0, 2.5)
    """
    parts = text.split(",")
    try:
        if count in (None, len(parts)):
            return tuple(map(kind, parts))
    except ValueError:
        pass
    what = f"{text!r} is not {'a list of' if count is None else count} comma-separated numbers"
    raise UsageError(what, where=where, fix=f"write for instance {example}")


def with_options(*, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a verb: a parameter whose type is a dataclass becomes one option for each field of the dataclass.

    The metadata of a field hold its `help`; `flag` with a metavar, e.g. "--ratio N", where it is not the name; an
    `example` of comma-separated values, and a word for the `default` of these. The verb receives one object.

    Args:
        without: fields that get no option and keep their default.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        parameters: list[inspect.Parameter] = []
        groups: dict[str, tuple[Any, list[_Field]]] = {}
        for parameter in inspect.signature(verb, eval_str=True).parameters.values():
            cls = parameter.annotation
            if dataclasses.is_dataclass(cls):
                hints = get_type_hints(cls)
                fields = [_Field(field, hints[field.name]) for field in dataclasses.fields(cls)]
                groups[parameter.name] = cls, [field for field in fields if field.name not in without]
                parameters += [field.parameter() for field in groups[parameter.name][1]]
            else:
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

        @functools.wraps(verb)
        def wrapped(**given: Any) -> None:
            for name, (cls, fields) in groups.items():
                given[name] = cls(**{field.name: field.value(given.pop(field.name)) for field in fields})
            verb(**given)

        wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapped

    return decorate


def with_memory(app: typer.Typer) -> None:
    """Add `--memory`, the memory limit of the process, and a display to all verbs of `app` and of its groups."""
    for verb in app.registered_commands:
        if verb.callback is not None:
            verb.callback = _taking_memory(verb.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            with_memory(group.typer_instance)


def _taking_memory(verb: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(verb)
    def taking(**options: Any) -> Any:
        options.pop("memory")
        display(options.get("quiet", False))
        return verb(**options)

    hints = get_type_hints(verb, include_extras=True)
    parameters = inspect.signature(verb).parameters.values()
    memory = inspect.Parameter("memory", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_Memory)
    taking.__annotations__ = {**hints, "memory": _Memory}
    resolved = [item.replace(annotation=hints.get(item.name, item.annotation)) for item in parameters]
    taking.__signature__ = inspect.Signature([*resolved, memory])  # type: ignore[attr-defined]
    return taking


class _Field:
    """A field of a dataclass as an option of the command line; a tuple is typed as "a,b"."""

    def __init__(self, field: dataclasses.Field[Any], kind: Any) -> None:
        self.name, self._about, self._kind = field.name, field.metadata, kind
        self._default: Any = field.default
        self._flag, _, self._metavar = self._about.get("flag", f"--{self.name.replace('_', '-')}").partition(" ")
        kinds = (kind, *get_args(kind))  # of X | None, too
        listed = next((get_args(item) for item in kinds if get_origin(item) is tuple), ())
        self._listed = listed[0] if listed else None
        self._count = None if ... in listed else len(listed)

    def parameter(self) -> inspect.Parameter:
        option = typer.Option(
            self._flag,
            metavar=self._metavar or None,
            help=self._about.get("help"),
            autocompletion=getattr(complete, self._about.get("complete", ""), None),
        )
        kind, default = self._kind, self._default
        if self._listed:
            kind, default = str | None, ",".join(map(str, default)) if default else None
        kind = Annotated[kind, option]
        return inspect.Parameter(self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)

    def value(self, typed: Any) -> Any:
        """The value of the field, from what the command line gives."""
        if self._listed is None or typed is None:
            return typed
        if typed == self._about.get("default"):
            return self._default
        if self._listed is str:
            return tuple(typed.split(","))
        return numbers(typed, self._listed, self._flag, self._about.get("example", "1,2"), self._count)
