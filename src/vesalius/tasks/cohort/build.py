"""Build a manifest from a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vesalius.cohort.audit.run import WHOLE, count_part
from vesalius.cohort.build import build_cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.output import refuse_existing
from vesalius.tasks.cohort.parts import part_facts, part_lines


def build_manifest(
    layout: str, folder: Path, output: Path, options: Sequence[str] = (), *, force: bool = False
) -> dict[str, Any]:
    """Find the cases of a data set and write them as a manifest.

    Args:
        layout: a key of `vesalius.cohort.build.BUILDERS`, or "auto".
        folder: where the data set lies.
        output: `.jsonl` or `.csv`; paths in it start from its own folder.
        options: of the layout, as "uncertain=ones".
        force: replace an existing file.

    Returns:
        {"path", "parts", "masks", "notes"}, JSON-able.

    Raises:
        UsageError: no such layout, or another suffix.
        InputError: the folder is not of this layout.
        OutputError: the file exists or cannot be written.
    """
    refuse_existing(output, force=force)
    cohort = build_cohort(layout, folder, options)
    write_manifest(cohort, output, force=force)
    pieces = {WHOLE: cohort} | {name: cohort.of_split(name) for name in cohort.splits}
    return {
        "path": str(output),
        "parts": [part_facts(count_part(name, one)) for name, one in pieces.items()],
        "masks": sum(bool(case.masks) for case in cohort),
        "notes": list(cohort.notes),
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    yield from part_lines(result["parts"])
    if result["masks"]:
        yield f"{result['masks']} cases have a mask"
    yield from (f"note: {note}" for note in result["notes"])
    yield result["path"]
