"""Walking through folders and reading tables, the same for all layouts."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from vesalius.cohort.cohort import split_item
from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.wording import some

NIFTI = (".nii", ".nii.gz")
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
VOLUMES = (*NIFTI, ".nrrd", ".nhdr", ".mha", ".mhd")
_WHOLE = re.compile(r"-?(0|[1-9]\d*)", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.\d+", re.ASCII)


def files_below(folder: Path, suffixes: tuple[str, ...] = ("",)) -> Iterator[Path]:
    """Files with one of these suffixes in a folder and its subfolders, in a fixed order.

    Hidden ones are passed over; links to folders are not followed, so that they cannot lead in circles.

    Raises:
        InputError: a folder that is there cannot be listed.
    """
    for place, folders, names in os.walk(folder, onerror=_closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(suffixes) and not name.startswith("."):
                yield Path(place, name)


def by_slot(
    folder: Path, pattern: re.Pattern[str], slot_of: Callable[[re.Match[str]], str]
) -> tuple[dict[tuple[Path, str], dict[str, Path]], list[str], list[str]]:
    """The NIfTI files below a folder by what they are of a case.

    Args:
        folder: of the cohort.
        pattern: of file names; its group `name` names the case.
        slot_of: what a file is of its case, e.g. its modality or frame.

    Returns:
        (folder, name) -> slot -> file; files whose slot is taken already; files of other names.
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


def _closed(error: OSError) -> None:
    if isinstance(error, FileNotFoundError):
        return
    what = f"cannot be listed ({error.strerror or type(error).__name__})"
    raise InputError(what, where=str(error.filename), fix="get permission to read it, or move it away")


def stem(path: Path, suffixes: tuple[str, ...] = (*VOLUMES, *PICTURES)) -> str:
    """The name of a file without its (double) suffix."""
    name = path.name
    long = max((suffix for suffix in suffixes if name.lower().endswith(suffix)), key=len, default="")
    return name[: len(name) - len(long)]


def relative(path: Path, folder: Path) -> str:
    """A path as a manifest writes it."""
    return path.relative_to(folder).as_posix()


def on_disk(home: Path, written: str) -> str:
    """A path as a table writes it, in the form under which something lies there.

    Spreadsheets leave blanks round cells, and Windows writes backslashes; what is there as written stays as written.
    """
    if written == written.strip() and "\\" not in written:
        return written
    try:
        if (home / written).exists():
            return written
        for other in dict.fromkeys((written.strip(), written.strip().replace("\\", "/"))):
            if other.strip("./") and (home / split_item(other)[0]).exists():
                return other
    except (OSError, ValueError):  # too long, or no path at all: whoever opens it tells
        pass
    return written


def read_json(path: Path) -> Any:
    """A JSON file. Raises InputError where it is none."""
    try:
        return json.loads(regular(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("is not a JSON file that can be read", where=path) from error


def number_or_text(cell: str) -> str | int | float:
    """A cell as the number that it is, else as text; "007" and "1e5" are text, they may be names."""
    if _WHOLE.fullmatch(cell):
        return int(cell)
    return float(cell) if _DECIMAL.fullmatch(cell) else cell


class OtherLayoutError(InputError):
    """A folder of another layout than the one tried."""


def example(names: list[str]) -> str:
    """How many there are, and the first few."""
    return f"{len(names)} ({some(names)})"


def expected(layout: str, what: str, folder: Path) -> OtherLayoutError:
    """The error for a folder of another layout."""
    return OtherLayoutError(
        f"is no {layout} folder: {what}", where=folder, fix="see vesalius cohort build --help for layouts"
    )
