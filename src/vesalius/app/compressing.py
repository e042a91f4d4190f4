"""What the tab Compress does: a scan to a `.vsl` file and back, and the difference. Runs in the process of the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.app.lines import without_paths
from vesalius.app.predicting import one_scan
from vesalius.app.slices import ShownScan, keep, on_page, picture
from vesalius.app.uploads import scan_of
from vesalius.app.worker import Report
from vesalius.codec.options import CompressConfig
from vesalius.errors import UsageError
from vesalius.tasks.compress.decompress import SUFFIXES, decompress
from vesalius.tasks.compress.run import compress

TARGETS = ("lossless", "psnr", "ratio")


@dataclass(frozen=True)
class Compressed:
    """A compressed scan beside what comes back.

    Args:
        original: slices of the scan.
        restored: slices of what the file gives back.
        largest: largest difference of two shown values, which is white in the picture of errors.
        rows: name and value of each fact.
        file: the `.vsl` file.
        notes: warnings and caveats, one sentence each.
    """

    original: ShownScan
    restored: ShownScan
    largest: float
    rows: tuple[tuple[str, str], ...]
    file: str
    notes: tuple[str, ...]


def config_of(target: str, psnr: float | None, ratio: float | None) -> CompressConfig:
    """Return the options of a target.

    Raises:
        UsageError: no such target, or its number is missing or wrong.
    """
    if target == "lossless":
        return CompressConfig(lossless=True)
    number = {"psnr": psnr, "ratio": ratio}.get(target)
    if target not in TARGETS or number is None:
        raise UsageError("no number was given for the target", fix="choose a target and its number")
    return CompressConfig(psnr=number) if target == "psnr" else CompressConfig(ratio=number)


def compress_one(
    files: Sequence[str], target: str, psnr: float | None, ratio: float | None, folder: str, report: Report
) -> Compressed:
    """Compress one scan with `vesalius.compress` and restore it with `vesalius.decompress`.

    Args:
        files: that were dropped.
        target: one of TARGETS.
        psnr: decibels, for that target.
        ratio: for that target.
        folder: private and empty; receives everything that is written.
        report: receives progress.

    Raises:
        VesaliusError: the scan cannot be read, or the target not reached.
    """
    base = Path(folder)
    config = config_of(target, psnr, ratio)
    report(0.05, "Reading the scan")
    path = scan_of([Path(file) for file in files], base / "scan")
    scan = one_scan(path)
    original, _ = keep(scan, base / "original")
    report(0.25, "Compressing")
    name = path.name.partition(".")[0] or "scan"
    written = compress([path], base / f"{name}.vsl", config, cache=base / "key").written[0]
    report(0.75, "Restoring")
    back = base / "back" / f"{name}{SUFFIXES.get(scan.native.format if scan.native else '', ('',))[0]}"
    if path.is_dir():
        back = base / "back" / name
    decompress(written.path, back)
    restored, _ = keep(one_scan(back), base / "restored")
    restored = replace(restored, ends=original.ends)
    tier = written.tiers[0]
    stored = sum(file.stat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())
    rows = [
        ("dropped", size_words(stored)),
        ("16 bits a voxel", size_words(2 * written.voxels)),
        ("compressed", size_words(written.bytes_written)),
        ("ratio against 16 bits a voxel", f"{written.ratio:.4g} : 1"),
        ("bits per voxel", f"{written.bits_per_voxel:.3g}"),
        ("PSNR", "every value is kept" if tier.psnr_db is None else f"{tier.psnr_db:.2f} dB"),
        ("largest error", f"{tier.max_error:.4g} {original.unit}".strip()),
        ("coder", tier.coder),
        ("coded in", f"{written.encode_seconds:.1f} s"),
    ]
    notes = [*written.warnings, *written.problems]
    return Compressed(
        original,
        restored,
        _largest(original, restored),
        tuple(rows),
        str(written.path),
        tuple(without_paths(note) for note in dict.fromkeys(notes)),
    )


def panels(
    compressed: Compressed, t: int, k: int, ends: tuple[float, float] | None = None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Return a slice of the original, of what came back, and their difference: black none, white the largest."""
    original, restored = compressed.original, compressed.restored
    error_JI = _error(original, restored, t, k) / (compressed.largest or 1.0)
    grey_JI = np.rint(255 * np.clip(error_JI, 0, 1)).astype(np.uint8)
    error = on_page(np.repeat(grey_JI[:, :, None], 3, axis=2), original.pixel_aspect)
    return picture(original, t, k, ends), picture(restored, t, k, ends), error


def size_words(count: int) -> str:
    """Return a number of bytes for people.

    Example:
        >>> size_words(1_500_000), size_words(900)
        ('1.50 MB (1,500,000 bytes)', '900 bytes')
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.2f} {unit} ({count:,} bytes)"
    return f"{count} bytes"


def _largest(original: ShownScan, restored: ShownScan) -> float:
    places = [(t, k) for t in range(original.frames) for k in range(original.slices)]
    return max(float(_error(original, restored, t, k).max()) for t, k in places)


def _error(original: ShownScan, restored: ShownScan, t: int, k: int) -> NDArray[np.float64]:
    """Absolute difference (J, I) of a slice; of colours the largest of the three. NaN equals NaN."""
    one, other = (shown.values(t, k).astype(np.float64) for shown in (original, restored))
    error = np.nan_to_num(np.abs(one - other), nan=0.0, posinf=0.0)
    return error if error.ndim == len("JI") else error.max(axis=2)
