"""Write a cohort as tar shards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vesalius.arguments import PathLike, checked
from vesalius.cohort.manifest import read_manifest
from vesalius.cohort.shard import shard


@dataclass(frozen=True)
class ShardFile:
    """A tar file by its name in the folder, and its size."""

    name: str
    bytes: int


@dataclass(frozen=True)
class ShardedCohort:
    """Result of `shard_cohort`.

    Args:
        path: folder of the shards.
        shards: the tar files.
        notes: changes of headers and caveats, one sentence each.
    """

    path: Path
    shards: tuple[ShardFile, ...]
    notes: tuple[str, ...]


@checked
def shard_cohort(
    manifest: PathLike,
    output: PathLike,
    *,
    shard_mib: float = 256,
    seed: int = 0,
    keep_identifiers: bool = False,
    force: bool = False,
) -> ShardedCohort:
    """Write the cases of a manifest as tar shards into a new folder, with the options of `vesalius.cohort.shard.shard`.

    Raises:
        InputError: the manifest or a file of a case cannot be read.
        OutputError: the folder exists or cannot be written.
    """
    manifest = Path(manifest)
    output = Path(output)
    cohort = read_manifest(manifest)
    paths, notes = shard(cohort, output, shard_mib=shard_mib, seed=seed, keep_identifiers=keep_identifiers, force=force)
    files = tuple(ShardFile(path.name, path.stat().st_size) for path in paths)
    return ShardedCohort(output, files, (*cohort.notes, *notes))


def lines(result: ShardedCohort) -> Iterator[str]:
    """Yield the result for people."""
    yield from (f"{file.name}  {file.bytes / 2**20:.1f} MiB" for file in result.shards)
    yield from (f"note: {note}" for note in result.notes)
    yield str(result.path)
