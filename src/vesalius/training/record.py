"""`metrics.jsonl`: one JSON object per line, cut back to the step that a resumed run starts from.

Every line has "step" (optimizer steps done), "epoch" (begun ones), "kind" ("train" or "validation") and "seconds" since
the start; a resumed run's lines equal those of an unbroken one in everything but "seconds".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vesalius.errors import CorruptFileError, OutputError
from vesalius.files import regular
from vesalius.json_values import as_json
from vesalius.output import new_file

METRICS = "metrics.jsonl"
_MEND = "remove the damaged lines, or start a new run folder"


class Record:
    """The lines of one run.

    Args:
        folder: the run folder.
        step: lines of later steps are removed (the resumed run writes them again).
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._path = folder / METRICS
        kept = [row for row in read_record(folder) if row["step"] <= step] if self._path.exists() else []
        with new_file(self._path, force=True) as part:
            part.write_text("".join(_line(row) for row in kept), encoding="utf-8")
        try:
            self._file = self._path.open("a", encoding="utf-8")
        except OSError as error:
            raise _unwritten(self._path, error) from error

    def add(self, row: dict[str, Any]) -> None:
        """Write a line; it is on disk when this returns.

        Raises:
            OutputError: the disk is full or the folder is gone.
        """
        try:
            self._file.write(_line(row))
            self._file.flush()
        except OSError as error:
            raise _unwritten(self._path, error) from error

    def close(self) -> None:
        self._file.close()


def read_record(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a run, without the unfinished last line of a killed one.

    Raises:
        CorruptFileError: cannot be read, or a line is not one that a run writes.
    """
    path = folder / METRICS
    try:
        lines = regular(path).read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise CorruptFileError(f"cannot be read ({error.strerror})", where=path, fix=_MEND) from error
    for number, line in enumerate(lines, start=1):
        yield _row(line, f"{path}: line {number}")


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CorruptFileError("is not valid JSON", where=where, fix=_MEND) from error
    if not isinstance(row, dict) or not isinstance(row.get("step"), int):
        raise CorruptFileError("is no line of a run", where=where, fix=_MEND)
    return row


def _unwritten(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot be written ({error.strerror})", where=path, fix="make room and pass --resume")


def _line(row: dict[str, Any]) -> str:
    return json.dumps(as_json(row), allow_nan=False) + "\n"
