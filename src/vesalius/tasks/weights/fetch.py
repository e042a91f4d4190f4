"""Fetch a public model's files from the hub: the only job that uses the network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vesalius.errors import UsageError
from vesalius.files import regular
from vesalius.output import new_folder, refuse_existing
from vesalius.weights.hub import ask_hub, fetch_files
from vesalius.weights.known import known_model
from vesalius.wording import Progress, quiet

SOURCE = "source.json"
"""Where the files came from, beside them."""


def fetch_weights(
    name: str,
    output: Path | None = None,
    *,
    check_size: bool = False,
    revision: str | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Fetch a public model, or ask how large it is.

    Args:
        name: as `weights list` shows it.
        output: folder to be made; not needed for a size.
        check_size: ask only.
        revision: a commit or branch instead of the pinned one.
        force: replace an existing folder.
        progress: receives the licence and the size before anything is fetched.

    Returns:
        {"name", "repository", "revision", "pinned", "licence", "files": {name: bytes}, "bytes", "path", "import"},
        JSON-able; "path" and "import", the command that comes next, are None for a size.

    Raises:
        ConfigError: no such model.
        InputError: it is not there, or the hub cannot be reached.
        OutputError: the folder exists or cannot be written.
        UsageError: no folder is given.
    """
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
    result: dict[str, Any] = {
        "name": name,
        "repository": known.repository,
        "revision": listing.commit,
        "pinned": pinned,
        "licence": known.licence,
        "files": dict(listing.sizes),
        "bytes": total,
        "path": None,
        "import": None,
    }
    if check_size or output is None:
        return result
    with new_folder(output, force=force) as folder:
        fetch_files(known, listing, folder)
        source = {key: result[key] for key in ("name", "repository", "revision", "licence")}
        source |= {"layout": known.layout, "sha256": {one: _digest(folder / one) for one in known.files}}
        (folder / SOURCE).write_text(json.dumps(source, indent=1) + "\n", encoding="utf-8")
    sizes = "".join(f" {size}" for size in known.sizes)
    path = output / known.files[-1]
    return result | {
        "path": str(output),
        "import": f"vesalius weights import {path} --layout {known.layout} -o {name}{sizes}",
    }


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    for name, count in result["files"].items():
        yield f"{name}  {count / 1e6:.1f} MB"
    yield f"licence: {result['licence']}"
    yield f"{result['repository']}, revision {result['revision']}"
    if result["path"]:
        yield result["path"]
        yield f"next: {result['import']}"


def _digest(path: Path) -> str:
    with regular(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
