"""Compress many inputs: one `.vsl` file per scan; a failure is listed and the rest goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vesalius.codec.compress import compress_scan
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

Progress = Callable[[str], None]


def quiet(line: str) -> None:
    """A progress function that shows nothing."""


@dataclass(frozen=True)
class _Item:
    found: Found
    target: Path


def compress(
    paths: Sequence[Path],
    output: Path,
    config: CompressConfig,
    *,
    reading: Reading = AS_STATED,
    cache: Path | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Compress every scan found at `paths`.

    Args:
        paths: files and folders.
        output: a `.vsl` file for one scan, else a folder that receives one file per scan.
        config: targets and options.
        reading: choices where the files leave some open.
        cache: folder of the key for DICOM UIDs.
        force: replace existing files.
        progress: called with one line before each of several scans; what came of it is in the result.

    Returns:
        {"written": [...], "skipped": [...], "failed": [{"path", "error"}]}; a rerun into the same folder skips what
        is finished.

    Raises:
        VesaliusError: nothing can be done at all: no input, several scans for one output file; or the one scan failed.
    """
    config.targets()
    refuse_odd(output)
    many = output.suffix.lower() != SUFFIX
    if many and _looks_like_a_file(output):
        raise UsageError(
            f"ends neither in {SUFFIX} nor is it a folder", where=output, fix=f"end a file name in {SUFFIX}"
        )
    result: dict[str, Any] = {"written": [], "skipped": [], "failed": []}
    items = list(_items(paths, output, reading, many, result["failed"]))
    if not many and not items and result["failed"]:
        raise InputError(result["failed"][0]["error"])
    if not many and len(items) != 1:
        shown = f"{len(items)} scans for one output file"
        one = f", or {ways([item.found for item in items])}" if len(paths) == 1 else " or one input"
        raise UsageError(shown, where=output, fix=f"name a folder{one}")
    for number, item in enumerate(items, 1):
        if many:
            failures = f", {len(result['failed'])} failed so far" if result["failed"] else ""
            progress(f"{number} of {len(items)}: {item.target.name}{failures}")
        try:
            if many and not force and _finished(item, config, reading):
                result["skipped"].append(str(item.target))
                continue
            result["written"].append(_one(item, config, reading, cache, force))
        except VesaliusError as error:
            if not many:
                raise
            result["failed"].append({"path": str(item.found.path), "error": str(error)})
    return result


def _looks_like_a_file(output: Path) -> bool:
    """True for a file that is there, and for a name with a suffix of letters where nothing is."""
    return not output.is_dir() and (output.exists() or output.suffix[1:].isalpha())


def _items(
    paths: Sequence[Path], output: Path, reading: Reading, many: bool, failed: list[dict[str, str]]
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
            failed.append({"path": str(path), "error": str(error)})
            continue
        root = Path(path.resolve().name) if several and path.is_dir() else Path()
        failed += [{"path": str(one.path), "error": str(one.refusal)} for one in found if one.refusal is not None]
        readable = [one for one in found if one.refusal is None]
        items.extend(_Item(one, output / root / _relative(one, path) if many else output) for one in readable)
    return _unique(items) if many else items


def _unique(items: Sequence[_Item]) -> list[_Item]:
    """Give each scan a target of its own: x.vsl, x-2.vsl, ...; a name that a scan has by itself is never taken."""
    own = {item.target for item in items}
    taken: set[Path] = set()
    unique = []
    for item in items:
        target, number = item.target, 1
        while target in taken or (number > 1 and target in own):
            number += 1
            target = item.target.with_name(f"{item.target.stem}-{number}.vsl")
        taken.add(target)
        unique.append(_Item(item.found, target))
    return unique


def _relative(found: Found, root: Path) -> Path:
    """Where below the output folder: the subfolder in which it was found."""
    if root.is_file() or found.path == root:
        return Path(f"{found.name}.vsl")
    return found.path.relative_to(root).parent / f"{found.name}.vsl"


def _finished(item: _Item, config: CompressConfig, reading: Reading) -> bool:
    """True where an earlier run wrote this file from the same values with the same options.

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
    if header.job != _job_id(item.found.open(), config, reading):
        what = "exists and was made from another scan or with other options"
        raise OutputError(what, where=target, fix="choose another folder or pass --force")
    return True


def _job_id(scan: Scan, config: CompressConfig, reading: Reading) -> str:
    """A digest of the stored values, the geometry and every option that changes the file."""
    digest = hashlib.sha256()
    options = config.model_dump(mode="json", exclude={"threads", "quality"}) | reading.stated()
    grid = None if scan.grid_problem else scan.affine.tolist()
    for fact in (options, scan.shape, scan.dtype.str, grid, scan.frame_ms):
        digest.update(json.dumps(fact, sort_keys=True).encode() + b"\n")
    scan = scan.resident()
    for t in range(scan.shape[1]):
        digest.update(np.ascontiguousarray(scan.stored(slice(t, t + 1))).tobytes())
    return digest.hexdigest()[:32]


def _one(item: _Item, config: CompressConfig, reading: Reading, cache: Path | None, force: bool) -> dict[str, Any]:
    scan = item.found.open()
    if scan.native is None:
        what = f"files of the kind {item.found.format} cannot be given back, so they are not compressed"
        raise UsageError(what, where=item.found.path, fix="make a NIfTI or .npy file of it first: vesalius convert")
    scan = scan.resident()
    key = uid_key(cache) if item.found.format == "dicom" and config.identifiers != "keep" else None
    try:
        done = compress_scan(scan, item.target, config, uid_key=key, job_id=_job_id(scan, config, reading), force=force)
    except InputError as error:
        raise error if error.where else InputError(error.what, where=item.found.path, fix=error.fix) from error
    kept = [asdict(one) | {"words": one.words} for one in done.kept]
    about = {"path": str(done.path), "kept": kept, "problems": list(scan.problems)}
    return {"source": str(item.found.path), **asdict(done), **about}
