"""Check that a `.vsl` file is whole, and that it holds the values of its original."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vesalius.codec.container import VslReader
from vesalius.codec.decode import check_digest, check_tokens, decode_all, open_vsl
from vesalius.codec.header import Tail
from vesalius.codec.search import psnr
from vesalius.errors import CorruptFileError, UsageError
from vesalius.scan.scan import Scan


@dataclass(frozen=True)
class TierCheck:
    """One tier, decoded; all but `name` and `checksum` compare it with the original.

    Args:
        checksum: decoded values agree with the recorded checksum; None where there is none.
        equal: stored values equal the original's bit for bit; None without an original.
        psnr_db: None without an original or where nothing differs.
        max_error: in real values; None without an original.
        tokens: (tier of tokens) the tokens are those that were coded; None where it has none.
    """

    name: str
    checksum: bool | None
    equal: bool | None = None
    psnr_db: float | None = None
    max_error: float | None = None
    tokens: bool | None = None


def verify(path: Path, original: Scan | None = None, *, threads: int = 1, model: str | None = None) -> list[TierCheck]:
    """Check every checksum, decode every tier, and compare with the original where it is given.

    Raises:
        CorruptFileError: a checksum does not match, a lossless tier differs from the original, or a lossy one
            differs by more than was recorded.
        UsageError: the original has another shape or number type.
    """
    with VslReader(path) as reader:
        reader.check_whole()
    first = open_vsl(path)
    original = None if original is None else original.resident()
    checks = []
    for number in range(len(first.header.tiers)):
        file = open_vsl(path, number, model=model)
        scan, _, digest = decode_all(file, threads)
        check = TierCheck(file.tier.name, check_digest(file, digest), tokens=check_tokens(file))
        if original is not None:
            check = _compare(path, check, scan, original, first.header.peak)
            _check_recorded(path, check, file.tail, file.tier_number)
        checks.append(check)
    return checks


def _compare(path: Path, check: TierCheck, scan: Scan, original: Scan, peak: float) -> TierCheck:
    if scan.shape != original.shape or scan.dtype != original.dtype:
        what = f"holds {scan.dtype} {scan.shape}, the original is {original.dtype} {original.shape}"
        raise UsageError(what, where=path, fix="name the original of this file")
    equal, squared, voxels, largest = True, 0.0, 0, 0.0
    for k in range(scan.shape[4]):
        piece = slice(k, k + 1)
        equal = equal and scan.stored(k=piece).tobytes() == original.stored(k=piece).tobytes()
        if scan.dtype.kind == "c" or (check.name == "lossless" and not original.intensity.is_known):
            continue
        with np.errstate(over="ignore", invalid="ignore"):  # extended floats, signalling NaN
            reference = original.values(k=piece, dtype=np.float64)
            inside = np.isfinite(reference)
            error = scan.values(k=piece, dtype=np.float64)[inside] - reference[inside]
            squared, voxels = squared + float(np.square(error).sum()), voxels + error.size
        largest = max(largest, float(np.abs(error).max(initial=0.0)))
    decibels = psnr(squared, voxels, peak)
    psnr_db = decibels if np.isfinite(decibels) else None
    return replace(check, equal=equal, psnr_db=psnr_db, max_error=largest)


def _check_recorded(path: Path, check: TierCheck, tail: Tail | None, number: int) -> None:
    """Raise CorruptFileError where the comparison is worse than what was recorded."""
    if check.name == "lossless":
        if not check.equal:
            raise CorruptFileError("the lossless tier differs from this original", where=path)
        return
    recorded = tail.tiers[number] if tail else None
    if recorded is None or recorded.max_error is None or check.max_error is None:
        return
    if check.max_error > recorded.max_error * (1 + 1e-9) + recorded.tolerance:
        what = f"differs from this original by {check.max_error:.4g}, {recorded.max_error:.4g} was recorded"
        raise CorruptFileError(what, where=path, fix="name the original of this file")
