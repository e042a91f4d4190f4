"""`.vsl` -> the kind of file it came from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from vesalius.codec.decode import Loss, VslFile, decode_all
from vesalius.errors import CorruptFileError
from vesalius.output import new_file, new_folder
from vesalius.scan.native import LossyNote, writer
from vesalius.scan.scan import Scan


@dataclass(frozen=True)
class Restored:
    """A restored file or folder.

    Args:
        path: the written file or folder.
        tier: tier that was decoded.
        checksum: True where the decoded values agree with the recorded checksum, None where the file has none.
        lost: slices and chunks that are lost (only under salvage).
    """

    path: Path
    tier: str
    checksum: bool | None
    lost: Loss


def restore(file: VslFile, path: Path, *, threads: int, force: bool = False) -> Restored:
    """Decode a tier and write the source's kind of file (a folder of instances for a DICOM series).

    Raises:
        CorruptFileError: a chunk is damaged, or the decoded values do not have the recorded checksum.
        OutputError: `path` exists or cannot be written.
    """
    opened = new_folder if file.header.folder else new_file
    with opened(path, force=force) as part:
        scan, lost, digest = decode_all(file, threads)
        checksum = None if lost.chunks else check_digest(file, digest)
        _write(file, scan, part)
    return Restored(path, file.tier.name, checksum, lost)


def _write(file: VslFile, scan: Scan, path: Path) -> None:
    """Write the source's kind of file; facts that its writer cannot use mean a damaged file."""
    write, packed = writer(file.header.format), file.packed()
    try:
        write(packed, scan.pixels, path, lossy_note(file))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        what = f"what is stored about the source file cannot be used ({type(error).__name__})"
        raise CorruptFileError(what, where=file.path) from error


def check_digest(file: VslFile, digest: str) -> bool | None:
    """Compare with the recorded checksum; None where the coder is not exact and there is none.

    Raises:
        CorruptFileError: they differ.
    """
    recorded = file.tail.tiers[file.tier_number].sha256 if file.tail else None
    if recorded is None:
        return None
    if recorded != digest:
        raise CorruptFileError(
            "the decoded values are not those that were coded (checksum)",
            where=file.path,
            fix="report this with your platform and the versions that `vesalius info` prints",
        )
    return True


def lossy_note(file: VslFile) -> LossyNote | None:
    """Return how the pixels were coded lossily, or None where they were not."""
    if file.tier.name == "lossless":
        return None
    stored = math.prod(file.header.shape) * file.dtype.itemsize
    return LossyNote(stored / file.path.stat().st_size, file.tier.coder.name)
