"""Feature stores: the vectors of an encoder for each scan, extracted once.

A store is a folder of three files that need nothing but NumPy and a text editor:
`features.npy`, rows of all scans one after the other [N, D]; `index.csv`, one line for each row: row, case, item (slice
or frame), rows (of this scan), key; `store.json`, digests of encoder and preparation. Rows are found by the key of the
scan's content and preparation (`Loader.key`), so a rerun extracts only missing rows, also where files were moved or
cases renamed.

Appending is crash-safe: values first, then the count in the header of the `.npy`, the index last. Rows that are not
complete in the index do not count and are overwritten.

Letters: N rows, D width.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, StringConstraints

from vesalius.arguments import checked
from vesalius.config import Config, load_config
from vesalius.csv_table import row_cells, row_text
from vesalius.errors import ConfigError, InputError, OutputError, UsageError
from vesalius.files import regular
from vesalius.output import as_output_error, new_file, refuse_existing

Digest = Annotated[str, StringConstraints(min_length=1, max_length=200)]
_VALUES, _INDEX, _FACTS = "features.npy", "index.csv", "store.json"
_COLUMNS = ("row", "case", "item", "rows", "key")


class StoreFacts(Config):
    """Content of `store.json`."""

    format: Literal[1] = Field(default=1, description="version of the format")
    width: int = Field(ge=1, le=1 << 24, description="D, numbers in a row")
    dtype: Literal["float32", "float16"] = Field(default="float32", description="type of the numbers")
    encoder: Digest = Field(description="digest of the encoder's weights and output")
    prepare: Digest = Field(description="digest of the preparation")


class FeatureStore:
    """The rows of many scans; made with `create` or `open`. One process appends at a time, any number read."""

    @checked
    def __init__(self, folder: Path, facts: StoreFacts) -> None:
        self.folder = folder
        self.facts = facts
        self._index: Index = read_index(folder / _INDEX)
        self._items: NDArray[np.int64] = np.empty(0, np.int64)
        self._check_values()

    @classmethod
    def create(cls, folder: str | Path, facts: StoreFacts) -> FeatureStore:
        """Create an empty store in a folder, which may hold other files.

        Raises:
            OutputError: one of its files exists already, or cannot be written.
        """
        folder = Path(folder)
        texts = {
            _VALUES: _header(0, facts),
            _INDEX: row_text(_COLUMNS).encode(),
            _FACTS: (facts.model_dump_json(indent=2) + "\n").encode(),  # last: with it the store exists
        }
        for name in texts:
            refuse_existing(folder / name)
        for name, text in texts.items():
            with new_file(folder / name) as part:
                part.write_bytes(text)
        return cls(folder, facts)

    @classmethod
    def open(cls, folder: str | Path, facts: StoreFacts | None = None) -> FeatureStore:
        """Open an existing store.

        Args:
            folder: folder of the store.
            facts: expected content of `store.json`; None accepts any.

        Raises:
            InputError: not a store, or damaged.
            UsageError: other facts.
        """
        folder = Path(folder)
        if not (folder / _FACTS).is_file():
            raise InputError("is not a feature store", where=folder, fix="make one with vesalius embed MODEL MANIFEST")
        try:
            stored = load_config(StoreFacts, folder / _FACTS)
        except ConfigError as error:
            raise InputError(f"is not a feature store ({error.what})", where=folder) from error
        for name in StoreFacts.model_fields if facts is not None else ():
            present, wanted = getattr(stored, name), getattr(facts, name)
            if present != wanted:
                what = f"holds features of another {name} ({_short(present)}, not {_short(wanted)})"
                raise UsageError(what, where=folder, fix="choose another folder")
        return cls(folder, stored)

    @classmethod
    def open_or_create(cls, folder: str | Path, facts: StoreFacts) -> FeatureStore:
        """Open the store in a folder, or create one. Raises as `open` and `create` do."""
        if (Path(folder) / _FACTS).exists():
            return cls.open(folder, facts)
        return cls.create(folder, facts)

    def __len__(self) -> int:
        return self._index.rows

    def __contains__(self, key: object) -> bool:
        return key in self._index.spans

    @property
    def _dtype(self) -> np.dtype[Any]:
        return np.dtype(self.facts.dtype).newbyteorder("<")

    @property
    def features(self) -> NDArray[Any]:
        """All rows, as a read-only memory map."""
        path, shape = self.folder / _VALUES, (len(self), self.facts.width)
        if not len(self):
            return np.empty(shape, self._dtype)
        try:
            return np.memmap(regular(path), self._dtype, "r", len(_header(0, self.facts)), shape)
        except (OSError, ValueError) as error:
            raise InputError("cannot be read", where=path) from error

    def rows(self, key: str) -> NDArray[Any]:
        """Return the rows [n, D] of one scan.

        Raises:
            InputError: it is not in the store.
        """
        first, count = self.span(key)
        return self.features[first : first + count]

    def span(self, key: str) -> tuple[int, int]:
        """Return the first row of one scan in `features`, and their number.

        Raises:
            InputError: it is not in the store.
        """
        if key not in self:
            raise InputError(f"holds no features for the key {_short(key)}", where=self.folder, fix="extract them")
        return self._index.spans[key]

    def items(self, key: str) -> NDArray[np.int64]:
        """Return the number of the slice or frame of each row of one scan, shape (n,).

        Raises:
            InputError: it is not in the store, or the index cannot be read.
        """
        first, count = self.span(key)
        if len(self._items) != len(self):
            self._items = _read_items(self.folder / _INDEX, len(self))
        return self._items[first : first + count]

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys without rows, each once, in the given order."""
        return [key for key in dict.fromkeys(keys) if key not in self]

    def append(self, key: str, case: str, rows_nD: ArrayLike, items: Sequence[int] | None = None) -> None:
        """Append the rows of one scan.

        Args:
            key: key of its content and preparation.
            case: id of the case, for people who read the index.
            rows_nD: at least one row.
            items: number of the slice or frame of each row; 0, 1, 2, ... by default.

        Raises:
            UsageError: the rows do not fit the store, or the key is in it already.
            OutputError: it cannot be written, or another process appends, too.
        """
        rows = self._checked(rows_nD)
        items = range(len(rows)) if items is None else items
        if not (key.isascii() and key.isalnum()):
            raise UsageError(f"the key {_short(key)!r} is not made of letters and digits", where=self.folder)
        if key in self or len(items) != len(rows):
            what = "is in the store already" if key in self else f"has {len(rows)} rows and {len(items)} items"
            raise UsageError(f"the key {_short(key)} {what}", where=self.folder)
        first = len(self)
        case = " ".join(case.split())  # one line each
        cells = ((first + n, case, int(item), len(rows), key) for n, item in enumerate(items))
        lines = "".join(map(row_text, cells)).encode("utf-8", "surrogatepass")
        with as_output_error(self.folder):
            self._write(first, rows, lines)
        self._index.add(key, len(rows), len(lines))

    def _checked(self, rows_nD: ArrayLike) -> NDArray[Any]:
        given = np.asarray(rows_nD)
        if given.ndim != 2 or not len(given) or given.shape[1] != self.facts.width or given.dtype.kind not in "fiu":
            raise UsageError(
                f"rows of shape {given.shape} and type {given.dtype} do not fit a store of width {self.facts.width}",
                where=self.folder,
            )
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(given, self._dtype)
        if not np.isfinite(rows).all():
            raise UsageError(f"features that {self.facts.dtype} cannot hold, or not finite", where=self.folder)
        return rows

    def _write(self, first: int, rows: NDArray[Any], lines: bytes) -> None:
        index = self.folder / _INDEX
        if index.stat().st_size != self._index.file_bytes:
            raise OutputError("another process has added to it", where=self.folder, fix="open it again")
        with (self.folder / _VALUES).open("r+b") as file:
            head = _header(first + len(rows), self.facts)
            file.seek(len(head) + first * rows[:1].nbytes)
            file.write(rows.reshape(-1).view(np.uint8).data)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            file.write(head)
        with index.open("r+b") as file:
            file.seek(self._index.sound_bytes)
            file.truncate()
            file.write(lines)
            self._index.file_bytes = self._index.sound_bytes + len(lines)

    def _check_values(self) -> None:
        path = self.folder / _VALUES
        offset, row_bytes = len(_header(0, self.facts)), self.facts.width * self._dtype.itemsize
        try:
            with regular(path).open("rb") as file:
                version = npy.read_magic(file)
                shape, _, dtype = npy.read_array_header_1_0(file)
                fits = version == (1, 0) and shape[1:] == (self.facts.width,)
                fits = fits and dtype == self._dtype and file.tell() == offset
                fits = fits and path.stat().st_size >= offset + len(self) * row_bytes
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", where=path) from error
        except ValueError:
            fits = False
        if not fits:
            raise InputError("does not hold the rows of its index", where=path, fix="extract them again")


