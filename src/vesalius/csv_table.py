"""Tables of text (CSV): reading tables of any origin, writing our own.

Read: cells between commas, semicolons or tabs, whichever divides the header into most columns; UTF-8 or, as
spreadsheets save "Unicode text", UTF-16 with a byte order mark; any line ends, gzipped (.csv.gz) or not; lines without
content are skipped.
Written: commas, UTF-8, numbers that read back to the same float64. Text that a spreadsheet would run as a formula
gets an apostrophe in front (a number does not), and reading takes it off again.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory, limit_bytes

Cell = str | int | float | None
_ROW_COPIES = 20
"""Memory of the cells of a table, as a multiple of the file size."""
_SEPARATORS = (",", ";", "\t")
_STATED = re.compile(r"sep=([,;\t])\s*", re.IGNORECASE)
"""First line that some spreadsheets write before the header."""
_RISKY = re.compile(r"'*[=+\-@\t\r\n]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[-+]?(0,\d+|\d+,(\d{1,2}|\d{4,}))", re.ASCII)
"""A comma that cannot divide thousands."""


@dataclass(frozen=True)
class TextTable:
    """A table with a header.

    Args:
        path: the file.
        columns: names without blanks around them, in the order of the file.
        lines: number in the file and cells of each line with content.
    """

    path: Path
    columns: tuple[str, ...]
    lines: tuple[tuple[int, list[str]], ...]

    def rows(self) -> list[dict[str, str]]:
        """Return column -> cell of each line, without blanks around the cells.

        Raises:
            InputError: a column stands there twice, or a line has more cells than there are columns.
        """
        self.check_columns()
        rows = []
        for number, cells in self.filled():
            if len(cells) > len(self.columns):
                what = f"line {number} has more cells than the table has columns"
                raise InputError(what, where=self.path, fix="put cells that hold the separator in quotes")
            rows.append(dict(zip(self.columns, map(str.strip, cells), strict=True)))
        return rows

    def filled(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the lines filled up to the number of columns; surplus cells stay only where they have content."""
        width = len(self.columns)
        for number, cells in self.lines:
            more = cells[width:] if any(cells[width:]) else []
            yield number, [*cells[:width], *[""] * (width - len(cells)), *more]

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the lines in the file."""
        return tuple(number for number, _ in self.lines)

    def check_columns(self) -> None:
        """Raise InputError where two columns have the same name, upper and lower case alike."""
        for name, count in Counter(name.lower() for name in self.columns).items():
            if count > 1 and name:
                raise InputError(f"has the column {name} {count} times", where=self.path, fix="leave one of them")


def read_text_table(path: Path, *, keep_blank: bool = False) -> TextTable:
    """Read a table.

    Args:
        path: the file.
        keep_blank: keep lines without content (in a table of one column an empty cell is a value).

    Raises:
        InputError: it cannot be read, or has no header.
    """
    with _reading(path) as lines:
        columns = tuple(name.strip() for name in _cells(next(lines, (0, []))[1]))
        read = ((number, _cells(line)) for number, line in lines)
        kept = [(number, cells) for number, cells in read if keep_blank or any(cell.strip() for cell in cells)]
    if not any(columns):
        raise InputError("is an empty table", where=path)
    table = TextTable(path, columns, tuple(kept))
    _check_divided(table)
    return table


def header(path: Path) -> tuple[str, ...]:
    """Return the columns of a table; an empty tuple where it cannot be read."""
    try:
        with _reading(path) as lines:
            return tuple(name.strip() for name in _cells(next(lines, (0, []))[1]))
    except InputError:
        return ()


def number_in(cell: str) -> float:
    """Return the number in a cell, with a decimal point or an unambiguous decimal comma.

    Raises:
        ValueError: not a number, or the comma may divide thousands.

    Example:
        >>> number_in("0,5"), number_in("1.5e3")
        (0.5, 1500.0)
    """
    return float(cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell.strip()) else cell)


def write_rows(file: TextIO, rows: Iterable[Sequence[Cell]]) -> None:
    """Write rows, the header included; None is an empty cell."""
    for row in rows:
        file.write(row_text(row))


def row_text(row: Sequence[Cell]) -> str:
    """Return one line with its end.

    Example:
        >>> row_text(["a, b", -1.5, "=1+1", None]).strip().split(",")
        ['"a', ' b"', '-1.5', "'=1+1", '']
    """
    cells = [_quoted(_shown(value)) for value in row]
    return (",".join(cells) if cells != [""] else '""') + "\n"


def row_cells(line: str) -> list[str]:
    """Return the cells of one line that `row_text` wrote.

    Raises:
        ValueError: another kind of line.
    """
    try:
        (cells,) = csv.reader([line], strict=True)
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return _cells(cells)


def _shown(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if _RISKY.match(value) and not _NUMBER.fullmatch(value) else value
    return repr(float(value)) if isinstance(value, float) else str(value)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in ',"\r\n') else cell


def _cells(line: Sequence[str]) -> list[str]:
    """Return the cells without the apostrophe that guards a formula."""
    return [cell[1:] if _GUARDED.match(cell) else cell for cell in line]


@contextmanager
def _reading(path: Path) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Yield the lines of a table with their numbers, the header first."""
    try:
        with _opened(path) as file:
            yield _lines(file)
    except UnicodeError as error:
        what = "cannot be read as a table (it is not UTF-8 text)"
        raise InputError(what, where=path, fix='save it again as "CSV UTF-8"') from error
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot be read as a table ({reason})", where=path) from error


def _opened(path: Path) -> TextIO:
    if path.name.lower().endswith(".gz"):
        with gzip.open(regular(path)) as packed:
            data = packed.read(limit_bytes() // _ROW_COPIES + 1)
        check_memory(_ROW_COPIES * len(data), path)
        return io.TextIOWrapper(io.BytesIO(data), encoding=_encoding(data[:2]), newline="")
    check_memory(_ROW_COPIES * path.stat().st_size, path)
    with regular(path).open("rb") as file:
        encoding = _encoding(file.read(2))
    return regular(path).open(encoding=encoding, newline="")


def _encoding(head: bytes) -> str:
    return "utf-16" if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _lines(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    first = file.readline()
    stated, skipped = _STATED.fullmatch(first), 0
    if stated:
        first, skipped = file.readline(), 1
    mark = stated[1] if stated else max(_SEPARATORS, key=lambda mark: _count(first, mark))
    reader = csv.reader(_put_back(first, file), delimiter=mark, strict=True)
    for line in reader:
        yield reader.line_num + skipped, line


def _put_back(first: str, file: TextIO) -> Iterator[str]:
    yield first
    yield from file


def _count(line: str, mark: str) -> int:
    """Return the number of cells that `mark` divides a line into."""
    return len(next(csv.reader([line], delimiter=mark), []))


def _check_divided(table: TextTable) -> None:
    """Raise InputError for a table whose lines were each saved as one quoted cell."""
    if len(table.columns) > 1:
        return
    every = [table.columns[0], *(cells[0] for _, cells in table.filled())]
    if any(all(_count(line, mark) == _count(every[0], mark) > 1 for line in every) for mark in _SEPARATORS):
        fix = "save it again with quotes around single cells, or without quotes"
        raise InputError("holds one column: each line is one cell in quotes", where=table.path, fix=fix)
