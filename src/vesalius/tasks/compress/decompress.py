"""Decompress and verify `.vsl` files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vesalius.arguments import PathLike, checked
from vesalius.codec.decode import Restored, VslFile, decode_scan, open_vsl, restore
from vesalius.codec.verify import TierCheck
from vesalius.codec.verify import verify as verify_tiers
from vesalius.errors import UsageError
from vesalius.output import refuse_odd
from vesalius.scan.native import Kept
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


@dataclass(frozen=True)
class RestoredPiece:
    """One slice or frame (None: all of them), written as a new file."""

    path: Path
    tier: str
    slice: int | None
    frame: int | None


@dataclass(frozen=True)
class VerifyResult:
    """A `.vsl` file whose checksums all match (`whole` is always True: a damaged file raises), and its tiers."""

    path: Path
    whole: bool
    tiers: tuple[TierCheck, ...]


@dataclass(frozen=True)
class CompareResult(VerifyResult):
    """A `.vsl` file compared with its original.

    Args:
        read_with: the reader of the original, other code than `compress` used; None where there is no such code.
        notes: losses that the source file had before it was compressed.
        kept: how much of what stands beside the values the file holds, counted on both.
    """

    read_with: str | None
    notes: tuple[str, ...]
    kept: tuple[Kept, ...]


@checked
def decompress(
    path: PathLike,
    output: PathLike,
    *,
    tier: str | None = None,
    model: PathLike | None = None,
    slice_number: int | None = None,
    frame: int | None = None,
    salvage: bool = False,
    threads: int = 1,
    force: bool = False,
) -> Restored | RestoredPiece:
    """Restore the source of a `.vsl` file.

    The whole scan comes back as the kind of file it came from. One slice or frame (numbers from 0) is written as a new
    NIfTI, NumPy or PNG file by the suffix of `output`; only its chunks are decoded.

    Raises:
        CorruptFileError: damaged; `salvage` restores the intact chunks.
        UsageError: no such tier, slice or frame, or a suffix of another kind of file.
        OutputError: `output` exists or cannot be written.
    """
    path, output = Path(path), Path(output)
    model = None if model is None else str(model)
    if slice_number is not None or frame is not None:
        if salvage:
            raise UsageError("--salvage gives back whole scans", fix="leave out --slice and --frame")
        scan = decode_scan(path, tier, threads=threads, model=model)
        written = write_scan(part(scan, t=frame, k=slice_number), output, force=force)
        return RestoredPiece(written.path, tier or open_vsl(path).tier.name, slice_number, frame)
    refuse_odd(output)
    if output.exists() and path.exists() and output.samefile(path):
        raise UsageError("is the file to be read", where=output, fix="choose another name")
    file = open_vsl(path, tier, salvage=salvage, model=model)
    _check_suffix(file, output)
    return restore(file, output, threads=threads, force=force)


@checked
def verify(
    path: PathLike,
    original: PathLike | None = None,
    *,
    reading: Reading = AS_STATED,
    threads: int = 1,
    model: PathLike | None = None,
) -> VerifyResult:
    """Check all checksums of a `.vsl` file, decode every tier, and compare with the original if there is one.

    Returns a CompareResult where there is an original; `reading` must be that of `compress`.

    Raises:
        CorruptFileError: something differs from what was recorded.
    """
    path, original = Path(path), None if original is None else Path(original)
    model = None if model is None else str(model)
    scan = None if original is None else open_scan(original, reading)
    again, reader = (None, None) if scan is None else read_again(scan)
    tiers = tuple(verify_tiers(path, again, threads=threads, model=model))
    if scan is None:
        return VerifyResult(path, True, tiers)
    packed = open_vsl(path).packed()
    kept = scan.native.kept(packed) if scan.native and scan.native.format == packed.format else ()
    return CompareResult(path, True, tiers, reader, tuple(lost_lines(scan.problems)), tuple(kept))


def _check_suffix(file: VslFile, output: Path) -> None:
    if file.header.folder:
        return
    known = SUFFIXES.get(file.header.format, ())
    if not any(output.name.lower().endswith(suffix) for suffix in known):
        shown = " or ".join(suffix for suffix in known if suffix)
        raise UsageError(f"this file came from {file.header.format}", where=output, fix=f"name the output {shown}")
