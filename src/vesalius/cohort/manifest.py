"""Manifests: one case per line, as JSON lines or as a table; every bad line is reported with number and reason.

A table (CSV) has the columns id, patient, study, series, fourth_axis, caption, split, fold, and one column for each
image, mask, frame, label, fact and choice of reading: "image" and "mask", or "image:flair", "mask:ED", "frame:ED",
"label:any", "fact:age", "reading:spacing_from". Capitals count in the names after the colon only. An empty cell
means unknown. `boxes` is a cell of JSON.
`vesalius.csv_table` describes how cells may be written. A table of series (`cohort.builders.series`) is a manifest too,
and so are JSON lines with image_path, caption and mask_path (`cohort.builders.jsonl`).
"""

from __future__ import annotations

import difflib
import json
import os
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vesalius.arguments import checked
from vesalius.cohort.build import AUTO, build_cohort
from vesalius.cohort.builders.files import files_below, listed, on_disk
from vesalius.cohort.builders.jsonl import is_image_lines, read_image_lines
from vesalius.cohort.builders.series import is_series_table, read_series
from vesalius.cohort.builders.webdataset import read_shards
from vesalius.cohort.case import IMAGE, MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.json_line import json_object
from vesalius.cohort.tar import TAR
from vesalius.csv_table import number_in, read_text_table, write_rows
from vesalius.errors import ConfigError, InputError, UsageError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.output import new_file
from vesalius.wording import some

SUFFIXES = (".jsonl", ".csv")
_PLAIN = ("id", "patient", "study", "series", "fourth_axis", "caption", "split", "fold")
_TABLES = {name: f"{name}s" for name in ("image", "mask", "frame", "label", "fact")} | {"reading": "reading"}
"""Prefix of a column -> field."""
_JSON = ("boxes",)
"""Columns whose cells are JSON."""
_ROW_COPIES = 20
"""Memory of the cases of a text, as a multiple of its size."""