def _header(rows: int, facts: StoreFacts) -> bytes:
    """Return the header of the `.npy`; NumPy pads it, so its length is the same for any number of rows."""
    head = io.BytesIO()
    descr = npy.dtype_to_descr(np.dtype(facts.dtype).newbyteorder("<"))
    npy.write_array_header_1_0(head, {"descr": descr, "fortran_order": False, "shape": (rows, facts.width)})
    return head.getvalue()


def _short(text: object) -> str:
    shown = str(text)
    return shown if len(shown) <= 16 else f"{shown[:12]}..."


@dataclass
class Index:
    """Which rows belong to which scan. Only scans whose lines are complete count.

    Args:
        spans: first row and number of rows by key, in the order of the rows.
        rows: number of all rows.
        sound_bytes: length of the lines that count; the rest was left by a crash.
        file_bytes: length of the file when it was last read.
    """

    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: int = 0
    sound_bytes: int = 0
    file_bytes: int = 0

    def add(self, key: str, count: int, line_bytes: int) -> None:
        """Assign the next `count` rows to `key`; their lines were written behind the sound lines."""
        self.spans[key] = self.rows, count
        self.rows += count
        self.sound_bytes += line_bytes


def read_index(path: Path) -> Index:
    """Read `index.csv`.

    Raises:
        InputError: it cannot be read, or a line before those of the last scan is damaged.
    """
    try:
        raw = regular(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    lines = raw.splitlines(keepends=True)
    if not lines or lines[0] != (",".join(_COLUMNS) + "\n").encode():
        raise InputError(f"does not begin with the columns {','.join(_COLUMNS)}", where=path)
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


def _read_items(path: Path, rows: int) -> NDArray[np.int64]:
    """Read the items of the first `rows` rows, shape (rows,), of a sound index.

    Raises:
        InputError: it cannot be read.
    """
    try:
        lines = regular(path).read_bytes().splitlines(keepends=True)[1 : rows + 1]
        return np.array([int(_cells(line)[2]) for line in lines], np.int64)
    except (OSError, ValueError, IndexError) as error:
        raise InputError("cannot be read", where=path, fix="extract the features again") from error


def _check(path: Path, at: int, scan: list[bytes], key: str, index: Index) -> None:
    for n, line in enumerate(scan):
        cells = _cells(line)
        if not cells or cells[0] != str(index.rows + n) or cells[3:] != [str(len(scan)), key] or key in index.spans:
            raise InputError("is damaged", where=f"{path}, line {at + n + 1}", fix="extract the features again")


def _is_last(rest: list[bytes], count: int) -> bool:
    """Whether a crash while writing the lines of one scan can have left these lines."""
    return len(rest) == 1 or len(rest) <= count


def _cells(line: bytes) -> list[str]:
    """Return the cells of a line; none if it is not a line of an index."""
    try:
        cells = row_cells(line.decode("utf-8", "surrogatepass"))
    except ValueError:
        return []
    return cells if len(cells) == len(_COLUMNS) and cells[0].isdecimal() and cells[3].isdecimal() else []
