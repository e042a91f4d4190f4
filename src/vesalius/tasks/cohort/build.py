"""Build a manifest from a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vesalius.arguments import PathLike, checked
from vesalius.cohort.audit.run import WHOLE, SplitCounts, count_splits
from vesalius.cohort.build import build_cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.output import refuse_existing
from vesalius.tasks.cohort.counts import count_lines


@dataclass(frozen=True)
class BuiltManifest:
    """Result of `build_manifest`.

    Args:
        path: the manifest.
        parts: counts of the whole cohort, then of each split.
        masks: number of cases with a mask.
        notes: caveats, one sentence each.
    """

    path: Path
    parts: tuple[SplitCounts, ...]
    masks: int
    notes: tuple[str, ...]


@checked
def build_manifest(
    layout: str, folder: PathLike, output: PathLike, options: Sequence[str] = (), *, force: bool = False
) -> BuiltManifest:
    """Find the cases of a data set as `build_cohort` does, and write them as a manifest.

    Args:
        layout: a name of `vesalius.cohort.build.BUILDERS`, or "auto".
        folder: folder of the data set.
        output: `.jsonl` or `.csv`; paths in it start from its folder.
        options: options of the layout, such as "uncertain=ones".
        force: replace an existing file.

    Raises:
        UsageError: no such layout, or another suffix.
        InputError: the folder has another layout.
        OutputError: the file exists or cannot be written.
    """
    folder = Path(folder)
    output = Path(output)
    refuse_existing(output, force=force)
    cohort = build_cohort(layout, folder, options)
    write_manifest(cohort, output, force=force)
    splits = {WHOLE: cohort} | {name: cohort.of_split(name) for name in cohort.splits}
    masks = sum(bool(case.masks) for case in cohort)
    return BuiltManifest(output, count_splits(splits), masks, cohort.notes)


def lines(result: BuiltManifest) -> Iterator[str]:
    """Yield the result for people."""
    yield from count_lines(result.parts)
    if result.masks:
        yield f"{result.masks} cases have a mask"
    yield from (f"note: {note}" for note in result.notes)
    yield str(result.path)