@dataclass(frozen=True)
class BadLine:
    """A line that is not a case: its number in the file, from 1, and the reason in one sentence."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


def is_manifest(path: Path) -> bool:
    """Whether a path names a manifest: by its suffix, or as a folder of nothing but shards (hidden files aside)."""
    if not regular(path).is_dir():
        return path.suffix.lower() in (*SUFFIXES, TAR)
    with suppress(OSError):
        return {place.suffix.lower() for place in path.iterdir() if not place.name.startswith(".")} == {TAR}
    return False


@checked
def read_manifest(path: str | Path) -> Cohort:
    """Read a manifest, `.jsonl` or `.csv`, or shards as one: a `.tar` file or a folder of them.

    Raises:
        InputError: it cannot be read, holds no case, or has bad lines (the error names five; `cohort audit` all).
    """
    cohort, bad = read_lines(path)
    if bad:
        what = f"{len(bad)} bad line(s): {some([str(line) for line in bad], between='; ')}"
        raise InputError(what, where=path, fix="correct these lines")
    return cohort


def read_manifests(paths: Sequence[str | Path]) -> Cohort:
    """Read several manifests as one cohort; a folder without shards is one in a layout that `build_cohort` knows.

    Raises:
        InputError: one cannot be read, or two cases have the same id.
    """
    places = [Path(path) for path in paths]
    for place in places:
        if not is_manifest(place) and not place.exists():
            raise InputError("there is no such manifest or folder", where=place, fix="name one that exists")
    built = {place: build_cohort(AUTO, place) for place in places if _is_data_set(place)}
    shards = read_shards(place for place in places if _is_shards(place) and place not in built)  # classes go by all
    read = built | shards
    return joined([read[place] if place in read else read_manifest(place) for place in places], paths[-1])


def joined(cohorts: Sequence[Cohort], where: str | Path) -> Cohort:
    """Join cohorts; `where` is the file that errors name.

    Raises:
        InputError: two cases have the same id.
    """
    if len(cohorts) == 1:
        return cohorts[0]
    root = cohorts[0].root
    cases = [case for cohort in cohorts for case in moved(cohort, root)]
    counts = Counter(case.id for case in cases)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        what = f"case {twice} is in two manifests"
        raise InputError(what, where=where, fix="build one of them again with other ids")
    return Cohort(tuple(cases), root, tuple(note for cohort in cohorts for note in cohort.notes))


def read_lines(path: str | Path) -> tuple[Cohort, list[BadLine]]:
    """Return the good lines of a manifest as a cohort, and the bad lines; a shard or a folder of shards has none.

    Raises:
        InputError: the file cannot be read or holds no line.
        UsageError: neither .jsonl, .csv nor .tar.
    """
    path = Path(path)
    if _is_shards(path):
        return read_shards([path])[path], []
    if _is_table(path):
        if is_series_table(path):
            cohort, left_out, _ = read_series(path)
            return cohort, [BadLine(int(problem.id.removeprefix("line ")), problem.reason) for problem in left_out]
        return _parsed(_table_lines(path), path)
    try:
        check_memory(_ROW_COPIES * path.stat().st_size, path)
        if is_image_lines(path):
            cohort, bad = read_image_lines(path)
            return cohort, [BadLine(number, reason) for number, reason in bad]
        with regular(path).open(encoding="utf-8-sig", errors="strict") as file:
            return _parsed(_json_lines(file), path)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error


def _parsed(lines: Iterable[tuple[int, dict[str, Any] | ConfigError]], path: Path) -> tuple[Cohort, list[BadLine]]:
    cases: list[Case] = []
    bad: list[BadLine] = []
    seen: dict[str, int] = {}
    slashed: list[str] = []
    for number, raw in lines:
        try:
            if isinstance(raw, ConfigError):
                raise raw
            case = _on_disk(Case.parse(raw), path.parent, slashed)
            if case.id in seen:
                raise ConfigError(f"the id of line {seen[case.id]} again", where="id")
        except ConfigError as error:
            bad.append(BadLine(number, str(error)))
            continue
        seen[case.id] = number
        cases.append(case)
    if not cases and not bad:
        raise InputError("holds no case", where=path, fix="make a manifest with vesalius cohort build")
    notes = listed({"paths that exist only with slashes, read so": slashed})
    return Cohort(tuple(cases), path.parent, tuple(notes)), bad


def _on_disk(case: Case, root: Path, slashed: list[str]) -> Case:
    """Return the case with its paths as they lie on disk; if they were written otherwise, its id joins `slashed`."""
    changed = {
        field: {name: on_disk(root, path) for name, path in getattr(case, field).items()}
        for field in ("images", "masks")
    }
    if (changed["images"], changed["masks"]) == (case.images, case.masks):
        return case
    slashed.append(case.id)
    return case.model_copy(update=changed)


@checked
def write_manifest(cohort: Cohort, path: str | Path, *, force: bool = False) -> Path:
    """Write a cohort as `.jsonl` or `.csv`, with paths relative to the new file where both share a root.

    Raises:
        UsageError: another suffix.
        OutputError: the file exists or cannot be written.
    """
    path = Path(path)
    table = _is_table(path)
    cases = moved(cohort, path.parent).cases
    with new_file(path, force=force) as part, part.open("w", encoding="utf-8", newline="") as file:
        if table:
            rows = [_row(case) for case in cases]
            columns = _columns(rows)
            write_rows(file, [columns, *([row.get(column) for column in columns] for row in rows)])
        else:
            file.writelines(json.dumps(_stated(case), ensure_ascii=False) + "\n" for case in cases)
    return path


def moved(cohort: Cohort, root: Path) -> Cohort:
    """Return the same cohort with paths that start from another folder."""
    if root.resolve() == cohort.root.resolve():
        return Cohort(cohort.cases, root, cohort.notes)
    old, new = cohort.root.resolve(), root.resolve()
    cases = []
    for case in cohort:
        images, masks = (
            {name: _from(old, path, new) for name, path in paths.items()} for paths in (case.images, case.masks)
        )
        cases.append(case.model_copy(update={"images": images, "masks": masks}))
    return Cohort(tuple(cases), root, cohort.notes)


def _from(old: Path, path: str, new: Path) -> str:
    """Return a path below `old` relative to `new`; absolute where that is impossible (another drive)."""
    if posixpath.isabs(path):
        return path
    try:
        return Path(os.path.relpath(old / path, new)).as_posix()
    except ValueError:
        return (old / path).as_posix()


def _is_shards(path: Path) -> bool:
    return regular(path).is_dir() or path.suffix.lower() == TAR


def _is_data_set(path: Path) -> bool:
    """Whether a path is a folder that holds something, and no shard."""
    if not regular(path).is_dir():
        return False
    return any(path.iterdir()) and not any(file.suffix.lower() == TAR for file in files_below(path))


def _is_table(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            "a manifest ends in .jsonl or .csv, or is a shard or a folder of them (.tar)",
            where=path,
            fix="choose one of them",
        )
    return suffix == ".csv"


def _json_lines(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | ConfigError]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, json_object(line)
            except ConfigError as error:
                yield number, error


def _table_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | ConfigError]]:
    table = read_text_table(path)
    columns = [_folded(column) for column in table.columns]
    for written, column in zip(table.columns, columns, strict=True):
        count = columns.count(column)
        if count > 1 and column:
            raise InputError(f"has the column {written} {count} times", where=path, fix="leave one of them")
    for number, cells in table.lines:
        try:
            yield number, _fields(columns, cells)
        except ConfigError as error:
            yield number, error


def _folded(column: str) -> str:
    """Normalise the name of a column: "ID" is id, "Image:T1" is image:T1, "image:image" is image."""
    prefix, mark, name = column.partition(":")
    prefix = prefix.strip().lower() if prefix.strip().lower() in (*_TABLES, *_PLAIN, *_JSON) else prefix
    return prefix if mark and name == prefix and prefix in (IMAGE, MASK) else f"{prefix}{mark}{name}"


def _fields(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """Return a line of the table as the fields of a case."""
    if len(cells) > len(columns):
        raise ConfigError("has more cells than the table has columns")
    raw: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=False):  # missing cells of a short line are empty
        prefix, mark, name = column.partition(":")
        if not (cell if prefix in ("caption", "fact") else cell.strip()):
            continue
        if prefix in _TABLES and (mark or column in (IMAGE, MASK)):
            raw.setdefault(_TABLES[prefix], {})[name or prefix] = _value(prefix, cell)
        elif column in _JSON:
            raw[column] = _parsed_cell(column, cell)
        elif column in _PLAIN:
            raw[column] = cell
        elif not column:
            raise ConfigError("has a cell in a column without a name")
        else:
            raise ConfigError("no such column", where=column, fix=f"did you mean {_nearest(prefix) + mark + name!r}?")
    return raw


def _nearest(prefix: str) -> str:
    return difflib.get_close_matches(prefix, [*_TABLES, *_PLAIN, *_JSON], n=1, cutoff=0)[0]


def _value(prefix: str, cell: str) -> Any:
    """Read a fact as a number if it is written as in JSON, else as text; a label may have a decimal comma.

    A choice of reading may be several numbers, such as [1, -1024].
    """
    try:
        if prefix == "label":
            return number_in(cell)
        if prefix == "reading" and cell.startswith("["):
            return json.loads(cell)
        value = json.loads(cell) if prefix == "fact" else cell
    except (ValueError, RecursionError):
        return cell
    return value if isinstance(value, int | float | bool) and json.dumps(value) == cell else cell


def _parsed_cell(column: str, cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise ConfigError("is not valid JSON", where=column) from error


def _stated(case: Case) -> dict[str, Any]:
    """Return the fields of a case that differ from their defaults."""
    return case.model_dump(mode="json", exclude_defaults=True)


def _row(case: Case) -> dict[str, Any]:
    stated = _stated(case)
    row = {name: stated[name] for name in _PLAIN if name in stated}
    for prefix, field in _TABLES.items():
        for name, value in stated.get(field, {}).items():
            column = prefix if name == prefix and prefix in (IMAGE, MASK) else f"{prefix}:{name}"
            row[column] = json.dumps(value) if isinstance(value, bool | list) else value
    for column in _JSON:
        if stated.get(column):
            row[column] = json.dumps(stated[column], ensure_ascii=False)
    return row


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Return plain columns first, then those of each table in the order of first appearance."""
    names = dict.fromkeys(name for row in rows for name in row)
    plain = [name for name in _PLAIN if name in names]
    rest = [name for name in names if name not in plain]
    order = [*_TABLES, *_JSON]
    return plain + sorted(rest, key=lambda name: order.index(name.partition(":")[0]))
