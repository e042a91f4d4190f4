"""Write a cohort as tar shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.shard import shard


def shard_cohort(
    manifest: Path,
    output: Path,
    *,
    shard_mib: float = 256,
    seed: int = 0,
    keep_identifiers: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Write the cases of a manifest as tar shards, a row of them for each split.

    Args:
        manifest: `.jsonl` or `.csv`.
        output: folder to be made.
        shard_mib: size at which a new shard begins.
        seed: of the order.
        keep_identifiers: pack files as they are, with all that their headers say.
        force: replace an existing folder.

    Returns:
        {"path", "shards": [{"name", "bytes"}], "notes"}, JSON-able.

    Raises:
        InputError: the manifest or a file of a case cannot be read.
        OutputError: the folder exists or cannot be written.
    """
    cohort = read_manifest(manifest)
    done = shard(cohort, output, shard_mib=shard_mib, seed=seed, keep_identifiers=keep_identifiers, force=force)
    shards = [{"name": path.name, "bytes": path.stat().st_size} for path in done.paths]
    return {"path": str(output), "shards": shards, "notes": [*cohort.notes, *done.notes]}


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    yield from (f"{one['name']}  {one['bytes'] / 2**20:.1f} MiB" for one in result["shards"])
    yield from (f"note: {note}" for note in result["notes"])
    yield result["path"]
