"""`metrics.jsonl`: one JSON object per line, cut back to the step that a resumed run starts from.

Every line has "step" (optimizer steps done), "epoch" (begun ones), "kind" ("train" or "validation") and "seconds" since
the start; a resumed run's lines equal those of an unbroken one in everything but "seconds".
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vesalius.errors import OutputError
from vesalius.output import new_file

METRICS = "metrics.jsonl"


class Record:
    """The lines of one run.

    Args:
        folder: of the run.
        step: lines of later steps are taken out (they are written again).
    """

    def __init__(self, folder: Path, step: int = 0) -> None:
        self._path = folder / METRICS
        kept = [row for row in read_record(folder) if row["step"] <= step] if self._path.exists() else []
        with new_file(self._path, force=True) as part:
            part.write_text("".join(_line(row) for row in kept), encoding="utf-8")
        self._file = self._path.open("a", encoding="utf-8")

    def add(self, row: dict[str, Any]) -> None:
        """Write a line; it is on disk when this returns.

        Raises:
            OutputError: the disk is full or the folder is gone.
        """
        try:
            self._file.write(_line(row))
            self._file.flush()
        except OSError as error:
            raise OutputError(
                f"cannot be written ({error.strerror})", where=self._path, fix="make room and pass --resume"
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_record(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a run; an unfinished last line of a killed run is left out."""
    for line in (folder / METRICS).read_text(encoding="utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            yield json.loads(line)


def _line(row: dict[str, Any]) -> str:
    return json.dumps({key: _finite(value) for key, value in row.items()}, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
