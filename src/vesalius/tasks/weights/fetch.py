"""Fetch a public model and make a model folder of it: the only command that uses the network."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from vesalius.arguments import PathLike, checked
from vesalius.errors import InputError, MissingExtraError, UsageError
from vesalius.files import regular, sha256
from vesalius.output import as_output_error, new_folder, refuse_existing
from vesalius.tasks.weights.importing import SOURCE, ImportedWeights, import_weights
from vesalius.tasks.weights.importing import lines as import_lines
from vesalius.weights.address import addresses, ask_sizes, fetch_addresses, is_address
from vesalius.weights.hub import HubFiles, UnreachableError, ask_hub, fetch_files
from vesalius.weights.known import Known, known_model
from vesalius.wording import Progress, quiet


@dataclass(frozen=True)
class FetchedWeights:
    """A public model that was fetched, or asked for.

    Args:
        name: of the model.
        origin: repository on the hub, address, or name of the local file or folder.
        revision: commit on the hub; None from elsewhere.
        pinned: whether it is the tested commit.
        licence: of the weights.
        files: bytes of each file; empty where they are not known.
        bytes: of all files; where these are not known, of the network in fp32.
        files_path: folder that keeps the files.
        path: the model folder.
        imported: how the files became the model folder.
    """

    name: str
    origin: str
    revision: str | None
    pinned: bool
    licence: str
    files: dict[str, int]
    bytes: int
    files_path: str | None = None
    path: str | None = None
    imported: ImportedWeights | None = None


@checked
def fetch_weights(
    name: str,
    output: PathLike | None = None,
    net: Sequence[str] = (),
    *,
    source: str | Path | None = None,
    files: PathLike | None = None,
    check_size: bool = False,
    revision: str | None = None,
    allow: Sequence[str] = (),
    force: bool = False,
    progress: Progress = quiet,
) -> FetchedWeights:
    """Fetch a public model and turn it into a model folder, or keep its files only, or ask only for its size.

    Args:
        name: as `weights list` shows it.
        output: model folder to write; None: the files are kept in `files` only.
        net: sizes of the network that differ from the model's, as "inputs=4"; see `import_weights`.
        source: where the files are, instead of the hub: an address of the weights or of a folder with all files, or
            a file or folder of this machine, which takes no network.
        files: folder to write that keeps the fetched files, for a machine without a network; None: they are removed.
        check_size: ask for the size only; without a network it is that of the network's numbers.
        revision: a commit or branch of the hub instead of the pinned one.
        allow: patterns of tensors that may be missing, unexpected or of another shape.
        force: replace existing folders.
        progress: callback that receives the licence and the size before anything is fetched.

    Raises:
        ConfigError: no such model.
        InputError: it is not there, the server cannot be reached, or the files are not those of the model.
        MissingExtraError: a model folder needs torch.
        OutputError: a folder exists or cannot be written.
        UsageError: no folder is given, or options that exclude each other.
    """
    output, files = (None if path is None else Path(path) for path in (output, files))
    known = known_model(name)
    local = source is not None and not is_address(str(source))
    _check(output, files, check_size=check_size, local=local, elsewhere=source is not None, revision=revision)
    if not check_size:
        _check_writable(output, files, force=force)
    origin = known.repository if source is None else Path(source).name if local else str(source)
    progress(f"{name}: {known.about}; {origin}")
    progress(f"licence: {known.licence}; about {known.mb:.1f} MB")
    if local:
        return _local(name, known, Path(str(source)), output, net, allow, check_size=check_size, force=force)
    offer = _asked(known, None if source is None else str(source), revision, check_size=check_size)
    pinned = source is None and revision is None and known.revision is not None
    sizes = {file: size for file, size in offer.sizes.items() if size is not None}
    total = sum(sizes.values()) or 4 * known.numbers
    result = FetchedWeights(name, origin, offer.commit, pinned, known.licence, sizes, total)
    if sizes:
        commit = "" if offer.commit is None else f", revision {offer.commit}" + ("" if pinned else " (not pinned)")
        progress(f"{total / 1e6:.1f} MB{commit}")
    if check_size:
        return result
    imported = None
    facts = {"name": name, "repository": origin, "revision": offer.commit or "unknown", "licence": known.licence}
    facts |= {"layout": known.layout}
    if files is not None:
        with new_folder(files, force=force) as folder:
            sizes = _fetched(offer, folder, facts)
        if output is not None:
            imported = _imported(files, known, output, net, allow, force=force)
    elif output is not None:
        with as_output_error(output), tempfile.TemporaryDirectory(prefix=".fetching-", dir=_beside(output)) as beside:
            sizes = _fetched(offer, Path(beside), facts)
            imported = _imported(Path(beside), known, output, net, allow, force=force)
    return replace(
        result,
        files=sizes,
        bytes=sum(sizes.values()),
        files_path=None if files is None else str(files),
        path=None if output is None else str(output),
        imported=imported,
    )


def lines(result: FetchedWeights) -> Iterator[str]:
    """Format the result for people."""
    for name, count in result.files.items():
        yield f"{name}  {count / 1e6:.1f} MB"
    if not result.files:
        yield f"about {result.bytes / 1e6:.1f} MB: the numbers of the network in fp32; the server was not reached"
    yield f"licence: {result.licence}"
    yield result.origin + ("" if result.revision is None else f", revision {result.revision}")
    if result.imported is not None:
        yield from import_lines(result.imported)
    if result.files_path is not None:
        yield result.files_path
        if result.path is None:
            yield f"next: vesalius weights fetch {result.name} --from {result.files_path} -o {result.name}"


@dataclass(frozen=True)
class _Offer:
    """What a server has: the commit on the hub, and the bytes of each file; None: unknown."""

    commit: str | None
    sizes: Mapping[str, int | None]
    known: Known
    places: Mapping[str, str] | None

    def fetch(self, folder: Path) -> dict[str, int]:
        """Write the files into a folder; return their bytes."""
        if self.places is not None:
            return fetch_addresses(self.places, folder)
        sizes = {name: size for name, size in self.sizes.items() if size is not None}
        fetch_files(self.known, HubFiles(str(self.commit), sizes), folder)
        return sizes


def _asked(known: Known, address: str | None, revision: str | None, *, check_size: bool) -> _Offer:
    """Ask the hub or another server; without a network only a question for the size is answered."""
    if address is not None:
        places = addresses(address, known.files)
        return _Offer(None, ask_sizes(places), known, places)
    try:
        listing = ask_hub(known, revision)
    except UnreachableError:
        if not check_size:
            raise
        return _Offer(None, {}, known, None)
    return _Offer(listing.commit, dict(listing.sizes), known, None)


def _check(
    output: Path | None, files: Path | None, *, check_size: bool, local: bool, elsewhere: bool, revision: str | None
) -> None:
    """Raise UsageError where options exclude each other, or a folder is missing."""
    if elsewhere and revision is not None:
        raise UsageError("belongs to the hub", where="--revision", fix="leave out --revision or --from")
    if check_size:
        return
    if local and files is not None:
        raise UsageError("keeps what comes from a network", where="--files", fix="leave it out, or copy the files")
    if output is None and (files is None or local):
        raise UsageError("no folder is given", where="-o", fix="name a new folder, or ask with --check-size")


def _check_writable(output: Path | None, files: Path | None, *, force: bool) -> None:
    """Raise OutputError where a folder exists, MissingExtraError where no model folder can be made."""
    for folder in (output, files):
        if folder is not None:
            refuse_existing(folder, force=force)
    if output is not None and find_spec("torch") is None:
        raise MissingExtraError("a model folder needs PyTorch (--files keeps the files without it)", extra="nets")


def _local(
    name: str,
    known: Known,
    source: Path,
    output: Path | None,
    net: Sequence[str],
    allow: Sequence[str],
    *,
    check_size: bool,
    force: bool,
) -> FetchedWeights:
    """Import files of this machine.

    Raises:
        InputError: the weights are not there.
    """
    file = regular(source) / known.files[-1] if source.is_dir() else source
    if not regular(file).is_file():
        raise InputError("does not exist", where=file, fix=f"name {known.files[-1]} or its folder")
    size = file.stat().st_size
    result = FetchedWeights(name, source.name, None, False, known.licence, {file.name: size}, size)
    if check_size or output is None:
        return result
    imported = import_weights(
        file, known.layout, output, _sizes(known, net), allow=allow, licence=known.licence, force=force
    )
    return replace(result, path=str(output), imported=imported)


def _fetched(offer: _Offer, folder: Path, facts: Mapping[str, str]) -> dict[str, int]:
    """Fetch the files into an existing folder, and write beside them where they are from; return their bytes."""
    sizes = offer.fetch(folder)
    source = {**facts, "sha256": {file: sha256(folder / file) for file in sizes}}
    (folder / SOURCE).write_text(json.dumps(source, indent=1) + "\n", encoding="utf-8")
    return sizes


def _imported(
    folder: Path, known: Known, output: Path, net: Sequence[str], allow: Sequence[str], *, force: bool
) -> ImportedWeights:
    """Import fetched files; an error names the model, not the folder, which may be a temporary one."""
    try:
        return import_weights(
            folder / known.files[-1], known.layout, output, _sizes(known, net), allow=allow, force=force
        )
    except InputError as error:
        raise InputError(error.what, where=known.repository, fix=error.fix) from error


def _sizes(known: Known, net: Sequence[str]) -> list[str]:
    """Sizes of the model, then those that differ, which win."""
    return [*known.sizes, *net]


def _beside(output: Path) -> Path:
    """Return the folder that holds a new folder, or the nearest one above it that exists."""
    return next(folder for folder in output.absolute().parents if folder.is_dir())
