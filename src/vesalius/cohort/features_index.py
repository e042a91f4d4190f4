"""The index of a feature store: which rows belong to which scan. Only scans whose lines are all there count."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.csv_table import row_cells
from vesalius.errors import InputError

COLUMNS = ("row", "case", "item", "rows", "key")


@dataclass
class Index:
    """What an index tells.

    Args:
        spans: first row and number of rows by key, in the order of the rows.
        rows: number of all rows.
        sound_bytes: length of the lines that count; what follows was left by a crash.
        file_bytes: length of the file when it was last seen.
    """

    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: int = 0
    sound_bytes: int = 0
    file_bytes: int = 0

    def add(self, key: str, count: int, line_bytes: int) -> None:
        """The next `count` rows belong to `key`; their lines were written behind the sound ones."""
        self.spans[key] = self.rows, count
        self.rows += count
        self.sound_bytes += line_bytes


def read_index(path: Path) -> Index:
    """Read `index.csv`.

    Raises:
        InputError: it cannot be read, or a line before the last scan's is not as it was written.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    lines = raw.splitlines(keepends=True)
    if not lines or lines[0] != (",".join(COLUMNS) + "\n").encode():
        raise InputError(f"does not begin with the columns {','.join(COLUMNS)}", where=path)
    index = Index(sound_bytes=len(lines[0]), file_bytes=len(raw))
    at = 1
    while at < len(lines):
        cells = _cells(lines[at])
        count = int(cells[3]) if cells else 0
        scan = lines[at : at + count]
        whole = count > 0 and len(scan) == count and scan[-1].endswith(b"\n")
        if not cells or not whole:
            if _is_last(lines[at:], count):
                break
            raise InputError("is damaged", where=f"{path}, line {at + 1}", fix="extract the features again")
        _check(path, at, scan, cells[4], index)
        index.add(cells[4], count, sum(map(len, scan)))
        at += count
    return index


def read_items(path: Path, rows: int) -> NDArray[np.int64]:
    """The items of the first `rows` rows, shape (rows,), of an index that `read_index` found sound.

    Raises:
        InputError: it cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)[1 : rows + 1]
        return np.array([int(_cells(line)[2]) for line in lines], np.int64)
    except (OSError, ValueError, IndexError) as error:
        raise InputError("cannot be read", where=path, fix="extract the features again") from error


def _check(path: Path, at: int, scan: list[bytes], key: str, index: Index) -> None:
    for n, line in enumerate(scan):
        cells = _cells(line)
        if not cells or cells[0] != str(index.rows + n) or cells[3:] != [str(len(scan)), key] or key in index.spans:
            raise InputError("is damaged", where=f"{path}, line {at + n + 1}", fix="extract the features again")


def _is_last(rest: list[bytes], count: int) -> bool:
    """Whether these lines can be what a crash left of one scan's."""
    return len(rest) == 1 or len(rest) <= count


def _cells(line: bytes) -> list[str]:
    """The cells of a line; none where it is no line of an index."""
    try:
        cells = row_cells(line.decode("utf-8", "surrogatepass"))
    except ValueError:
        return []
    return cells if len(cells) == len(COLUMNS) and cells[0].isdecimal() and cells[3].isdecimal() else []
