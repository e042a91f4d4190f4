"""The cases of each split in the folder of a run: `splits/train.csv` and so on. A resumed run must have the same ones.

Otherwise a patient that moved from one split to another would be learned and then tested on.
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
    """A case of a split; its facts hold only the names of files, since the folder of a run may be moved."""

    split: str
    facts: dict[str, str]
    is_left_out: bool


def write_splits(parts: Mapping[str, Cohort], folder: Path, left_out: Mapping[str, Cohort] | None = None) -> None:
    """Write the cases of each split as manifests with a path to each file, in place of older ones.

    Cases that cannot be read are listed in `left-out.csv`, each with its split.

    Raises:
        OutputError: cannot be written.
    """
    with new_folder(folder, force=True) as new:
        _write(parts, new)
        cases = [
            case.model_copy(update={"split": name}) for name, cohort in (left_out or {}).items() for case in cohort
        ]
        if cases:
            root = next(iter(parts.values())).root
            write_manifest(Cohort(tuple(cases), root), new / f"{_LEFT_OUT}.csv")


def check_left_out(left_out: Mapping[str, Cohort], folder: Path) -> None:
    """Compare the cases that cannot be read with those of the beginning of the run.

    Raises:
        UsageError: a case can be read now and could not then, or the reverse.
        CorruptFileError: the manifests of the run cannot be read.
    """
    if not folder.is_dir():
        return
    now = {case.id for part in left_out.values() for case in part}
    was = {key for key, line in _lines(folder).items() if line.is_left_out}
    for key in sorted(was ^ now):
        words = ("could not be read when this run began and can be now", "could be read when this run began, not now")
        raise UsageError(f"case {key} {words[key in now]}", where=folder.parent, fix=_FIX)


def check_splits(parts: Mapping[str, Cohort], folder: Path) -> None:
    """Compare the cases with those that a run began with, if it got so far as to write them.

    Raises:
        UsageError: a case is new, gone, changed, in another split or at another place; the first one is named.
        CorruptFileError: the manifests of the run cannot be read.
    """
    if not folder.is_dir():
        return
    with tempfile.TemporaryDirectory() as new:
        _write(parts, Path(new))
        now = _lines(Path(new))
    was = _lines(folder)
    for key in [*was, *now]:
        difference = _difference(was.get(key), now.get(key))
        if difference:
            raise UsageError(f"case {key} {difference}", where=folder.parent, fix=_FIX)
    kept = {key: line for key, line in was.items() if not line.is_left_out}
    for old, new_key in zip(kept, (key for key in now if key in kept), strict=True):
        if old != new_key:
            what = f"case {new_key} stands where case {old} stood when this run began"
            raise UsageError(what, where=folder.parent, fix=_FIX)


def _difference(was: _Line | None, now: _Line | None) -> str:
    """Return the difference in words; "" where there is none."""
    if was is None or now is None:
        if now is not None:
            return f"is in {now.split} now and was not there when this run began"
        return "" if was is None else f"was in {was.split} when this run began and is not there now"
    if was.split != now.split:
        return f"was in {was.split} when this run began and is in {now.split} now"
    changed = sorted(key for key in was.facts | now.facts if was.facts.get(key) != now.facts.get(key))
    return f"has another {changed[0]} than when this run began" if changed else ""


def _write(parts: Mapping[str, Cohort], folder: Path) -> None:
    for name, cohort in parts.items():
        if len(cohort):
            write_manifest(cohort, folder / f"{name}.csv")


def _lines(folder: Path) -> dict[str, _Line]:
    """Read the line of each case, in the order of the splits' names and of the manifests."""
    lines: dict[str, _Line] = {}
    for path in sorted(folder.glob("*.csv")):
        is_left_out = path.stem == _LEFT_OUT
        try:
            table = read_text_table(path)
            for _, cells in table.filled():
                row = dict(zip(table.columns, cells, strict=True))
                split = row["split"] if is_left_out else path.stem
                facts = {key: _shown(key, cell) for key, cell in row.items() if cell and key != "split"}
                lines[row["id"]] = _Line(split, facts, is_left_out)
        except (VesaliusError, ValueError, KeyError) as error:
            raise CorruptFileError("cannot be read as a split", where=path, fix="start a new run folder") from error
    return lines


def _shown(column: str, cell: str) -> str:
    return PurePosixPath(cell).name if column.partition(":")[0] in _PATHS else cell
