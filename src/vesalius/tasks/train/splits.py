"""The cases of each split in the folder of a run: `splits/train.csv` and so on. A resumed run must have the same ones.

Otherwise a patient that moved from one side to the other would be learned and then tested on.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.csv_table import read_text_table
from vesalius.errors import CorruptFileError, UsageError, VesaliusError
from vesalius.output import new_folder

_PATHS = ("image", "mask")
"""Columns of files: "image", "mask:ED", ..."""
_LEFT_OUT = "left-out"
_FIX = "resume with the same cases or choose another folder"


@dataclass(frozen=True)
class _Line:
    """What a split says of a case; of files the last part only, the folder of a run may be moved."""

    id: str
    split: str
    said: tuple[tuple[str, str], ...]
    is_left_out: bool = False


def write_splits(parts: Mapping[str, Cohort], folder: Path, left_out: Mapping[str, Cohort] | None = None) -> None:
    """The cases of each split as manifests with a path to each file, in place of older ones.

    Cases that cannot be read stand in `left-out.csv`, each with its split.

    Raises:
        OutputError: cannot be written.
    """
    with new_folder(folder, force=True) as made:
        _write(parts, made)
        cases = [case.model_copy(update={"split": name}) for name, some in (left_out or {}).items() for case in some]
        if cases:
            root = next(iter(parts.values())).root
            write_manifest(Cohort(tuple(cases), root), made / f"{_LEFT_OUT}.csv")


def check_left_out(left_out: Mapping[str, Cohort], folder: Path) -> None:
    """Compare the cases that cannot be read with those that could not be when a run began.

    Raises:
        UsageError: another one can be read now, or cannot.
        CorruptFileError: the manifests of the run cannot be read.
    """
    if not folder.is_dir():
        return
    now = {case.id for part in left_out.values() for case in part}
    was = {line.id for line in _lines(folder).values() if line.is_left_out}
    for key in sorted(was ^ now):
        words = ("could not be read when this run began and can be now", "could be read when this run began, not now")
        raise UsageError(f"case {key} {words[key in now]}", where=folder.parent, fix=_FIX)


def check_splits(parts: Mapping[str, Cohort], folder: Path) -> None:
    """Compare the cases with those that a run began with; there is nothing to compare where it has not come so far.

    Raises:
        UsageError: a case is new, gone, changed, in another split or at another place; the first one is named.
        CorruptFileError: the manifests of the run cannot be read.
    """
    if not folder.is_dir():
        return
    with tempfile.TemporaryDirectory() as made:
        _write(parts, Path(made))
        now = _lines(Path(made))
    was = _lines(folder)
    for key in [*was, *now]:
        difference = _difference(was.get(key), now.get(key))
        if difference:
            raise UsageError(f"case {key} {difference}", where=folder.parent, fix=_FIX)
    left_out = {key for key, one in was.items() if one.is_left_out}
    for old, new in zip(
        (key for key in was if key not in left_out), (key for key in now if key not in left_out), strict=True
    ):
        if old != new:
            what = f"case {new} stands where case {old} stood when this run began"
            raise UsageError(what, where=folder.parent, fix=_FIX)


def _difference(was: _Line | None, now: _Line | None) -> str:
    """In words; "" where there is none."""
    if was is None and now is not None:
        return f"is in {now.split} now and was not there when this run began"
    if now is None and was is not None:
        return f"was in {was.split} when this run began and is not there now"
    if was is None or now is None or (was.split, was.said) == (now.split, now.said):
        return ""
    if was.split != now.split:
        return f"was in {was.split} when this run began and is in {now.split} now"
    changed = sorted({key for key, _ in set(was.said) ^ set(now.said)})
    return f"has another {changed[0]} than when this run began"


def _write(parts: Mapping[str, Cohort], folder: Path) -> None:
    for name, cohort in parts.items():
        if len(cohort):
            write_manifest(cohort, folder / f"{name}.csv")


def _lines(folder: Path) -> dict[str, _Line]:
    """Case -> its line, in the order of the splits' names and of the manifests."""
    found: dict[str, _Line] = {}
    for path in sorted(folder.glob("*.csv")):
        try:
            for row in _table_rows(path):
                is_left_out = path.stem == _LEFT_OUT
                split = row["split"] if is_left_out else path.stem
                found[row["id"]] = _Line(row["id"], split, _said(row), is_left_out)
        except (VesaliusError, ValueError, KeyError) as error:
            raise CorruptFileError("cannot be read as a split", where=path, fix="start a new run folder") from error
    return found


def _shown(column: str, cell: str) -> str:
    return PurePosixPath(cell).name if column.partition(":")[0] in _PATHS else cell


def _table_rows(path: Path) -> list[dict[str, str]]:
    table = read_text_table(path)
    return [dict(zip(table.columns, cells, strict=True)) for _, cells in table.filled()]


def _said(row: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((key, _shown(key, cell)) for key, cell in row.items() if cell and key != "split"))
