"""Describe scans without decoding their pixels: geometry, time, modality, problems."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vesalius.arguments import Paths, checked, path_list
from vesalius.codec.container import SUFFIX as VSL_SUFFIX
from vesalius.errors import InputError, VesaliusError
from vesalius.scan.describe import ScanFacts, describe_scan
from vesalius.scan.found import Found
from vesalius.scan.open import FolderListing, list_scans
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan
from vesalius.scan.synthetic import Stamp, read_stamp


@dataclass(frozen=True, kw_only=True)
class InspectedScan(ScanFacts):
    """A scan on disk.

    Args:
        path: the file, or the folder of a series or stack.
        format: "nifti", "dicom", ..., "vsl".
        series_uid: DICOM SeriesInstanceUID.
        bytes: size on disk; None for a DICOM series, whose folder may hold other files.
        range: smallest and largest finite real value; None where they are not requested or unknown.
        vsl: facts of a `.vsl` file.
        synthetic: what a synthetic picture was made of; None for all others.
    """

    path: str
    format: str
    series_uid: str | None = None
    bytes: int | None = None
    range: tuple[float, float] | None = None
    vsl: dict[str, Any] | None = None
    synthetic: Stamp | None = None


@dataclass(frozen=True)
class UnreadScan:
    """A file or folder that cannot be read, and why."""

    path: str
    error: str


@dataclass(frozen=True)
class Inspection:
    """Scans, failures, and a note on other files for each path."""

    scans: tuple[InspectedScan, ...]
    failed: tuple[UnreadScan, ...]
    notes: tuple[str, ...]


@checked
def inspect(paths: Paths, *, reading: Reading = AS_STATED, values: bool = False) -> Inspection:
    """Describe every scan at `paths`; a file that cannot be read is listed and the rest goes on.

    Args:
        paths: files (also `.vsl`) and folders.
        reading: choices where the files are ambiguous.
        values: read all pixels too, for the range of real values.

    Raises:
        InputError: the only path holds nothing readable.
    """
    paths = path_list(paths)
    entries: list[InspectedScan | UnreadScan] = []
    notes: list[str] = []
    for path in paths:
        try:
            entries += _entries(Path(path), reading, values, notes)
        except VesaliusError as error:
            if len(paths) == 1:
                raise
            entries.append(UnreadScan(str(path), str(error)))
    scans = tuple(entry for entry in entries if isinstance(entry, InspectedScan))
    failed = tuple(entry for entry in entries if isinstance(entry, UnreadScan))
    if len(paths) == 1 and Path(paths[0]).is_file() and not scans:
        raise InputError(failed[0].error)
    return Inspection(scans, failed, tuple(notes))


def lines(result: Inspection) -> list[str]:
    """Return the lines for the terminal."""
    shown = []
    for scan in result.scans:
        shown.append(f"{scan.path}  ({scan.format})")
        shown += [f"  {line}" for line in _words(scan)]
    return [*shown, *(f"failed: {entry.error}" for entry in result.failed), *(f"note: {note}" for note in result.notes)]


def _entries(path: Path, reading: Reading, values: bool, notes: list[str]) -> Iterator[InspectedScan | UnreadScan]:
    """Yield each scan at a path; a line about files that are not scans is added to `notes`."""
    if path.suffix.lower() == VSL_SUFFIX and path.is_file():
        yield _vsl(path, values)
        return
    files = [] if path.is_file() else sorted(path.rglob(f"*{VSL_SUFFIX}"))
    try:
        listing = list_scans(path, reading)
    except InputError:
        if not files:
            raise
        listing = FolderListing(())
    for found in listing.found:
        try:
            yield _inspected(found, values)
        except VesaliusError as error:
            yield UnreadScan(str(found.path), str(error))
    others = FolderListing((), tuple(sorted(set(listing.others) - set(files)))).others_line()
    if others is not None:
        notes.append(f"{path}: {others}")
    refused = {found.path for found in listing.found if found.refusal is not None}
    for file in files:
        if file not in refused:
            try:
                yield _vsl(file, values)
            except VesaliusError as error:
                yield UnreadScan(str(file), str(error))


def _inspected(found: Found, values: bool) -> InspectedScan:
    scan = found.open()
    return InspectedScan(
        **vars(describe_scan(scan)),
        path=str(found.path),
        format=found.format,
        series_uid=found.series_uid,
        bytes=_size(found),
        range=_range(scan) if values else None,
        synthetic=_stamp(found),
    )


def _stamp(found: Found) -> Stamp | None:
    """Return the stamp of a file; of a folder that of its first file."""
    path = found.path
    if path.is_dir():
        path = min((file for file in path.iterdir() if not file.name.startswith(".")), default=path)
    return read_stamp(path)


def _size(found: Found) -> int | None:
    files = [found.path]
    if found.format == "nifti":
        from vesalius.scan.nifti.header import find_files

        files = sorted(set(find_files(found.path)))
    elif found.format == "raster" and found.path.is_dir():
        files = [file for file in found.path.iterdir() if not file.name.startswith(".")]
    return sum(file.stat().st_size for file in files) if all(file.is_file() for file in files) else None


def _range(scan: Scan) -> tuple[float, float] | None:
    if scan.dtype.kind == "c" or not scan.intensity.is_known:
        return None
    ends: list[float] = []
    scan = scan.resident()
    for k in range(scan.shape[4]):
        values = scan.values(k=slice(k, k + 1), dtype=np.float64)
        finite = values[np.isfinite(values)]
        ends += [float(finite.min()), float(finite.max())] if finite.size else []
    return (min(ends), max(ends)) if ends else None


def _vsl(path: Path, values: bool) -> InspectedScan:
    from vesalius.codec.decode import decode_scan, describe

    return replace(_inspected(Found(path, "vsl", partial(decode_scan, path)), values), vsl=describe(path))


def _words(scan: InspectedScan) -> Iterator[str]:
    c, t, i, j, k = scan.shape
    channels = f"{c} channels ({scan.colour}), " if c > 1 else ""
    frames = f", {t} frames{_timing(scan)}" if t > 1 else ""
    yield f"{channels}{i} x {j} x {k} voxels{frames}, {scan.dtype}, {scan.modality} {scan.unit}".rstrip()
    if scan.synthetic:
        yield f"synthetic: {scan.synthetic.words}"
    if scan.spacing_mm:
        spacing = " x ".join(f"{step:g}" for step in scan.spacing_mm)
        axes = f"axes towards {scan.orientation}" if scan.orientation else "orientation unknown"
        worlds = " and ".join(space for space in scan.spaces if space != "unknown")
        yield f"spacing {spacing} mm, {axes}" + (f", {worlds} coordinates" if worlds else "")
    elif scan.grid_problem:
        yield f"no grid: {scan.grid_problem}"
    if scan.range:
        yield f"values {scan.range[0]:g} to {scan.range[1]:g}"
    if scan.series_uid:
        yield f"series {scan.series_uid}"
    yield from (f"note: {problem}" for problem in scan.problems)
    if scan.vsl:
        yield f"{scan.vsl['bytes']} bytes, {scan.vsl['ratio_16_bit']:.4g}:1 against 16 bits a voxel"
        yield from (_tier(tier) for tier in scan.vsl["tiers"])


def _timing(scan: ScanFacts) -> str:
    if not scan.frame_ms:
        return f" ({scan.t_meaning})" if scan.t_meaning != "unknown" else ", times unknown"
    return f" over {scan.frame_ms[-1] - scan.frame_ms[0]:g} ms"


def _tier(tier: dict[str, Any]) -> str:
    reached = "" if tier["psnr_db"] is None else f", {tier['psnr_db']:.2f} dB, max error {tier['max_error']:.4g}"
    if tier["name"] != "tokens":
        return f"tier {tier['name']}: {tier['coder']}, {tier['target']}{reached}"
    kept = f"first {tier['tokens']} of {tier['model']}, quality {tier['quality']}" if tier["tokens"] else "means alone"
    asked = [aim for aim in tier["target"].split(", ") if aim.startswith(("PSNR", "ratio"))]
    return f"tier tokens: {', '.join([kept, *asked, tier['why']])}{reached}"
