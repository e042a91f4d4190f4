"""Decompress and verify `.vsl` files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from vesalius.codec.decode import VslFile, decode_scan, open_vsl
from vesalius.codec.restore import restore
from vesalius.codec.verify import verify as verify_tiers
from vesalius.errors import UsageError
from vesalius.output import refuse_odd
from vesalius.scan.note import lost_lines
from vesalius.scan.open import open_scan
from vesalius.scan.part import part
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.second_reader import read_again
from vesalius.scan.write import write_scan

SUFFIXES = {
    "nifti": (".nii", ".nii.gz"),
    "numpy": (".npy", ".npz"),
    "raster": (".png", ".tif", ".tiff"),
    "dicom": (".dcm", ""),
}
"""Source format -> suffixes of a restored file (a restored folder has any name)."""


def decompress(
    path: Path,
    output: Path,
    *,
    tier: str | None = None,
    slice_number: int | None = None,
    frame: int | None = None,
    salvage: bool = False,
    threads: int = 1,
    force: bool = False,
) -> dict[str, Any]:
    """Give back what a `.vsl` file holds.

    The whole scan comes back as the kind of file it came from. One slice or frame (numbers from 0) is written as a new
    NIfTI, NumPy or PNG file by the suffix of `output`; only its chunks are decoded.

    Returns:
        what was written: path, tier, lost slices and chunks, and whether the checksum of the values agreed.

    Raises:
        CorruptFileError: damaged; `salvage` brings back what is intact.
        UsageError: no such tier, slice or frame, or a suffix of another kind of file.
        OutputError: `output` exists or cannot be written.
    """
    if slice_number is not None or frame is not None:
        if salvage:
            raise UsageError("--salvage gives back whole scans", fix="leave out --slice and --frame")
        return _part(path, output, tier, slice_number, frame, threads, force)
    refuse_odd(output)
    _check_other(path, output)
    file = open_vsl(path, tier, salvage=salvage)
    _check_suffix(file, output)
    done = restore(file, output, threads=threads, force=force)
    return {"path": str(done.path), "tier": done.tier, "checksum": done.checked, "lost": asdict(done.lost)}


def verify(
    path: Path, original: Path | None = None, *, reading: Reading = AS_STATED, threads: int = 1
) -> dict[str, Any]:
    """Check all checksums of a `.vsl` file, decode every tier, and compare with the original where it is given.

    The original is read by other code than `compress` used, where there is such code; "read_with" names it. "kept"
    says how much of what stands beside the values the file holds, counted on both.

    Args:
        path: the `.vsl` file.
        original: what it was made from.
        reading: choices where the original leaves some open; as it was compressed.
        threads: chunks decoded at a time.

    Raises:
        CorruptFileError: something differs from what was recorded.
    """
    scan = None if original is None else open_scan(original, reading)
    again, reader = (None, None) if scan is None else read_again(scan)
    checks = verify_tiers(path, again, threads=threads)
    result = {"path": str(path), "whole": True, "tiers": [asdict(check) for check in checks]}
    if scan is None:
        return result
    packed = open_vsl(path).packed()
    notes = lost_lines(scan.problems)
    kept = scan.native.kept(packed) if scan.native and scan.native.format == packed.format else ()
    return {**result, "read_with": reader, "notes": notes, "kept": [asdict(one) | {"words": one.words} for one in kept]}


def _part(
    path: Path, output: Path, tier: str | None, slice_number: int | None, frame: int | None, threads: int, force: bool
) -> dict[str, Any]:
    scan = decode_scan(path, tier, threads=threads)
    written = write_scan(part(scan, t=frame, k=slice_number), output, force=force)
    return {"path": str(written.path), "tier": tier or open_vsl(path).tier.name, "slice": slice_number, "frame": frame}


def _check_other(path: Path, output: Path) -> None:
    if output.exists() and path.exists() and output.samefile(path):
        raise UsageError("is the file to be read", where=output, fix="choose another name")


def _check_suffix(file: VslFile, output: Path) -> None:
    if file.header.folder:
        return
    known = SUFFIXES.get(file.header.format, ())
    if not any(output.name.lower().endswith(suffix) for suffix in known):
        shown = " or ".join(suffix for suffix in known if suffix)
        raise UsageError(f"this file came from {file.header.format}", where=output, fix=f"name the output {shown}")
