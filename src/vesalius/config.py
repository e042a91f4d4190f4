"""Strict configurations: YAML or JSON on disk, `a.b=value` overrides, no evaluation, no interpolation.

A wrong key is one line: the dotted key, what was given, the nearest valid key.
"""

from __future__ import annotations

import copy
import difflib
import re
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from vesalius.errors import ConfigError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.named import Table

_C = TypeVar("_C", bound="Config")
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxtuple, _SHORT.maxdict = 3, 8, 8, 8
_MOST_VALUES = 100_000
_TEXT_COPIES = 100
"""Memory of the tree of a text, as a multiple of the text."""


if TYPE_CHECKING:
    from pydantic._internal._model_construction import ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


class _OneLine(ModelMetaclass):
    """Makes wrong values given to a constructor an error of one line, as `parse` does."""

    def __call__(self, *given: Any, **values: Any) -> Any:
        if given:
            raise ConfigError("takes named values only", where=self.__name__, fix=f"write {self.__name__}(name=value)")
        try:
            return super().__call__(**values)
        except ValidationError as error:
            raise _one_line(cast("type[BaseModel]", self), error, None) from error


class Config(BaseModel, metaclass=_OneLine):
    """Base of all configurations: unknown keys are refused, values do not change after loading.

    Example:
        >>> class Noise(Config):
        ...     sigma: float = 0.1
        >>> Noise.build(sigma=0.2)
        Noise(sigma=0.2)
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @classmethod
    def build(cls: type[_C], **values: Any) -> _C:
        """Make a configuration of keyword arguments. Raises ConfigError in one line."""
        return cls.parse(values)

    @classmethod
    def parse(cls: type[_C], raw: dict[str, Any], where: str | Path | None = None) -> _C:
        """Make a configuration of a table of keys; errors name the file `where`.

        Raises:
            ConfigError: a wrong key or value, in one line.
        """
        try:
            return cls.model_validate(raw)
        except ValidationError as error:
            raise _one_line(cls, error, where) from error


class Named(Config):
    """Base of configurations that are chosen by name; the base class of each kind sets `table`.

    `{name: flip, axes: I}` in a file becomes an object of the class that the table of transforms calls "flip".
    """

    table: ClassVar[Table]

    @classmethod
    def read(cls, given: Any) -> Any:
        """Make an object of a mapping with a name; return anything else as it is. For a field's BeforeValidator.

        Raises:
            ConfigError: no such name, or a wrong key or value.
        """
        if not isinstance(given, Mapping):
            return given
        values = {str(key): value for key, value in given.items()}
        name = values.pop("name", None)
        if not isinstance(name, str):
            example = f"give one such as name: {cls.table.names()[0]}"
            raise ConfigError("is required and missing", where=f"name of a {cls.table.kind}", fix=example)
        named = cls.table.get(name)
        try:
            return named.parse(values)
        except ConfigError as error:
            where = name if error.where is None else f"{name}.{error.where}"
            raise ConfigError(error.what, where=where, fix=error.fix) from error

    @model_validator(mode="before")
    @classmethod
    def _without_name(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("name") == cls.table.name_of(cls):
            return {key: value for key, value in given.items() if key != "name"}
        return given

    @model_serializer(mode="wrap")
    def _with_name(self, rest: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"name": self.table.name_of(type(self)), **rest(self)}


def load_config(cls: type[_C], path: Path, overrides: Sequence[str] = (), *, where: str | Path | None = None) -> _C:
    """Read a configuration file and apply overrides such as "optimizer.lr=0.001".

    Args:
        cls: the Config class to read.
        path: a YAML file, or JSON with // or # comments.
        overrides: "dotted.key=value", the value in YAML.
        where: the file as error messages name it; None: its path.

    Raises:
        ConfigError: unreadable file, wrong key, wrong value, or an override without "=".
    """
    return from_overrides(cls, overrides, read_table(path), where=path if where is None else where)


def read_table(path: Path) -> dict[str, Any]:
    """Read the keys of a configuration file without checking them.

    Raises:
        ConfigError: unreadable file, or not a table of keys.
    """
    try:
        check_memory(_TEXT_COPIES * path.stat().st_size, path)
        text = regular(path).read_text(encoding="utf-8")
        raw = yaml.safe_load(_without_comments(text) if path.suffix == ".json" else text)
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", where=path) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"is not valid YAML or JSON{line}", where=path) from error
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise ConfigError("is not a table of keys", where=path)
    _check_size(raw, path)
    return raw


def _check_size(raw: Any, path: Path) -> None:
    """Raise ConfigError for a huge table: with aliases of aliases, a few lines stand for millions of values."""
    left, values = _MOST_VALUES, [raw]
    while values:
        value = values.pop()
        left -= 1
        if left < 0:
            raise ConfigError(f"stands for more than {_MOST_VALUES} values", where=path, fix="write fewer aliases (*)")
        values.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())


def from_overrides(
    cls: type[_C], overrides: Sequence[str], raw: dict[str, Any] | None = None, where: str | Path | None = None
) -> _C:
    """Make a configuration of the table `raw` and words such as "noise=0.05", which win; the table stays as it is.

    Raises:
        ConfigError: wrong key, wrong value, or a word without "=".
    """
    return cls.parse(overridden({} if raw is None else raw, overrides), where=where)


def overridden(raw: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Return a copy of a table of keys with the words "a.b=value" put in.

    Raises:
        ConfigError: a word without "=", a value that is not YAML, or a key below a value.

    Example:
        >>> overridden({"train": {"seed": 1}}, ["train.epochs=5"])
        {'train': {'seed': 1, 'epochs': 5}}
    """
    raw = copy.deepcopy(raw)
    for override in overrides:
        _override(raw, override)
    return raw


