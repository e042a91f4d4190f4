"""Compress many inputs: one `.vsl` file per scan; a failure is listed and the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vesalius.codec.compress import compress_scan
from vesalius.codec.container import SUFFIX
from vesalius.codec.decode import open_vsl
from vesalius.errors import CorruptFileError, OutputError, UsageError, VesaliusError
from vesalius.scan.open import Found, find_scans
from vesalius.scan.scan import Scan
from vesalius.tasks.compress.config import CompressConfig
from vesalius.tasks.compress.uid_key import uid_key

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
    series: str | None = None,
    cache: Path | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> dict[str, Any]:
    """Compress every scan found at `paths`.

    Args:
        paths: files and folders.
        output: a `.vsl` file for one scan, else a folder that receives one file per scan.
        config: targets and options.
        series: DICOM SeriesInstanceUID (or its end) to pick.
        cache: folder of the key for DICOM UIDs.
        force: replace existing files.
        progress: called with one line per scan.

    Returns:
        {"written": [...], "skipped": [...], "failed": [{"path", "error"}]}; a rerun into the same folder skips what
        is finished.

    Raises:
        VesaliusError: nothing can be done at all: no input, several scans for one output file; or the one scan failed.
    """
    config.targets()
    many = output.suffix.lower() != SUFFIX
    result: dict[str, Any] = {"written": [], "skipped": [], "failed": []}
    items = list(_items(paths, output, series, many, result["failed"]))
    if not many and len(items) != 1:
        shown = f"{len(items)} scans for one output file"
        raise UsageError(shown, where=output, fix="name a folder, one input, or --series UID")
    for item in items:
        try:
            if many and not force and _finished(item, config):
                result["skipped"].append(str(item.target))
                progress(f"{item.target.name}: finished before, skipped")
                continue
            result["written"].append(_one(item, config, cache, force))
            progress(_line(result["written"][-1]))
        except VesaliusError as error:
            if not many:
                raise
            result["failed"].append({"path": str(item.found.path), "error": str(error)})
            progress(f"failed: {error}")
    return result


def _items(
    paths: Sequence[Path], output: Path, series: str | None, many: bool, failed: list[dict[str, str]]
) -> list[_Item]:
    items: list[_Item] = []
    for path in paths:
        try:
            found = find_scans(path, series)
        except VesaliusError as error:
            if not many or len(paths) == 1:
                raise
            failed.append({"path": str(path), "error": str(error)})
            continue
        items.extend(_Item(one, output / _relative(one, path) if many else output) for one in found)
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


def _finished(item: _Item, config: CompressConfig) -> bool:
    """True where an earlier run wrote this file from a scan of the same shape and type with the same targets.

    Raises:
        OutputError: the file is damaged, or was written from another scan or with other targets.
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
    scan = item.found.open()
    if (header.shape, header.dtype, header.format) != (scan.shape, scan.dtype.str, item.found.format):
        raise OutputError("exists and holds another scan", where=target, fix="choose another folder or pass --force")
    return True


def _one(item: _Item, config: CompressConfig, cache: Path | None, force: bool) -> dict[str, Any]:
    scan = item.found.open()
    _check_memory(scan, config.memory_gib, item.found.path)
    key = uid_key(cache) if item.found.format == "dicom" and config.identifiers != "keep" else None
    done = compress_scan(
        scan,
        item.target,
        config.targets(),
        coder=config.coder,
        effort=config.effort,
        access=config.access,
        identifiers=config.identifiers,
        uid_key=key,
        threads=config.threads,
        force=force,
    )
    return {"source": str(item.found.path), **asdict(done), "path": str(done.path)}


def _check_memory(scan: Scan, limit_gib: float | None, path: Path) -> None:
    """Refuse a scan whose pixels must be held in memory and do not fit."""
    needed = scan.voxels * scan.dtype.itemsize / 2**30
    if limit_gib is not None and not scan.pixels.direct and needed > limit_gib:
        what = f"needs {needed:.2f} GiB of memory, --memory allows {limit_gib:g}"
        raise UsageError(what, where=path, fix="raise --memory, or uncompress the .nii.gz so that it can be mapped")


def _line(written: dict[str, Any]) -> str:
    parts = []
    for tier in written["tiers"]:
        lost = "lossless" if tier["psnr_db"] is None else f"{tier['psnr_db']:.2f} dB, max error {tier['max_error']:.4g}"
        parts.append(f"{tier['coder']}, {lost}")
    size = f"{written['bytes_written']} bytes, {written['ratio']:.4g}:1"
    return f"{written['path']}: {size} ({'; '.join(parts)})"
