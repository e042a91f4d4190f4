"""Rows as CSV with exact numbers, and as tables for the terminal."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text as RichText

from vesalius.csv_table import Cell as Cell
from vesalius.csv_table import read_text_table, write_rows
from vesalius.errors import InputError
from vesalius.output import new_file
from vesalius.report.page import ReportTable

NOTHING = "-"
"""Text of a missing number."""
_LEAST_OF_A_NAME = 16
_BETWEEN = 3
"""Blanks between two columns."""
_LINE_UNDER_HEADER = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


def write_csv(path: Path, rows: Sequence[Mapping[str, Cell]], columns: Sequence[str]) -> None:
    """Write rows under a header, in place of an older file.

    Numbers are written so that they read back to the same float64; None is an empty cell.

    Raises:
        ValueError: a row has a key that is not a column.
        OutputError: cannot be written.
    """
    for row in rows:
        unknown = set(row) - set(columns)
        if unknown:
            raise ValueError(f"no column {sorted(unknown)[0]}")
    with (
        new_file(path, force=True) as part,
        part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,  # a name may not be UTF-8
    ):
        write_rows(file, [columns, *([row.get(column) for column in columns] for row in rows)])


def read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read header and rows of a CSV file that `write_csv` wrote.

    Raises:
        InputError: it cannot be read, or a row is longer or shorter than the header.
    """
    try:
        table = read_text_table(path, keep_blank=True)
    except InputError as error:
        raise InputError(f"cannot be read as CSV: {error.what}", where=path) from error
    if any(len(cells) != len(table.columns) for _, cells in table.lines):
        raise InputError("is not a CSV table with one header", where=path)
    return list(table.columns), [cells for _, cells in table.lines]


def number(value: float | None, digits: int = 3) -> str:
    """Format a number with `digits` significant digits; digits before the point are never cut.

    Example:
        >>> number(1234.5), number(0.012345), number(None)
        ('1,234', '0.0123', '-')
    """
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    return f"{value:,.{max(0, digits - 1 - math.floor(math.log10(abs(value))))}f}"


def fixed(value: float | None, decimals: int) -> str:
    """Format a number with a fixed number of decimals."""
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{value:,.{decimals}f}"


def rich_table(table: ReportTable) -> RichTable:
    """Make a table for the terminal, without its caption; text wraps, within a long name too, and numbers do not."""
    shown = RichTable(box=_LINE_UNDER_HEADER, pad_edge=False)
    for column in table.columns:
        name, numeric = RichText(column.name), column.numeric
        shown.add_column(name, justify="right" if numeric else "left", no_wrap=numeric, overflow="fold")
    for row in table.rows:
        shown.add_row(*(RichText(cell) for cell in row))
    return shown


def plain_text(table: ReportTable, width: int = 120) -> str:
    """Return caption and table without colour, as one string that ends with an empty line.

    It is wider than `width` where numbers would be cut, or names folded to less than a few letters.
    """
    width = max(width, _least_width(table))
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False)
    with console.capture() as capture:
        console.print(rich_table(table))
    lines = [table.caption, *capture.get().strip("\n").splitlines(), ""]
    return "".join(line.rstrip() + "\n" for line in lines)


def _least_width(table: ReportTable) -> int:
    """Return the columns that a terminal needs to show all numbers and the beginning of each name."""
    cells = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    total = 0
    for column, below in zip(table.columns, cells, strict=True):
        longest = max(map(len, (column.name, *below)))
        total += _BETWEEN + (longest if column.numeric else min(longest, _LEAST_OF_A_NAME))
    return total
