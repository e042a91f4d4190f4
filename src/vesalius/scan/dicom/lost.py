"""Empty or overwritten files that should be instances of a series: none is skipped silently."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from vesalius.errors import InputError
from vesalius.scan.signature import head_of_file, is_dicom, signature

_T = TypeVar("_T")
SUFFIXES = (".dcm", ".dicom", ".ima")
"""Suffixes that promise DICOM."""
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_HASHES = re.compile(r"[0-9a-f-]{8,}")


class HeaderOnlyError(InputError):
    """A complete data set of a picture class, without a picture."""


class Strangers:
    """Files without a picture: not DICOM by their content, or only the header of a picture.

    Some are lost instances by their names, which end like those of DICOM files, or differ only in numbers from the name
    of an instance in the same folder.
    """

    def __init__(self) -> None:
        self._files: list[Path] = []
        self._headers: list[tuple[Path, InputError]] = []

    def read(self, path: Path, reader: Callable[[Path], _T | None]) -> _T | None:
        """Read an instance with `reader`; return None where the file is none, and remember it.

        Raises:
            InputError: the file cannot be read, or holds a damaged picture.
        """
        by_content = is_dicom(head_of_file(path))
        facts = None
        if by_content or path.name.lower().endswith(SUFFIXES):
            try:
                facts = reader(path)
            except HeaderOnlyError as error:
                self._headers.append((path, error))
                return None
        if facts is None and not by_content:
            self._files.append(path)
        return facts

    def divide(self, instances: Sequence[Path]) -> tuple[list[tuple[Path, InputError]], list[Path]]:
        """Return lost instances with the reasons, and the files that have nothing to do with DICOM.

        Headers whose names match no instance are neither: such data sets are made on purpose.
        """
        patterns = {(path.parent, _pattern(path.name)) for path in instances}
        alone = not instances and len(self._headers) + len(self._files) == 1
        lost = [(path, why) for path, why in self._headers if alone or (path.parent, _pattern(path.name)) in patterns]
        others = []
        for path in self._files:
            if path.name.lower().endswith(SUFFIXES) or (path.parent, _pattern(path.name)) in patterns:
                lost.append((path, _reason(path)))
            else:
                others.append(path)
        return lost, others


def _reason(path: Path) -> InputError:
    head = head_of_file(path)
    if not head:
        return InputError("is an empty file", where=path, fix="copy it again")
    kind = signature(head)
    if kind is not None:
        return InputError(f"is {kind.name} by its content, not DICOM", where=path, fix=kind.fix)
    return InputError(
        "holds no DICOM picture although its name says so", where=path, fix="copy it again, or move it away"
    )


def _pattern(name: str) -> str:
    name = name.lower()
    return "0" if _HASHES.fullmatch(name) else _NUMBERS.sub("0", name)
