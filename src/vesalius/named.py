"""One explicit table `name -> "package.module:Attribute"` for everything that is chosen by name. Needs no pydantic.

A table imports a module only when its name is used. Nothing is registered as a side effect of an import: a new coder,
net, transform, layout, job, builder, reader or writer is one line in one table.
"""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vesalius.errors import ConfigError, VesaliusError

_MOST_SHOWN = 15


class Table:
    """Names and the objects they stand for.

    Args:
        kind: word for one entry in messages, e.g. "transform".
        homes: name -> "package.module:Attribute".
        error: class of the error for an unknown name.
        also: further words that the user may give where the table is used, e.g. "auto"; for messages only.

    Example:
        >>> table = Table("constant", {"pi": "math:pi", "e": "math:e"})
        >>> table.get("pi")
        3.141592653589793
        >>> "tau" in table, table.names()
        (False, ('pi', 'e'))
    """

    def __init__(
        self,
        kind: str,
        homes: Mapping[str, str],
        *,
        error: type[VesaliusError] = ConfigError,
        also: Iterable[str] = (),
    ) -> None:
        self.kind, self.homes = kind, dict(homes)
        self._error, self._also = error, tuple(also)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self.homes

    def __iter__(self) -> Iterator[str]:
        return iter(self.homes)

    def __len__(self) -> int:
        return len(self.homes)

    def names(self) -> tuple[str, ...]:
        """All names, in the order of the table."""
        return tuple(self.homes)

    def get(self, name: str, where: str | Path | None = None) -> Any:
        """Import and return what a name stands for.

        A class outside the table that declares `table = THIS_TABLE` is named "module:Class"; its module must be
        imported already, so that no file makes Python import anything.

        Args:
            name: a name of the table.
            where: the place that errors name; None: the name itself.

        Raises:
            ConfigError: no such name (or the error class of this table).
        """
        if name in self.homes:
            module, _, attribute = self.homes[name].partition(":")
            return getattr(importlib.import_module(module), attribute)
        if ":" not in name:
            raise self.unknown(name, where)
        module, _, attribute = name.partition(":")
        cls = getattr(sys.modules.get(module), attribute, None)
        if not (isinstance(cls, type) and getattr(cls, "table", None) is self):
            raise self._error(f"no such {self.kind}", where=where or name, fix="import the module that holds it first")
        return cls

    def unknown(self, name: object, where: str | Path | None = None) -> VesaliusError:
        """The error for a name that the table does not hold; it gives the nearest name."""
        words = (*self.homes, *self._also)
        near = difflib.get_close_matches(str(name), words, n=1, cutoff=0)
        fix = f"did you mean {near[0]!r}?" if near else None
        if near and len(words) <= _MOST_SHOWN:
            fix = f"{fix} Choose one of {', '.join(words)}"
        return self._error(f"no such {self.kind}", where=where or str(name), fix=fix)

    def name_of(self, cls: type) -> str:
        """The name of a class; "module:Class" for one that the table does not hold."""
        home = f"{cls.__module__}:{cls.__qualname__}"
        return next((name for name, entry in self.homes.items() if entry == home), home)
