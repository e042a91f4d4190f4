"""Compress many inputs: one `.vsl` file per scan; a failure is listed and the rest goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vesalius.arguments import PathLike, Paths, checked, path_list
from vesalius.codec.compress import CompressResult, compress_scan
from vesalius.codec.container import SUFFIX
from vesalius.codec.decode import open_vsl
from vesalius.codec.options import CompressConfig
from vesalius.errors import CorruptFileError, InputError, OutputError, UsageError, VesaliusError
from vesalius.output import refuse_odd
from vesalius.scan.found import Found, ways
from vesalius.scan.open import find_scans
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan
from vesalius.scan.uid_key import uid_key
from vesalius.wording import Progress, quiet

_JOB_DIGITS = 16
"""Hexadecimal digits of the digest by which a rerun knows a finished file; files of version 1 have more."""


@dataclass(frozen=True)
class CompressedScan(CompressResult):
    """A compressed scan, its file or folder, and caveats about it."""

    source: Path
    problems: tuple[str, ...]


@dataclass(frozen=True)
class CompressFailure:
    """An input that was not compressed, and the error."""

    path: Path
    error: str


@dataclass(frozen=True)
class CompressedScans:
    """Scans that were compressed, files that an earlier run had finished, and inputs that failed."""

    written: tuple[CompressedScan, ...]
    skipped: tuple[Path, ...]
    failed: tuple[CompressFailure, ...]


@dataclass(frozen=True)
class _Item:
    found: Found
    target: Path


@checked
def compress(
    paths: Paths,
    output: PathLike,
    config: CompressConfig | None = None,
    *,
    reading: Reading = AS_STATED,
    cache: PathLike | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> CompressedScans:
    """Compress every scan found at `paths`; a rerun into the same folder skips what is finished.

    Args:
        paths: a file or folder, or several.
        output: a `.vsl` file for one scan, else a folder that receives one file per scan.
        config: targets and options; None: lossless.
        reading: choices where the files leave some open.
        cache: folder of the key for DICOM UIDs.
        force: replace existing files.
        progress: called with one line before each of several scans.

    Raises:
        VesaliusError: nothing can be done at all: no input, several scans for one output file; or the one scan failed.
    """
    paths, config = path_list(paths), config or CompressConfig()
    output = Path(output)
    cache = None if cache is None else Path(cache)
    refuse_odd(output)
    many = output.suffix.lower() != SUFFIX
    if many and _looks_like_a_file(output):
        what = f"ends neither in {SUFFIX} nor is it a folder"
        raise UsageError(what, where=output, fix=f"end a file name in {SUFFIX}")
    failed: list[CompressFailure] = []
    items = _items(paths, output, reading, many, failed)
    if not many and not items and failed:
        raise InputError(failed[0].error)
    if not many and len(items) != 1:
        choice = f", or {ways([item.found for item in items])}" if len(paths) == 1 else " or one input"
        raise UsageError(f"{len(items)} scans for one output file", where=output, fix=f"name a folder{choice}")
    written: list[CompressedScan] = []
    skipped: list[Path] = []
    for number, item in enumerate(items, 1):
        if many:
            failures = f", {len(failed)} failed so far" if failed else ""
            progress(f"{number} of {len(items)}: {item.target.name}{failures}")
        try:
            if many and not force and _finished(item, config, reading):
                skipped.append(item.target)
            else:
                written.append(_compress_item(item, config, reading, cache, force))
        except VesaliusError as error:
            if not many:
                raise
            failed.append(CompressFailure(item.found.path, str(error)))
    return CompressedScans(tuple(written), tuple(skipped), tuple(failed))


def _looks_like_a_file(output: Path) -> bool:
    """Return True for an existing file, and for a new name with a suffix of letters."""
    return not output.is_dir() and (output.exists() or output.suffix[1:].isalpha())


def _items(
    paths: Sequence[Path], output: Path, reading: Reading, many: bool, failed: list[CompressFailure]
) -> list[_Item]:
    items: list[_Item] = []
    several = sum(path.is_dir() for path in paths) > 1
    for path in paths:
        try:
            if path.suffix.lower() == SUFFIX and path.is_file():
                raise UsageError("is compressed already", where=path, fix="use vesalius decompress or convert")
            found = find_scans(path, reading)
        except VesaliusError as error:
            if not many or len(paths) == 1:
                raise
            failed.append(CompressFailure(path, str(error)))
            continue
        root = Path(path.resolve().name) if several and path.is_dir() else Path()
        for scan in found:
            if scan.refusal is not None:
                failed.append(CompressFailure(scan.path, str(scan.refusal)))
            else:
                items.append(_Item(scan, output / root / _relative(scan, path) if many else output))
    return _unique(items) if many else items


def _unique(items: Sequence[_Item]) -> list[_Item]:
    """Number equal targets: x.vsl, x-2.vsl, ...; a number never gives the name of another scan."""
    unnumbered = {item.target for item in items}
    taken: set[Path] = set()
    unique = []
    for item in items:
        target, number = item.target, 1
        while target in taken or (number > 1 and target in unnumbered):
            number += 1
            target = item.target.with_name(f"{item.target.stem}-{number}.vsl")
        taken.add(target)
        unique.append(_Item(item.found, target))
    return unique


def _relative(found: Found, root: Path) -> Path:
    if root.is_file() or found.path == root:
        return Path(f"{found.name}.vsl")
    return found.path.relative_to(root).parent / f"{found.name}.vsl"


def _finished(item: _Item, config: CompressConfig, reading: Reading) -> bool:
    """Return True where an earlier run wrote this file from the same values with the same options.

    Raises:
        OutputError: the file is damaged, or was written from another scan or with other options.
    """
    target = item.target
    if not target.exists():
        return False
    try:
        header = open_vsl(target).header
    except CorruptFileError as error:
        raise OutputError("exists and is damaged", where=target, fix="pass --force to replace it") from error
    if [tier.target for tier in header.tiers] != [target.words for target in config.targets()]:
        raise OutputError("exists with other targets", where=target, fix="choose another folder or pass --force")
    if header.job is None or header.job[:_JOB_DIGITS] != _job_id(item.found.open(), config, reading):
        what = "exists and was made from another scan or with other options"
        raise OutputError(what, where=target, fix="choose another folder or pass --force")
    return True


def _job_id(scan: Scan, config: CompressConfig, reading: Reading) -> str:
    """Return a digest of the stored values, the geometry and every option that changes the file."""
    digest = hashlib.sha256()
    # a quality is part of the targets, which `_finished` compares: ids from before that option stay valid
    options = {key: value for key, value in vars(config).items() if key not in ("threads", "quality")}
    for later in ("tier", "model", "tokens", "crf"):  # ids from before these options stay valid
        if options[later] is None:
            del options[later]
    options |= reading.stated()
    grid = None if scan.grid_problem else scan.affine.tolist()
    for fact in (options, scan.shape, scan.dtype.str, grid, scan.frame_ms):
        digest.update(json.dumps(fact, sort_keys=True).encode() + b"\n")
    scan = scan.resident()
    for t in range(scan.shape[1]):
        digest.update(np.ascontiguousarray(scan.stored(slice(t, t + 1))).tobytes())
    return digest.hexdigest()[:_JOB_DIGITS]


def _compress_item(
    item: _Item, config: CompressConfig, reading: Reading, cache: Path | None, force: bool
) -> CompressedScan:
    found = item.found
    scan = found.open()
    if scan.native is None:
        what = f"files of the kind {found.format} cannot be given back, so they are not compressed"
        raise UsageError(what, where=found.path, fix="convert it to NIfTI or .npy first: vesalius convert")
    scan = scan.resident()
    key = uid_key(cache) if found.format == "dicom" and config.identifiers != "keep" else None
    job_id = _job_id(scan, config, reading)
    try:
        result = compress_scan(scan, item.target, config, uid_key=key, job_id=job_id, force=force)
    except InputError as error:
        raise error.at(found.path) from error
    return CompressedScan(**vars(result), source=found.path, problems=scan.problems)
