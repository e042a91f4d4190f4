"""Walking through folders, paths in tables, and notes: what all layouts share."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vesalius.cohort.case import Case
from vesalius.cohort.item import split_item
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.wording import some

NIFTI = (".nii", ".nii.gz")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
VOLUMES = (*NIFTI, ".nrrd", ".nhdr", ".mha", ".mhd")
SCANS = (*VOLUMES, *PICTURES)
SPLITS = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validate": "val",
    "validation": "val",
    "test": "test",
}
"""Word of a data set for a split, in lower case -> split."""
NO_PATIENTS = "no patients known: each case counts as its own; set patient=REGEX if names contain them"
"""Note of layouts that find patients by a regular expression only."""
_WHOLE = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.\d+", re.ASCII)


def files_below(folder: Path, suffixes: tuple[str, ...] = ("",)) -> Iterator[Path]:
    """Yield files with one of these suffixes in a folder and its subfolders, in a fixed order.

    Hidden files and folders are skipped; links to folders are not followed, so that they cannot lead in circles.

    Raises:
        InputError: a folder cannot be listed.
    """
    for place, folders, names in os.walk(folder, onerror=_closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(suffixes) and not name.startswith("."):
                yield Path(place, name)


def by_slot(
    folder: Path, pattern: re.Pattern[str], slot_of: Callable[[re.Match[str]], str]
) -> tuple[dict[tuple[Path, str], dict[str, Path]], list[str], list[str]]:
    """Sort the NIfTI files below a folder by their slot in a case.

    Args:
        folder: of the cohort.
        pattern: of file names; its group `name` names the case.
        slot_of: slot of a file in its case, e.g. its modality or frame.

    Returns:
        (folder, name) -> slot -> file; files whose slot is taken; files with other names.
    """
    homes: dict[tuple[Path, str], dict[str, Path]] = defaultdict(dict)
    again: list[str] = []
    others: list[str] = []
    for path in files_below(folder, NIFTI):
        match = pattern.fullmatch(path.name)
        if match is None:
            others.append(relative(path, folder))
        elif homes[path.parent, match["name"]].setdefault(slot_of(match), path) != path:
            again.append(relative(path, folder))
    return homes, again, others


def by_name(paths: Iterable[Path], suffixes: tuple[str, ...] = SCANS) -> tuple[dict[str, Path], list[Path]]:
    """Return name without suffix -> file, and the files whose name is taken."""
    named: dict[str, Path] = {}
    again = [path for path in paths if named.setdefault(stem(path, suffixes), path) != path]
    return named, again


def _closed(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):
        return
    what = f"cannot be listed ({error.strerror or type(error).__name__})"
    raise InputError(what, where=str(error.filename), fix="get permission to read it, or move it away")


def stem(path: Path, suffixes: tuple[str, ...] = SCANS) -> str:
    """Return the name of a file without its (double) suffix.

    >>> stem(Path("scans/p1_t1.nii.gz"))
    'p1_t1'
    """
    name = path.name
    long = max((suffix for suffix in suffixes if name.lower().endswith(suffix)), key=len, default="")
    return name[: len(name) - len(long)]


def relative(path: Path, folder: Path) -> str:
    """Return a path as a manifest writes it."""
    return path.relative_to(folder).as_posix()


def on_disk(home: Path, written: str) -> str:
    """Return a path of a table in the form under which a file exists.

    Spreadsheets leave blanks around cells, and Windows writes backslashes; a path that exists as written is kept.
    """
    if written == written.strip() and "\\" not in written:
        return written
    try:
        if (home / written).exists():
            return written
        for other in dict.fromkeys((written.strip(), written.strip().replace("\\", "/"))):
            if other.strip("./") and (home / split_item(other)[0]).exists():
                return other
    except (OSError, ValueError):  # too long, or no path at all: opening it will raise
        pass
    return written


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises InputError where it is damaged."""
    try:
        return json.loads(regular(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("is not a readable JSON file", where=path) from error


def named_part(pattern: str | None, text: str, group: str) -> str | None:
    """Return a named group (else the first group, else all) of a pattern in a text; None without a match or pattern.

    Raises:
        InputError: the pattern is not a regular expression; `group` is the option that holds it.
    """
    if pattern is None:
        return None
    try:
        match = re.search(pattern, text)
    except re.error as error:
        raise InputError(f"is not a regular expression ({error})", where=group) from error
    if match is None:
        return None
    return match[group] if group in match.groupdict() else match[1 if match.re.groups else 0]


def unknown_patients(cases: Sequence[Case], pattern: str | None, note: str = NO_PATIENTS) -> list[str]:
    """Return the note where no pattern for patients is given, or one about the cases that do not match it."""
    if pattern is None:
        return [note]
    return listed({"without a patient, as patient=REGEX does not match": [c.id for c in cases if c.patient is None]})


def number_or_text(cell: str) -> str | int | float:
    """Convert a cell to a number where it is one; "007" and "1e5" stay text, as they may be names.

    >>> number_or_text("61"), number_or_text("007")
    (61, '007')
    """
    if _WHOLE.fullmatch(cell):
        return int(cell)
    return float(cell) if _DECIMAL.fullmatch(cell) else cell


class OtherLayoutError(InputError):
    """A folder of another layout than the one tried."""


def example(names: Sequence[str]) -> str:
    """Return the number of names, and the first few."""
    return f"{len(names)} ({some(names)})"


def listed(names_of: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a note for each text that has names.

    >>> listed({"without a mask": ["p1", "p2"], "left out": []})
    ['without a mask: 2 (p1, p2)']
    """
    return [f"{text}: {example(names)}" for text, names in names_of.items() if names]


def expected(layout: str, what: str, folder: Path) -> OtherLayoutError:
    """Return the error for a folder of another layout."""
    return OtherLayoutError(
        f"is not a {layout} folder: {what}", where=folder, fix="see vesalius cohort build --help for layouts"
    )
