"""Fetch a public model's files from the hub: the only command that uses the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from vesalius.arguments import PathLike, checked
from vesalius.errors import UsageError
from vesalius.files import sha256
from vesalius.output import new_folder, refuse_existing
from vesalius.weights.hub import ask_hub, fetch_files
from vesalius.weights.known import import_command, known_model
from vesalius.wording import Progress, quiet

SOURCE = "source.json"
"""File beside the others with their origin."""


@dataclass(frozen=True)
class FetchedWeights:
    """A public model on the hub, or fetched from it.

    `revision` is a commit, `pinned` whether it is the tested one; `files` holds the bytes of each file. Where only the
    size was asked for, there is neither `path`, the new folder, nor `next_command`, which imports the files.
    """

    name: str
    repository: str
    revision: str
    pinned: bool
    licence: str
    files: dict[str, int]
    bytes: int
    path: str | None = None
    next_command: str | None = field(default=None, metadata={"json": "import"})


@checked
def fetch_weights(
    name: str,
    output: PathLike | None = None,
    *,
    check_size: bool = False,
    revision: str | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> FetchedWeights:
    """Fetch a public model, or ask only for its size.

    Args:
        name: as `weights list` shows it.
        output: folder to write; not needed for a size.
        check_size: ask for the size only.
        revision: a commit or branch instead of the pinned one.
        force: replace an existing folder.
        progress: callback that receives the licence and the size before anything is fetched.

    Raises:
        ConfigError: no such model.
        InputError: it is not there, or the hub cannot be reached.
        OutputError: the folder exists or cannot be written.
        UsageError: no folder is given.
    """
    output = None if output is None else Path(output)
    known = known_model(name)
    if not check_size:
        if output is None:
            raise UsageError("no folder is given", where="-o", fix="name a new folder, or ask with --check-size")
        refuse_existing(output, force=force)
    progress(f"{name}: {known.about}; {known.repository}")
    progress(f"licence: {known.licence}")
    listing = ask_hub(known, revision)
    total = sum(listing.sizes.values())
    pinned = revision is None and known.revision is not None
    progress(f"{total / 1e6:.1f} MB, revision {listing.commit}" + ("" if pinned else " (not pinned)"))
    files = dict(listing.sizes)
    result = FetchedWeights(name, known.repository, listing.commit, pinned, known.licence, files, total)
    if check_size or output is None:
        return result
    with new_folder(output, force=force) as folder:
        fetch_files(known, listing, folder)
        source = {key: getattr(result, key) for key in ("name", "repository", "revision", "licence")}
        source |= {"layout": known.layout, "sha256": {file: sha256(folder / file) for file in known.files}}
        (folder / SOURCE).write_text(json.dumps(source, indent=1) + "\n", encoding="utf-8")
    path = output / known.files[-1]
    command = import_command(str(path), name, known.layout, known.sizes)
    return replace(result, path=str(output), next_command=command)


def lines(result: FetchedWeights) -> Iterator[str]:
    """Format the result for people."""
    for name, count in result.files.items():
        yield f"{name}  {count / 1e6:.1f} MB"
    yield f"licence: {result.licence}"
    yield f"{result.repository}, revision {result.revision}"
    if result.path:
        yield result.path
        yield f"next: {result.next_command}"
