"""Split a manifest by patient, and write one manifest for each split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vesalius.arguments import PathLike, checked
from vesalius.cohort.audit.compare import alike
from vesalius.cohort.audit.run import WHOLE, SplitCounts, count_splits, look_at_all
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import By
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.split import RATIOS, split_cohort
from vesalius.json_values import as_json
from vesalius.output import new_folder
from vesalius.tasks.cohort.counts import count_lines
from vesalius.wording import Progress, quiet

SPLIT_FACTS = "split.json"


@dataclass(frozen=True)
class SplitManifest:
    """Result of `split_manifest`.

    Args:
        path: folder of the manifests.
        parts: counts of the whole cohort, then of each split and fold.
        notes: caveats, one sentence each.
        digest: 16 hexadecimal digits; equal digests are equal splits.
    """

    path: Path
    parts: tuple[SplitCounts, ...]
    notes: tuple[str, ...]
    digest: str


@checked
def split_manifest(
    manifest: PathLike,
    output: PathLike,
    ratios: Sequence[float] = RATIOS,
    *,
    folds: int = 0,
    by: By = "patient",
    stratify: str | None = None,
    near_duplicates: bool = False,
    seed: int = 0,
    force: bool = False,
    progress: Progress = quiet,
) -> SplitManifest:
    """Write `manifest`, `train`, `val`, `test` (and `fold0`, ...) with the suffix of the input, and `split.json`.

    Fold n holds the cases that the n-th of `folds` models is validated on. Options are those of `split_cohort`;
    `force` replaces an existing folder. With `near_duplicates` all images are read, and cases whose images look alike,
    as `vesalius cohort audit` finds them, stay together, too.

    Raises:
        InputError: the manifest cannot be read.
        UsageError: the ratios, folds or fact do not fit the cohort.
        OutputError: the folder exists or cannot be written.
    """
    manifest = Path(manifest)
    output = Path(output)
    whole = read_manifest(manifest)
    together = alike(look_at_all(whole, progress=progress)) if near_duplicates else []
    cohort = split_cohort(whole, ratios, folds=folds, by=by, stratify=stratify, alike=together, seed=seed)
    if near_duplicates:
        found = f"near-duplicates: {len(together)} pairs of cases look alike and were kept together"
        cohort = replace(cohort, notes=(*cohort.notes, found))
    splits = {name: cohort.of_split(name) for name in cohort.splits}
    splits |= {f"fold{fold}": cohort.of_fold(fold) for fold in range(folds)}
    result = SplitManifest(output, count_splits({WHOLE: cohort, **splits}), cohort.notes, _digest(cohort))
    settings = {"ratios": ratios, "folds": folds, "by": by, "stratify": stratify, "seed": seed}
    settings |= {"near_duplicates": True} if near_duplicates else {}
    facts = {**settings, "parts": result.parts, "notes": result.notes, "digest": result.digest}
    with new_folder(output, force=force) as folder:
        for name, split in {"manifest": cohort, **splits}.items():
            write_manifest(split, folder / f"{name}{manifest.suffix.lower()}")
        text = json.dumps(as_json(facts), indent=1, ensure_ascii=False)
        (folder / SPLIT_FACTS).write_text(text + "\n", encoding="utf-8")
    return result


def lines(result: SplitManifest) -> Iterator[str]:
    """Yield the result for people."""
    yield from count_lines(result.parts)
    yield from (f"note: {note}" for note in result.notes)
    yield str(result.path)


def _digest(cohort: Cohort) -> str:
    rows = sorted((case.id, case.split, case.fold) for case in cohort)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
