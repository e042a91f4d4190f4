"""How many attributes of a DICOM stack are kept, counted on the headers themselves.

Counted are the attributes of the data sets that have a value, each once for a stack; not the pixels, group lengths and
padding. An attribute is kept where every instance that has it keeps its value.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset

from vesalius.scan.native import Kept

_FIRST_PIXEL_TAG, _LAST_PIXEL_TAG, _TRAILING_PADDING = 0x7FE00000, 0x7FE0FFFF, 0xFFFCFFFC


def is_counted(tag: int) -> bool:
    """False for pixels, which are stored as pixels, group lengths and padding."""
    return not (_FIRST_PIXEL_TAG <= tag <= _LAST_PIXEL_TAG or tag == _TRAILING_PADDING or tag & 0xFFFF == 0)


class Attributes:
    """Compares headers as they were read with what is stored of them, instance by instance."""

    def __init__(self) -> None:
        self._every: set[int] = set()
        self._changed: set[int] = set()
        self._left_out: set[int] = set()

    def add(self, source: Dataset, stored: Dataset) -> None:
        """Compare one instance."""
        for tag in _with_value(source):
            self._every.add(tag)
            if tag in stored and stored.get_item(tag) is source.get_item(tag):
                continue
            if tag not in stored or _is_empty(stored.get_item(tag)):
                self._left_out.add(tag)
            elif _value(source, tag) != _value(stored, tag):
                self._changed.add(tag)

    def count(self) -> Kept:
        """The counts over all instances."""
        changed = self._changed - self._left_out
        kept = len(self._every) - len(changed) - len(self._left_out)
        cure = "--keep-identifiers keeps all" if self._left_out else ""
        return Kept("attributes", kept, len(changed), len(self._left_out), cure=cure)


def as_read(data: Dataset) -> Dataset:
    """A copy that stays as it is while `data` is changed; values that are not parsed yet are shared."""
    shadow = Dataset({tag: _apart(data.get_item(tag)) for tag in data.keys()})  # noqa: SIM118
    shadow.set_original_encoding(*data.original_encoding, data.original_character_set)
    return shadow


def _apart(element: Any) -> Any:
    return element if isinstance(element, tuple) else copy.copy(element)


def _with_value(data: Dataset) -> Iterator[int]:
    return (tag for tag in map(int, data.keys()) if is_counted(tag) and not _is_empty(data.get_item(tag)))


def _is_empty(element: Any) -> bool:
    found = element.value
    return found is None or (isinstance(found, bytes) and not found.strip(b"\0 ")) or found == ""


def _value(data: Dataset, tag: int) -> Any:
    """The parsed value; what cannot be parsed is compared as it stands in the file."""
    try:
        return data[tag].value
    except Exception:  # a damaged value raises nearly anything
        return data.get_item(tag).value