def misspelt(key: Sequence[int | str], valid: Iterable[str], where: str | Path | None = None) -> ConfigError:
    """Return the error for a key that does not exist; it names the nearest of the `valid` ones at its place."""
    place = ".".join(map(str, key))
    near = difflib.get_close_matches(str(key[-1]), list(valid), n=1, cutoff=0)
    fix = f"did you mean {near[0]!r}?" if near else None
    return ConfigError("no such key", where=f"{where}: {place}" if where else place, fix=fix)


def _without_comments(text: str) -> str:
    """Turn JSON into YAML: remove // and # comments and tabs outside strings."""
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|#[^\n]*|\t', lambda match: match.group(1) or " ", text)


def _override(raw: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise ConfigError("is not of the form key=value", where=override)
    *path, last = key.split(".")
    for part in path:
        raw = raw.setdefault(part, {})
        if not isinstance(raw, dict):
            raise ConfigError(f"{part!r} is a value, not a table", where=key)
    try:
        raw[last] = yaml.safe_load(value)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"value {_short(value)} is not valid YAML", where=key) from error


def _one_line(cls: type[BaseModel], error: ValidationError, where: str | Path | None) -> ConfigError:
    errors = error.errors()
    unknown = (item for item in errors if item["type"] == "extra_forbidden")  # before the key that is then missing
    first = next(unknown, errors[0])
    key = ".".join(str(part) for part in first["loc"]) or "configuration"
    place = f"{where}: {key}" if where else key
    if first["type"] == "extra_forbidden":
        return misspelt(first["loc"], _keys_at(cls, first["loc"][:-1]), where)
    if first["type"] == "missing":
        return ConfigError("is required and missing", where=place)
    is_ours = first["type"] == "value_error"  # raised by a validator of the house
    reason = str(first["ctx"]["error"]) if is_ours else first["msg"].lower()
    if is_ours and isinstance(first["input"], dict | BaseModel):  # keys that do not fit each other
        return ConfigError(reason, where=place)
    return ConfigError(f"{_short(first['input'])} was given: {reason}", where=place)


def _short(value: Any) -> str:
    shown = repr(value) if isinstance(value, str | int | float) else _SHORT.repr(value)
    return shown if len(shown) <= 80 else f"{shown[:76]} ..."


def _keys_at(cls: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Return the valid keys of the (nested) configuration at `path`."""
    for part in path:
        field = cls.model_fields.get(str(part))
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        cls = inner
    return list(cls.model_fields)
