"""Manifests: one case per line, as JSON lines or as a table; every bad line is told with its number and the reason.

A table (CSV) has the columns id, patient, study, series, fourth_axis, caption, split, fold, and one column for each
image, mask, frame, label, fact and choice of reading: "image" and "mask", or "image:flair", "mask:ED", "frame:ED",
"label:any", "fact:age", "reading:spacing_from". Capitals count in the names after the colon only. An empty cell says
nothing. `boxes` is a cell of JSON.
How cells may be written says `vesalius.csv_table`. A table of series (`cohort.builders.series`) is a manifest too.
"""

from __future__ import annotations

import difflib
import json
import os
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vesalius.cohort.builders.files import example, on_disk
from vesalius.cohort.builders.series import is_series_table, read_series
from vesalius.cohort.case import IMAGE, MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.csv_table import number_in, read_text_table, write_rows
from vesalius.errors import ConfigError, InputError, UsageError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.output import new_file
from vesalius.wording import some

_PLAIN = ("id", "patient", "study", "series", "fourth_axis", "caption", "split", "fold")
_TABLES = {
    "image": "images",
    "mask": "masks",
    "frame": "frames",
    "label": "labels",
    "fact": "facts",
    "reading": "reading",
}
"""prefix of a column -> field."""
_JSON = ("boxes",)
"""Columns whose cells are JSON."""
_ROW_COPIES = 20
"""What the cases of a text take, as a multiple of its size."""


@dataclass(frozen=True)
class BadLine:
    """A line that is not a case.

    Args:
        number: of the line in the file, from 1.
        reason: one sentence.
    """

    number: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


def read_manifest(path: str | Path) -> Cohort:
    """Read a manifest, `.jsonl` or `.csv`.

    Raises:
        InputError: it cannot be read, holds no case, or has bad lines (the first five are told; `cohort audit` tells
            all).
    """
    cohort, bad = read_lines(path)
    if bad:
        what = f"{len(bad)} bad line(s): {some([str(one) for one in bad], between='; ')}"
        raise InputError(what, where=path, fix="mend these lines")
    return cohort


def read_manifests(paths: Sequence[str | Path]) -> Cohort:
    """The cases of several manifests as one cohort.

    Raises:
        InputError: one cannot be read, or two cases have one id.
    """
    return joined([read_manifest(path) for path in paths], paths[-1])


def joined(cohorts: Sequence[Cohort], where: str | Path) -> Cohort:
    """Several cohorts as one; `where` is what errors name.

    Raises:
        InputError: two cases have one id.
    """
    if len(cohorts) == 1:
        return cohorts[0]
    root = cohorts[0].root
    cases = [case for cohort in cohorts for case in moved(cohort, root)]
    counts = Counter(case.id for case in cases)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        what = f"case {twice} stands in two manifests"
        raise InputError(what, where=where, fix="build one of them again with other ids")
    return Cohort(tuple(cases), root, tuple(note for cohort in cohorts for note in cohort.notes))


