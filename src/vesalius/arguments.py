"""Arguments of the public functions: paths of several kinds, and wrong types as errors of one line.

A verb is called from notebooks, where a list is passed for a path, a number for a text, or the name of an option that
belongs elsewhere. `checked` compares the arguments with the annotations of the function before anything is read, so
the message names the argument and what it takes. `path_list` makes a list of what a `Paths` may be.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import numbers
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, Union

from vesalius.errors import UsageError

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")

PathLike = str | os.PathLike[str]
"""One path."""
Paths = PathLike | Iterable[PathLike]
"""One path, or any number of them: a list, a tuple, what `Path.glob` gives."""

_WORDS: dict[Any, str] = {
    str: "a text",
    bool: "True or False",
    int: "a whole number",
    float: "a number",
    type(None): "None",
    slice: "a slice",
    os.PathLike: "a path",
    Path: "a path",
}
_PLAIN = (bool, int, float, complex, type(None))
"""Types whose value is shown in a message; of a text only the kind is, since it may be a name."""
_MOST_CHOICES = 12
_OURS = __name__.partition(".")[0]


def path_list(paths: Paths) -> list[Path]:
    """Return one path or several as a list.

    Raises:
        UsageError: something is not a path.

    Example:
        >>> path_list("scan.nii"), path_list(["a.nii", Path("b.nii")])
        ([PosixPath('scan.nii')], [PosixPath('a.nii'), PosixPath('b.nii')])
    """
    if isinstance(paths, str | os.PathLike):
        return [Path(paths)]
    given = list(paths)
    for path in given:
        if not isinstance(path, str | os.PathLike):
            raise UsageError(f"{_given(path)} is not a path", where="paths", fix="pass a list of paths")
    return [Path(path) for path in given]


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a public function or constructor: arguments that its annotations exclude are a UsageError.

    Annotations of names that exist for type checkers only, of protocols and of arrays are not checked: the function
    does. For one of our classes an object of the caller's own class is taken. A bool is no number, an int is a float.
    Where the annotation names only a Path or only a text, either is taken and becomes what it names; so do a list for a
    tuple, and a number of NumPy.

    Example:
        >>> @checked
        ... def shrink(path: PathLike, times: int = 2) -> int:
        ...     return times
        >>> shrink("scan.nii", times="4")
        Traceback (most recent call last):
        vesalius.errors.UsageError: shrink(times=...): takes a whole number, not a text
    """
    signature = inspect.signature(function)
    name = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def called(*given: _P.args, **named: _P.kwargs) -> _R:
        try:
            bound = signature.bind(*given, **named)
        except TypeError as error:
            raise _misfit(name, function, signature, named, str(error)) from None
        for key, value in bound.arguments.items():
            if signature.parameters[key].kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                continue
            hint = _hint(function, key)
            if not _fits(value, hint):
                what = f"takes {_described(hint)}, not {_given(value)}"
                raise UsageError(what, where=f"{name}({key}=...)", fix=_instead(value, hint))
            bound.arguments[key] = _as_named(value, _parts(hint))
        return function(*bound.args, **bound.kwargs)

    return called


def checked_fields(cls: type[_T]) -> type[_T]:
    """Decorate a dataclass of options, or another class whose fields users set: its constructor is `checked`."""
    cls.__init__ = checked(cls.__init__)  # type: ignore[method-assign]
    return cls


@functools.cache
def _hint(function: Callable[..., Any], key: str) -> Any:
    """Return the type of a parameter; Any where its annotation cannot be resolved at run time."""
    annotation = getattr(function, "__annotations__", {}).get(key, Any)
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, getattr(inspect.unwrap(function), "__globals__", {}))  # text of our own source
    except (NameError, AttributeError):
        return Any


