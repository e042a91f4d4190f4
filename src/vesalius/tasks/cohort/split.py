"""Split a manifest by patient, and write one manifest for each part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vesalius.cohort.audit.run import WHOLE, count_part
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import By
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.split import RATIOS, split_cohort
from vesalius.output import new_folder
from vesalius.tasks.cohort.parts import part_facts, part_lines

SPLIT_FACTS = "split.json"


def split_manifest(
    manifest: Path,
    output: Path,
    ratios: Sequence[float] = RATIOS,
    *,
    folds: int = 0,
    by: By = "patient",
    stratify: str | None = None,
    seed: int = 0,
    force: bool = False,
) -> dict[str, Any]:
    """Write `manifest`, `train`, `val`, `test` (and `fold0`, ...) with the suffix of the input, and `split.json`.

    Fold n holds the cases that the n-th of `folds` models is validated on.

    Args:
        manifest: `.jsonl` or `.csv`.
        output: folder to be made.
        ratios: shares of train, val and test.
        folds: number of folds outside the test split, or 0.
        by: what is never divided.
        stratify: a fact whose values are spread evenly, besides the labels.
        seed: another seed, another split.
        force: replace an existing folder.

    Returns:
        {"path", "parts", "notes", "digest"}, JSON-able; equal digests are equal splits.

    Raises:
        InputError: the manifest cannot be read.
        UsageError: it cannot be split as asked.
        OutputError: the folder exists or cannot be written.
    """
    cohort = split_cohort(read_manifest(manifest), ratios, folds=folds, by=by, stratify=stratify, seed=seed)
    suffix = manifest.suffix.lower()
    pieces = {"manifest": cohort} | {name: cohort.of_split(name) for name in cohort.splits}
    for fold in range(folds):
        pieces[f"fold{fold}"] = cohort.of_fold(fold)
    parts = [part_facts(count_part(WHOLE if name == "manifest" else name, one)) for name, one in pieces.items()]
    result: dict[str, Any] = {
        "path": str(output),
        "parts": parts,
        "notes": list(cohort.notes),
        "digest": _digest(cohort),
    }
    settings = {"ratios": list(ratios), "folds": folds, "by": by, "stratify": stratify, "seed": seed}
    with new_folder(output, force=force) as folder:
        for name, one in pieces.items():
            write_manifest(one, folder / f"{name}{suffix}")
        told = {**settings, "parts": parts, "notes": result["notes"], "digest": result["digest"]}
        (folder / SPLIT_FACTS).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return result


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    yield from part_lines(result["parts"])
    yield from (f"note: {note}" for note in result["notes"])
    yield result["path"]


def _digest(cohort: Cohort) -> str:
    rows = sorted((case.id, case.split, case.fold) for case in cohort)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