def read_lines(path: str | Path) -> tuple[Cohort, list[BadLine]]:
    """The good lines of a manifest as a cohort, and the bad ones.

    Raises:
        InputError: the file cannot be read or holds no line.
        UsageError: neither .jsonl nor .csv.
    """
    path = regular(Path(path))
    if _is_table(path):
        if is_series_table(path):
            cohort, left_out = read_series(path)
            return cohort, [BadLine(int(one.id.removeprefix("line ")), one.reason) for one in left_out]
        return _parsed(_table_lines(path), path)
    try:
        check_memory(_ROW_COPIES * path.stat().st_size, path)
        with regular(path).open(encoding="utf-8-sig", errors="strict") as file:
            return _parsed(_json_lines(file), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or f"not UTF-8 text with one case per line: {error}"
        raise InputError(f"cannot be read ({reason})", where=path) from error


def _parsed(lines: Iterable[tuple[int, dict[str, Any] | ConfigError]], path: Path) -> tuple[Cohort, list[BadLine]]:
    cases: list[Case] = []
    bad: list[BadLine] = []
    seen: dict[str, int] = {}
    slashed: list[str] = []
    for number, raw in lines:
        try:
            if isinstance(raw, ConfigError):
                raise raw
            case = _found(Case.parse(raw), path.parent, slashed)
            if case.id in seen:
                raise ConfigError(f"the id of line {seen[case.id]} again", where="id")
        except ConfigError as error:
            bad.append(BadLine(number, str(error)))
            continue
        seen[case.id] = number
        cases.append(case)
    if not cases and not bad:
        raise InputError("holds no case", where=path, fix="make a manifest with vesalius cohort build")
    notes = [f"paths that are not there as they are written, read with slashes: {example(slashed)}"] if slashed else []
    return Cohort(tuple(cases), path.parent, tuple(notes)), bad


def _found(case: Case, root: Path, slashed: list[str]) -> Case:
    """The case with its paths as they lie on disk; ids of those that were written otherwise are added to `slashed`."""
    changed = {
        field: {name: on_disk(root, path) for name, path in getattr(case, field).items()}
        for field in ("images", "masks")
    }
    if (changed["images"], changed["masks"]) == (case.images, case.masks):
        return case
    slashed.append(case.id)
    return case.model_copy(update=changed)


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
            file.writelines(json.dumps(_said(case), ensure_ascii=False) + "\n" for case in cases)
    return path


def moved(cohort: Cohort, root: Path) -> Cohort:
    """The same cohort with paths that start from another folder."""
    if root.resolve() == cohort.root.resolve():
        return Cohort(cohort.cases, root, cohort.notes)
    old, new = cohort.root.resolve(), root.resolve()
    cases = [
        case.model_copy(
            update={
                "images": {name: _from(old, one, new) for name, one in case.images.items()},
                "masks": {name: _from(old, one, new) for name, one in case.masks.items()},
            }
        )
        for case in cohort
    ]
    return Cohort(tuple(cases), root, cohort.notes)


def _from(old: Path, path: str, new: Path) -> str:
    """A path that starts from `old` as one that starts from `new`; absolute where that cannot be (another drive)."""
    if posixpath.isabs(path):
        return path
    try:
        return Path(os.path.relpath(old / path, new)).as_posix()
    except ValueError:
        return (old / path).as_posix()


def _is_table(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in (".jsonl", ".csv"):
        raise UsageError("a manifest ends in .jsonl or .csv", where=path, fix="choose one of the two")
    return suffix == ".csv"


def _json_lines(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | ConfigError]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield number, json_object(line)
            except ConfigError as error:
                yield number, error


def json_object(line: str) -> dict[str, Any]:
    """The object in a line of JSON.

    Raises:
        ConfigError: there is none, or a key is there twice.
    """
    try:
        raw = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ConfigError("is not valid JSON") from error
    if not isinstance(raw, dict):
        raise ConfigError("is not a JSON object")
    return raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ConfigError("is there twice", where=twice[:60])
    return made


def _table_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | ConfigError]]:
    table = read_text_table(path)
    columns = [_folded(column) for column in table.columns]
    for written, (column, count) in zip(table.columns, ((one, columns.count(one)) for one in columns), strict=True):
        if count > 1 and column:
            raise InputError(f"has the column {written} {count} times", where=path, fix="leave one of them")
    for number, cells in table.lines:
        try:
            yield number, _fields(columns, cells)
        except ConfigError as error:
            yield number, error


def _folded(column: str) -> str:
    """A column in the house's capitals: "ID" is id, "Image:T1" is image:T1, "image:image" is image."""
    prefix, mark, name = column.partition(":")
    prefix = prefix.strip().lower() if prefix.strip().lower() in (*_TABLES, *_PLAIN, *_JSON) else prefix
    return prefix if mark and name == prefix and prefix in (IMAGE, MASK) else f"{prefix}{mark}{name}"


def _fields(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any]:
    """A line of the table as the fields of a case."""
    if len(cells) > len(columns):
        raise ConfigError("has more cells than the table has columns")
    raw: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=False):  # what a short line does not reach is empty
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
    """A fact is a number where it is written as JSON writes one, else text; a label may have a decimal comma.

    A choice of reading may be several numbers, as [1, -1024].
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


def _said(case: Case) -> dict[str, Any]:
    """What a case says, without what it leaves open."""
    return case.model_dump(mode="json", exclude_defaults=True)


def _row(case: Case) -> dict[str, Any]:
    said = _said(case)
    row = {name: said[name] for name in _PLAIN if name in said}
    for prefix, field in _TABLES.items():
        for name, value in said.get(field, {}).items():
            column = prefix if name == prefix and prefix in (IMAGE, MASK) else f"{prefix}:{name}"
            row[column] = json.dumps(value) if isinstance(value, bool | list) else value
    for column in _JSON:
        if said.get(column):
            row[column] = json.dumps(said[column], ensure_ascii=False)
    return row


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Plain columns first, then those of each table in the order of first appearance."""
    names = dict.fromkeys(name for row in rows for name in row)
    plain = [name for name in _PLAIN if name in names]
    rest = [name for name in names if name not in plain]
    order = [*_TABLES, *_JSON]
    return plain + sorted(rest, key=lambda name: order.index(name.partition(":")[0]))
