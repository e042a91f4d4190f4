"""Options of verbs, each declared once: those that many verbs share, and those that a class of options declares.

`with_options` turns the fields of a configuration or dataclass into command-line options; their help, defaults, choices
and bounds stand in the class only.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import inspect
import os
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import typer

from vesalius.errors import ConfigError, MissingExtraError, UsageError

Device = Literal["auto", "cpu", "cuda"]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, progress on stderr.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Print no progress.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output.")]
Threads = Annotated[int, typer.Option("--threads", min=1, max=1024, help="Thread count.", show_default="all cores")]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="Folder of the key for DICOM UIDs.", show_default=False),
]
Vectors = Annotated[
    Path | None, typer.Option("--cache", metavar="DIR", help="Where vectors are kept.", show_default="the user's")
]
OnDevice = Annotated[Device, typer.Option("--device", help="auto: a GPU where there is one.")]
NewFolder = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to make.", show_default=False)]
Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files or folders.", show_default=False)]


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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


def with_options(
    *, flags: Mapping[str, str] | None = None, without: Collection[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a verb: a parameter whose type is a class of options becomes one option for each field of the class.

    A class of options is a `Config`, whose fields have descriptions and bounds, or a frozen dataclass, whose fields
    have metadata (`help`, `flag`, `example`). The verb receives one object.

    Args:
        flags: field -> flag, with a metavar after a space, where it differs from `--field-name`.
        without: fields that get no option and keep their default.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        parameters: list[inspect.Parameter] = []
        groups: dict[str, list[_Field]] = {}
        classes: dict[str, Any] = {}
        for parameter in inspect.signature(verb, eval_str=True).parameters.values():
            if _is_options(parameter.annotation):
                classes[parameter.name] = parameter.annotation
                groups[parameter.name] = [
                    field for field in _fields(parameter.annotation, flags or {}) if field.name not in without
                ]
                parameters += [field.parameter() for field in groups[parameter.name]]
            else:
                parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

        @functools.wraps(verb)
        def wrapped(**given: Any) -> None:
            for name, fields in groups.items():
                given[name] = _built(classes[name], fields, {field.name: given.pop(field.name) for field in fields})
            verb(**given)

        wrapped.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return wrapped

    return decorate


@dataclasses.dataclass(frozen=True)
class _Field:
    """A field of a class of options, as an option of the command line."""

    name: str
    type: Any
    default: Any
    help: str
    word: str | None = None
    """The flag with its metavar, where it is not the name of the field."""
    least: float | None = None
    most: float | None = None
    example: str = ""

    @property
    def flag(self) -> str:
        """What is typed."""
        return self.word.split()[0] if self.word else f"--{self.name.replace('_', '-')}"

    @property
    def plain_type(self) -> Any:
        """The type without None."""
        is_union = get_origin(self.type) in (Union, types.UnionType)
        return next(kind for kind in get_args(self.type) if kind is not type(None)) if is_union else self.type

    @property
    def number(self) -> type[int] | type[float] | None:
        """The type of the numbers of a tuple, which the command line takes as "a,b"; None for other fields."""
        return get_args(self.plain_type)[0] if get_origin(self.plain_type) is tuple else None

    def parameter(self) -> inspect.Parameter:
        """The parameter of a verb."""
        metavar = self.word.partition(" ")[2] if self.word else ""
        option = typer.Option(self.flag, metavar=metavar or None, help=self.help, min=self.least, max=self.most)
        kind = str | None if self.number else self.type
        default = ",".join(map(str, self.default)) if isinstance(self.default, tuple) else self.default
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
        )


def _is_options(annotation: Any) -> bool:
    return isinstance(annotation, type) and (
        dataclasses.is_dataclass(annotation) or hasattr(annotation, "model_fields")
    )


def _fields(cls: Any, flags: Mapping[str, str]) -> Iterator[_Field]:
    """The fields of a configuration (pydantic) or a dataclass."""
    if not dataclasses.is_dataclass(cls):
        for name, info in cls.model_fields.items():
            bounds = {key: getattr(rule, key) for rule in info.metadata for key in ("ge", "le") if hasattr(rule, key)}
            yield _Field(
                name,
                info.annotation,
                info.default,
                info.description or "",
                flags.get(name),
                least=bounds.get("ge"),
                most=bounds.get("le"),
                example=next(iter(info.examples or ()), ""),
            )
        return
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        about = field.metadata
        flag = flags.get(field.name, about.get("flag"))
        yield _Field(
            field.name, hints[field.name], field.default, about.get("help", ""), flag, example=about.get("example", "")
        )


def _built(cls: Any, fields: Collection[_Field], given: Mapping[str, Any]) -> Any:
    """Return the object of options; errors name the flag, not the field."""
    values = dict(given)
    for field in fields:
        if field.number and isinstance(values[field.name], str):
            values[field.name] = numbers(values[field.name], field.number, field.flag, field.example)
    try:
        return cls.build(**values) if hasattr(cls, "build") else cls(**values)
    except ConfigError as error:
        flag = next((field.flag for field in fields if field.name == str(error.where).partition(".")[0]), error.where)
        raise ConfigError(error.what, where=flag, fix=error.fix) from error
