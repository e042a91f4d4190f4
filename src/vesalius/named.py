"""Configurations of many kinds in one field: each kind has a name, an explicit table says where its class lives.

`{name: flip, axes: I}` in a file becomes an object of the class that the table of transforms calls "flip". Classes of
your own are called "module:Class" and known once their module is imported: no file makes Python import anything.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from pydantic import SerializerFunctionWrapHandler, model_serializer, model_validator

from vesalius.config import Config
from vesalius.errors import ConfigError


class Table:
    """Names and the classes they stand for.

    Args:
        package: where the modules lie, e.g. "vesalius.transforms".
        kind: what one is called in messages, e.g. "transform".
        homes: name -> "module:Class".
    """

    def __init__(self, package: str, kind: str, homes: Mapping[str, str]) -> None:
        self._package, self._kind, self._homes = package, kind, homes

    def class_named(self, name: str) -> Any:
        """The class of a name; its module is imported now. For "module:Class", of a module that is imported already.

        Raises:
            ConfigError: no such name.
        """
        if ":" in name:
            return self._own(name)
        if name not in self._homes:
            near = difflib.get_close_matches(name, self._homes, n=1, cutoff=0)
            raise ConfigError(f"no such {self._kind}", where=name, fix=f"did you mean {near[0]!r}?")
        module, cls = self._homes[name].split(":")
        return getattr(importlib.import_module(f"{self._package}.{module}"), cls)

    def _own(self, name: str) -> Any:
        module, _, cls = name.partition(":")
        found = getattr(sys.modules.get(module), cls, None)
        if not (isinstance(found, type) and issubclass(found, Named) and getattr(found, "table", None) is self):
            raise ConfigError(f"no such {self._kind}", where=name, fix="import the module that holds it first")
        return found

    def name_of(self, cls: type) -> str:
        """The name of a class; for one that the table does not hold "module:Class"."""
        inside = cls.__module__.removeprefix(f"{self._package}.")
        names = [name for name, at in self._homes.items() if at == f"{inside}:{cls.__name__}"]
        return names[0] if names and inside != cls.__module__ else f"{cls.__module__}:{cls.__qualname__}"

    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted(self._homes))

    def reader(self) -> Callable[[Any], Any]:
        """For a field's BeforeValidator: makes an object of a table with a name; anything else is returned as it is.

        It raises ConfigError where there is no such name, or for a wrong key or value.
        """

        def read(given: Any) -> Any:
            if not isinstance(given, Mapping):
                return given
            values = {str(key): value for key, value in given.items()}
            name = values.pop("name", None)
            if not isinstance(name, str):
                example = f"give one such as name: {self.names()[0]}"
                raise ConfigError("is required and missing", where=f"name of a {self._kind}", fix=example)
            cls = self.class_named(name)
            try:
                return cls.parse(values)
            except ConfigError as error:
                where = name if error.where is None else f"{name}.{error.where}"
                raise ConfigError(error.what, where=where, fix=error.fix) from error

        return read


class Named(Config):
    """Base of configurations that are told apart by name; a subclass for each kind sets `table`."""

    table: ClassVar[Table]

    @model_validator(mode="before")
    @classmethod
    def _without_name(cls, given: Any) -> Any:
        if isinstance(given, Mapping) and given.get("name") == cls.table.name_of(cls):
            return {key: value for key, value in given.items() if key != "name"}
        return given

    @model_serializer(mode="wrap")
    def _with_name(self, rest: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"name": self.table.name_of(type(self)), **rest(self)}
