"""Describe scans without decoding their pixels: geometry, time, modality, problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vesalius.codec.container import SUFFIX as VSL_SUFFIX
from vesalius.errors import InputError, VesaliusError
from vesalius.scan.describe import describe_scan
from vesalius.scan.found import Found
from vesalius.scan.open import FolderListing, list_scans
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan


def inspect(paths: Sequence[Path], *, reading: Reading = AS_STATED, values: bool = False) -> dict[str, Any]:
    """Describe every scan at `paths`; a file that cannot be read is listed and the rest goes on.

    Args:
        paths: files (also `.vsl`) and folders.
        reading: choices where the files leave some open.
        values: read all pixels too and give the smallest and largest finite real value as "range".

    Returns:
        {"scans": [facts], "failed": [{"path", "error"}], "notes": [how many other files hold no scan]}, JSON-able.

    Raises:
        InputError: the one path given holds nothing readable.
    """
    result: dict[str, Any] = {"scans": [], "failed": [], "notes": []}
    for path in paths:
        try:
            for facts in _described(Path(path), reading, values, result["notes"]):
                result["failed" if "error" in facts else "scans"].append(facts)
        except VesaliusError as error:
            if len(paths) == 1:
                raise
            result["failed"].append({"path": str(path), "error": str(error)})
    if len(paths) == 1 and Path(paths[0]).is_file() and not result["scans"]:
        raise InputError(result["failed"][0]["error"])
    return result


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    shown = []
    for facts in result["scans"]:
        shown.append(f"{facts['path']}  ({facts['format']})")
        shown += [f"  {line}" for line in _words(facts)]
    shown += [f"failed: {one['error']}" for one in result["failed"]]
    return shown + [f"note: {note}" for note in result["notes"]]


def _described(path: Path, reading: Reading, values: bool, notes: list[str]) -> Iterator[dict[str, Any]]:
    """Facts, or {"path", "error"}, of each scan at a path; a line about the files that are none is added to `notes`."""
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
    for one in listing.found:
        yield _attempt(one, values)
    others = FolderListing((), tuple(sorted(set(listing.others) - set(files)))).others_line()
    if others is not None:
        notes.append(f"{path}: {others}")
    refused = {one.path for one in listing.found if one.refusal is not None}
    for file in files:
        if file in refused:
            continue
        try:
            yield _vsl(file, values)
        except VesaliusError as error:
            yield {"path": str(file), "error": str(error)}


def _attempt(found: Found, values: bool) -> dict[str, Any]:
    try:
        scan = found.open()
        facts = describe_scan(scan) | (_range(scan) if values else {})
    except VesaliusError as error:
        return {"path": str(found.path), "error": str(error)}
    head = {"path": str(found.path), "format": found.format, "series_uid": found.series_uid, "bytes": _size(found)}
    return head | facts


def _size(found: Found) -> int | None:
    """Bytes on disk; None for a DICOM series, whose folder may hold others too."""
    files = [found.path]
    if found.format == "nifti":
        from vesalius.scan.nifti.header import find_files

        files = sorted(set(find_files(found.path)))
    elif found.format == "raster" and found.path.is_dir():
        files = [file for file in found.path.iterdir() if not file.name.startswith(".")]
    return sum(file.stat().st_size for file in files) if all(file.is_file() for file in files) else None


def _range(scan: Scan) -> dict[str, Any]:
    """The smallest and largest finite real value, read slice by slice; None where real values are not known."""
    if scan.dtype.kind == "c" or not scan.intensity.is_known:
        return {"range": None}
    ends: list[float] = []
    scan = scan.resident()
    for k in range(scan.shape[4]):
        values = scan.values(k=slice(k, k + 1), dtype=np.float64)
        finite = values[np.isfinite(values)]
        ends += [float(finite.min()), float(finite.max())] if finite.size else []
    return {"range": [min(ends), max(ends)] if ends else None}


def _vsl(path: Path, values: bool) -> dict[str, Any]:
    from vesalius.codec.decode import decode_scan, describe

    scan = decode_scan(path)
    facts = describe_scan(scan) | (_range(scan) if values else {})
    return {"path": str(path), "format": "vsl", **facts, "vsl": describe(path)}


def _words(facts: dict[str, Any]) -> Iterator[str]:
    c, t, i, j, k = facts["shape"]
    channels = f"{c} channels ({facts['colour']}), " if c > 1 else ""
    frames = f", {t} frames{_timing(facts)}" if t > 1 else ""
    yield f"{channels}{i} x {j} x {k} voxels{frames}, {facts['dtype']}, {facts['modality']} {facts['unit']}".rstrip()
    if facts["spacing_mm"]:
        spacing = " x ".join(f"{step:g}" for step in facts["spacing_mm"])
        axes = f"axes towards {facts['orientation']}" if facts["orientation"] else "orientation unknown"
        worlds = " and ".join(space for space in facts["spaces"] if space != "unknown")
        yield f"spacing {spacing} mm, {axes}" + (f", {worlds} coordinates" if worlds else "")
    elif facts["grid_problem"]:
        yield f"no grid: {facts['grid_problem']}"
    if facts.get("range"):
        yield f"values {facts['range'][0]:g} to {facts['range'][1]:g}"
    if facts.get("series_uid"):
        yield f"series {facts['series_uid']}"
    yield from (f"note: {problem}" for problem in facts["problems"])
    if "vsl" in facts:
        yield f"{facts['vsl']['bytes']} bytes, {facts['vsl']['ratio_16_bit']:.4g}:1 against 16 bits a voxel"
        yield from (_tier(tier) for tier in facts["vsl"]["tiers"])


def _timing(facts: dict[str, Any]) -> str:
    times = facts["frame_ms"]
    if not times:
        return f" ({facts['t_meaning']})" if facts["t_meaning"] != "unknown" else ", times unknown"
    return f" over {times[-1] - times[0]:g} ms"


def _tier(tier: dict[str, Any]) -> str:
    reached = "" if tier["psnr_db"] is None else f", {tier['psnr_db']:.2f} dB, max error {tier['max_error']:.4g}"
    return f"tier {tier['name']}: {tier['coder']}, {tier['target']}{reached}"