def _parts(hint: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union, or the type itself."""
    return typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)


def _as_named(value: Any, parts: tuple[Any, ...]) -> Any:
    """Return a fitting value as the type that its annotation names."""
    if isinstance(value, str) and Path in parts and str not in parts:
        return Path(value)
    if isinstance(value, os.PathLike) and str in parts and not any(map(_is_path, parts)):
        return str(value)
    if isinstance(value, list) and any(typing.get_origin(part) is tuple for part in parts):
        return tuple(value)
    if isinstance(value, numbers.Number) and not isinstance(value, bool | int | float | complex):
        return value.item() if hasattr(value, "item") else value
    return value


def _fits(value: Any, hint: Any) -> bool:
    return any(_fits_one(value, part) for part in _parts(hint))


def _fits_one(value: Any, hint: Any) -> bool:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if hint is None or hint is type(None):
        return value is None
    if hint in (int, float):
        kind = numbers.Integral if hint is int else numbers.Real
        return isinstance(value, kind) and not isinstance(value, bool)
    if hint is bool:
        return isinstance(value, bool) or type(value).__name__ == "bool"  # NumPy's too
    if origin is Literal:
        return value in inner
    if hint in (Path, str):
        return isinstance(value, str | os.PathLike)
    if origin is not None:
        return _fits_generic(value, origin, inner)
    if not isinstance(hint, type) or getattr(hint, "_is_protocol", False):
        return True
    return isinstance(value, hint) or (hint.__module__.startswith(_OURS) and _is_foreign(value))


def _is_foreign(value: Any) -> bool:
    """True for an object of a class that the caller wrote, which may do what one of ours does."""
    return type(value).__module__.partition(".")[0] not in ("builtins", "numpy", "pathlib", _OURS)


def _fits_generic(value: Any, origin: Any, inner: tuple[Any, ...]) -> bool:
    if origin is tuple:
        if not isinstance(value, tuple | list):
            return False
        if inner[-1:] == (Ellipsis,):
            return all(_fits(item, inner[0]) for item in value)
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if origin in (Sequence, Iterable):
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, origin):
            return False
        return not isinstance(value, Sequence) or all(_fits(item, inner[0]) for item in value)
    if origin is Callable:
        return callable(value)
    if not isinstance(origin, type) or origin.__module__.startswith("numpy"):
        return True
    return isinstance(value, origin)


def _described(hint: Any) -> str:
    """Return a type in words: "a path, or a list of paths"."""
    parts = [part for part in _parts(hint) if part is not type(None)]
    if str in parts and any(map(_is_path, parts)):
        parts = [os.PathLike, *(part for part in parts if part is not str and not _is_path(part))]
    return " or ".join(dict.fromkeys(map(_words, parts)))


def _is_path(hint: Any) -> bool:
    return hint is Path or typing.get_origin(hint) is os.PathLike


def _origin(hint: Any) -> Any:
    return typing.get_origin(hint) or hint


def _words(hint: Any) -> str:
    origin, inner = _origin(hint), typing.get_args(hint)
    if origin in _WORDS:
        return _WORDS[origin]
    if origin is Literal:
        return f"one of {', '.join(map(repr, inner[:_MOST_CHOICES]))}"
    if origin in (Sequence, Iterable):
        return f"a list of {_plural(_described(inner[0]))}"
    if origin is tuple:
        count = "a tuple of " if inner[-1:] == (Ellipsis,) else f"{len(inner)} "
        return f"{count}{_plural(_described(inner[0]))}"
    if origin is Mapping or origin is dict:
        return "a dict"
    if origin is Callable:
        return "a function"
    return _with_article(getattr(origin, "__name__", str(origin)))


def _with_article(noun: str) -> str:
    return f"{'an' if noun[:1] in 'AEIOaeio' else 'a'} {noun}"


def _plural(words: str) -> str:
    return f"{words.removeprefix('a ')}s" if words.startswith("a ") else words


def _given(value: Any) -> str:
    """Return what was passed, in words; texts only by their kind."""
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, str | os.PathLike):
        return "a path" if isinstance(value, os.PathLike) else "a text"
    if isinstance(value, list | tuple) and value:
        odd = next((item for item in value if not isinstance(item, str | os.PathLike)), value[0])
        return f"a {type(value).__name__} with {_given(odd)}"
    return _with_article(type(value).__name__)


def _instead(value: Any, hint: Any) -> str | None:
    """Return what to pass, where that can be said."""
    for part in _parts(hint):
        if isinstance(value, str) and typing.get_origin(part) in (Sequence, tuple):
            return "pass a list: ['...']"
        if isinstance(value, Mapping) and isinstance(part, type) and dataclasses.is_dataclass(part):
            return f"pass {part.__name__}({', '.join(f'{key}=...' for key in list(value)[:3])})"
        if part is slice and isinstance(value, numbers.Integral):
            return f"pass slice({value}, {int(value) + 1})"
        if typing.get_origin(part) is Literal and isinstance(value, str):
            near = difflib.get_close_matches(value, list(map(str, typing.get_args(part))), 1)
            return f"did you mean {near[0]!r}?" if near else None
    return None


def _misfit(
    name: str, function: Callable[..., Any], signature: inspect.Signature, named: Mapping[str, Any], problem: str
) -> UsageError:
    """Return the error for arguments that a signature does not take: too many, too few, or of another name."""
    known = [key for key in signature.parameters if key != "self"]
    call = f"{name}({', '.join(_shown(signature.parameters[key]) for key in known)})"
    unknown = [key for key in named if key not in signature.parameters]
    if not unknown:
        return UsageError(problem.replace("'", "`"), where=f"{name}()", fix=f"call {call}")
    for key in known:
        for part in _parts(_hint(function, key)):
            if not (isinstance(part, type) and dataclasses.is_dataclass(part)):
                continue
            if unknown[0] in {field.name for field in dataclasses.fields(part)}:
                options = f"{key}=vesalius.{part.__name__}({unknown[0]}=...)"
                return UsageError("is an option", where=f"{name}({unknown[0]}=...)", fix=f"pass {options}")
    near = difflib.get_close_matches(unknown[0], known, n=1)
    fix = f"did you mean {near[0]}?" if near else f"call {call}"
    return UsageError("no such argument", where=f"{name}({unknown[0]}=...)", fix=fix)


def _shown(parameter: inspect.Parameter) -> str:
    return parameter.name if parameter.default is parameter.empty else f"{parameter.name}=..."
