"""The manifest of a cell, and the overrides that make a run of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.errors import UsageError


def write_cases(cohort: Cohort, path: Path, run: Path) -> None:
    """Write the manifest of cells; that of an earlier run must say the same.

    Args:
        cohort: the cases of all splits.
        path: the manifest, a `.csv`.
        run: folder of the comparison, for messages.

    Raises:
        UsageError: the cases have changed since.
        OutputError: cannot be written.
    """
    if path.exists() and [*map(_facts, read_manifest(path))] != [*map(_facts, cohort)]:
        what = "the cases have changed since this run began"
        raise UsageError(what, where=run, fix="resume with the same manifest, or choose another folder")
    write_manifest(cohort, path, force=True)


def words_of(manifest: Path, seed: int, classes: Sequence[str]) -> list[str]:
    """Return the overrides that make a run of a cell: its cases, its seed, no choice of weights by validation.

    Args:
        manifest: of the cell.
        seed: of its training.
        classes: to learn; empty: as configured.
    """
    path = str(manifest.resolve())
    shown = path if yaml.safe_load(path) == path else _yaml([path])
    words = [f"data.manifest={shown}", "data.fold=null", f"train.seed={seed}"]
    words += ["train.best=null", "train.patience=null"]
    return words + ([f"data.classes={_yaml(list(classes))}"] if classes else [])


def _yaml(texts: list[str]) -> str:
    return yaml.safe_dump(texts, default_flow_style=True, width=math.inf).strip()


def _facts(case: Case) -> dict[str, Any]:
    """Return what a case is; of its files only the names, since a folder may be moved."""
    names = {
        field: {key: Path(path).name for key, path in getattr(case, field).items()} for field in ("images", "masks")
    }
    return case.model_dump() | names
