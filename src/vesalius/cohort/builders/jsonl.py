"""JSON lines with image_path, caption and mask_path (null allowed), as generation uses them; other keys are facts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vesalius.cohort.builders.files import expected, files_below, listed, on_disk, relative, stem
from vesalius.cohort.case import IMAGE, MASK, Box, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.json_line import json_object
from vesalius.errors import ConfigError, InputError
from vesalius.files import regular
from vesalius.wording import some

_BOXES = "boxes_cxcywh"
_FIELDS = {"image_path", "caption", "mask_path", "patient_id", "patient", "study", "split", _BOXES}


def build(folder: Path) -> Cohort:
    """Return the cases of all `.jsonl` files below a folder (or of one file); several files are splits of their names.

    Raises:
        InputError: no such file, or bad lines (the error names the first five).
    """
    home = folder if folder.is_dir() else folder.parent
    files = list(files_below(folder, (".jsonl",))) if folder.is_dir() else [folder]
    cases: list[Case] = []
    bad: list[str] = []
    for path in files:
        if is_image_lines(path):
            found, wrong = _lines(path, home, path.stem if len(files) > 1 else None)
            cases += found
            bad += [f"{path.name} line {number}: {reason}" for number, reason in wrong]
    if bad:
        what = f"{len(bad)} bad line(s): {some(bad, between='; ')}"
        raise InputError(what, where=folder, fix="correct these lines, all of which vesalius cohort audit lists")
    if not cases:
        raise expected("JSONL", "no .jsonl file with image_path", folder)
    return _cohort(cases, home)


def is_image_lines(path: Path) -> bool:
    """Whether a file of JSON lines has a line with the key image_path that is no case of a manifest.

    Raises:
        InputError: it cannot be read as text.
    """
    return any('"image_path"' in line and '"images"' not in line for line in _text(path))


def read_image_lines(path: Path) -> tuple[Cohort, list[tuple[int, str]]]:
    """Return the good lines of a file as a cohort, and the number and reason of each bad line.

    Raises:
        InputError: it cannot be read as text.
    """
    cases, bad = _lines(path, path.parent, None)
    return _cohort(cases, path.parent), bad


def _text(path: Path) -> list[str]:
    try:
        return regular(path).read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path) from error
    except UnicodeDecodeError as error:
        raise InputError("cannot be read as text: it is not UTF-8", where=path) from error


def _lines(path: Path, home: Path, split: str | None) -> tuple[list[Case], list[tuple[int, str]]]:
    cases, bad = [], []
    for number, line in enumerate(_text(path), start=1):
        if line.strip():
            try:
                cases.append(_case(line, path, home, split))
            except (ConfigError, ValueError) as error:
                bad.append((number, str(error)))
    return cases, bad


def _cohort(cases: list[Case], home: Path) -> Cohort:
    if len({case.id for case in cases}) < len(cases):  # file names; where two are equal, all ids are paths
        cases = [case.model_copy(update={"id": case.images[IMAGE]}) for case in cases]
    missing = [case.id for case in cases if not (home / case.images[IMAGE]).exists()]
    return Cohort(tuple(cases), home, tuple(listed({"missing images": missing})))


def _case(line: str, path: Path, home: Path, split: str | None) -> Case:
    row = json_object(line)
    if not isinstance(row.get("image_path"), str) or not row["image_path"]:
        raise ValueError("has no image_path")
    patients = {str(row[key]) for key in ("patient", "patient_id") if row.get(key)}
    if len(patients) > 1:
        raise ValueError("patient and patient_id differ")
    raw: dict[str, Any] = {
        "id": stem(Path(row["image_path"])),
        "images": {IMAGE: _from(path, home, row["image_path"])},
        "caption": row.get("caption"),
        "patient": next(iter(patients), None),
        "study": row.get("study"),
        "split": row.get("split") or split,
        "facts": {
            key: value for key, value in row.items() if key not in _FIELDS and isinstance(value, str | int | float)
        },
        "boxes": [_box(box) for box in row.get(_BOXES) or []],
    }
    if row.get("mask_path"):
        raw["masks"] = {MASK: _from(path, home, row["mask_path"])}
    return Case.parse({key: value for key, value in raw.items() if value})


def _from(path: Path, home: Path, target: Any) -> str:
    if not isinstance(target, str):
        raise ValueError(f"{target!r} is not a path")
    whole = path.parent / on_disk(path.parent, target)
    return relative(whole, home) if whole.is_relative_to(home) else whole.as_posix()


def _box(row: Any) -> Box:
    """Read [label, center x, center y, width, height] in shares of the picture, clipped to it."""
    try:
        label, x, y, width, height = row
        left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
        return Box(label=label, left=max(0, left), right=min(1, right), top=max(0, top), bottom=min(1, bottom))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{str(row)[:60]} is not a box of a label and four shares") from error
