"""Scan -> `.vsl`: survey, plan, code, check by decoding, write."""

from __future__ import annotations

import hashlib
import math
import os
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

import vesalius
from vesalius.codec.chunking import MAX_CHUNK_VALUES, MAX_CHUNKS, Access, Chunk
from vesalius.codec.container import VslReader, VslWriter, size_of
from vesalius.codec.header import (
    BlobModel,
    Header,
    Tail,
    TierModel,
    TierReached,
    geometry_model,
    intensity_model,
    spaces_model,
)
from vesalius.codec.mapping import Rank, pack_table
from vesalius.codec.plan import Effort, Plan, PlanInput, check_ratio, plan
from vesalius.codec.search import psnr
from vesalius.codec.survey import survey
from vesalius.codec.target import Lossless, MaxError, Psnr, Ratio, Target
from vesalius.codec.tier_record import describe
from vesalius.codec.tiers import LosslessTier
from vesalius.codec.trials import Trial, chunk_of, in_order, measure, spare_threads
from vesalius.errors import InputError, TargetError, UsageError
from vesalius.output import new_file, refuse_existing
from vesalius.scan.native import Identifiers, Kept, Packed
from vesalius.scan.note import plain
from vesalius.scan.scan import Scan

LOSSLESS = Lossless()
_TRIED, _LONG_NOTE_FROM = "on a sample", 20_000
"""A lossless tier of fewer bytes says shortly why its coder was chosen: the note itself would weigh."""
_LONG_NUMBER = 35.12345678901234
_TAIL_SLACK = 16
"""Bytes by which other digits may lengthen the deflated tail."""
TOLERANCE = 0.02
"""Allowed difference, as a fraction of the peak, between decoders of an inexact coder."""


@dataclass(frozen=True)
class TierResult:
    """One tier of a written file, measured by decoding.

    Args:
        name: "lossless" or "lossy".
        coder: coder of the chunks.
        why: the reason for the coder.
        target: what was asked, in words.
        psnr_db: PSNR over the whole scan, None where nothing is lost.
        max_error: largest absolute error in real values.
        payload_bytes: bytes of its chunks.
    """

    name: str
    coder: str
    why: str
    target: str
    psnr_db: float | None
    max_error: float
    payload_bytes: int


@dataclass(frozen=True)
class CompressResult:
    """A written `.vsl` file.

    Args:
        path: the file.
        bytes_written: its size.
        voxels: voxels of the scan, all channels and frames.
        ratio: 2 bytes x voxels over the size.
        bits_per_voxel: 8 x size over voxels.
        encode_seconds: wall time of coding, planning included.
        tiers: what each tier reached.
        warnings: one sentence each.
        kept: how much of the source file is kept beside its pixels; nothing is said of what is always kept.
    """

    path: Path
    bytes_written: int
    voxels: int
    ratio: float
    bits_per_voxel: float
    encode_seconds: float
    tiers: tuple[TierResult, ...]
    warnings: tuple[str, ...]
    kept: tuple[Kept, ...] = ()


def compress_scan(
    scan: Scan,
    path: Path,
    targets: Target | Sequence[Target] = LOSSLESS,
    *,
    coder: str = "auto",
    effort: Effort = "normal",
    access: Access = "slice",
    identifiers: Identifiers = "default",
    uid_key: bytes | None = None,
    threads: int | None = None,
    job_id: str | None = None,
    force: bool = False,
) -> CompressResult:
    """Write a scan as `.vsl`. Nothing is left under `path` unless every target was met, checked by decoding.

    Args:
        scan: a scan that knows the file it came from (`scan.native`).
        path: the file to write.
        targets: one target, or several for several tiers.
        coder: name of a coder, or "auto".
        effort: "best" lets auto try every coder.
        access: "slice" or "frame", see Layout.
        identifiers: see `vesalius.scan.native.Native.pack`.
        uid_key: secret for DICOM UIDs.
        threads: chunks coded at a time; all processors by default.
        job_id: written into the header, for a caller who wants to know later what the file was made from.
        force: replace an existing file.

    Raises:
        TargetError: a target cannot be reached.
        UsageError: options that cannot go together, or a scan that came from no restorable file.
        InputError: a lossy target, and the real values are not known.
        OutputError: the file exists or cannot be written.
    """
    started = time.perf_counter()
    wanted = [targets] if isinstance(targets, Target) else list(targets)
    _check(scan, wanted, access)
    refuse_existing(path, force=force)
    scan = scan.resident()
    assert scan.native is not None
    packed = scan.native.pack(identifiers, uid_key)
    if not any(isinstance(target, Lossless) for target in wanted):
        packed = packed.for_lossy()
    alone = len(wanted) == 1
    job = PlanInput(scan, survey(scan), coder, effort, access, threads or os.cpu_count() or 1, alone, job_id)
    with new_file(path, force=force) as part:
        plans: list[Plan] = []
        for target in wanted:
            plans.append(plan(job, target, lambda made: _overhead(job, packed, [*plans, made])))
        tiers, size = _write(part, job, packed, plans, wanted)
        with VslReader(part) as reader:
            reader.check_whole()
        seconds = time.perf_counter() - started
    voxels = scan.voxels
    ratio, bits = 2 * voxels / size, 8 * size / voxels
    return CompressResult(path, size, voxels, ratio, bits, seconds, tiers, packed.warnings, packed.kept)


def _check(scan: Scan, targets: Sequence[Target], access: Access) -> None:
    if scan.native is None:
        raise UsageError("this kind of file cannot be given back", fix="convert it to NIfTI first: vesalius convert")
    if not targets or len(targets) > 2:
        raise UsageError("give one target, or a lossy one besides --lossless")
    lossless = [target for target in targets if isinstance(target, Lossless)]
    if len(targets) == 2 and (len(lossless) != 1 or any(isinstance(target, Ratio) for target in targets)):
        raise UsageError("two tiers are --lossless and one of --psnr, --max-error", fix="leave one target out")
    if len(lossless) < len(targets):
        scan.intensity.check_known()
    c, t, i, j, k = scan.shape
    if scan.voxels == 0:
        raise InputError("the scan is empty")
    if c * i * j > MAX_CHUNK_VALUES or k > MAX_CHUNKS:
        raise InputError(f"a scan of shape {scan.shape} is larger than the format holds")
    if access == "frame" and t * k > MAX_CHUNKS:
        raise UsageError(f"{t * k} frames are more than can stand alone", where="--access", fix="leave --access out")


def _header(job: PlanInput, packed: Packed, plans: Sequence[Plan]) -> tuple[Header, list[bytes]]:
    """The header and the attachments: the source file's own, then the tables of values.

    Raises:
        InputError: a fact of the scan is none that the format holds, e.g. a frame time that is not finite.
    """
    blobs = dict(packed.blobs)
    tiers = []
    for number, made in enumerate(plans):
        table = None
        if isinstance(made.tier, LosslessTier) and isinstance(made.tier.map, Rank):
            table = len(blobs)
            blobs[f"table of values {number}"] = pack_table(made.tier.map.table)
        tiers.append(describe(made.tier, made.chunking, made.target, table))
    try:
        return _model(job, packed, blobs, tiers), list(blobs.values())
    except ValidationError as error:
        key = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise InputError(f"cannot be stored: its {key} is impossible") from error


def _model(job: PlanInput, packed: Packed, blobs: dict[str, bytes], tiers: Sequence[TierModel]) -> Header:
    scan = job.scan
    return Header(
        tool=f"vesalius {vesalius.__version__}",
        shape=scan.shape,
        dtype=scan.dtype.str,
        geometry=geometry_model(scan),
        intensity=intensity_model(scan.intensity),
        frame_ms=scan.frame_ms,
        t_meaning=scan.t_meaning,
        modality=scan.modality,
        colour=scan.colour,
        spaces=spaces_model(scan, packed.format),
        problems=tuple(map(plain, scan.problems)),
        peak=job.found.peak,
        format=packed.format,
        facts=packed.facts,
        folder=packed.folder,
        native_blobs=tuple(packed.blobs),
        blobs=tuple(BlobModel(name=name, length=len(data)) for name, data in blobs.items()),
        tiers=tuple(tiers),
        job=job.id,
    )


def _dump(model: Header | Tail) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_defaults=True)


def _overhead(job: PlanInput, packed: Packed, plans: Sequence[Plan]) -> int:
    """Bytes of a file besides the chunks' payloads, a few too many rather than too few: its tail is not known yet."""
    header, blobs = _header(job, packed, plans)
    digest = hashlib.sha256(header.tool.encode()).hexdigest()
    reached = tuple(
        TierReached(
            sha256=digest if made.tier.exact else None,
            psnr_db=_LONG_NUMBER,
            max_error=_LONG_NUMBER,
            tolerance=0.0 if made.tier.exact else TOLERANCE * job.found.peak,
            note=made.why,
        )
        for made in plans
    )
    sizes = [len(zlib.compress(blob, 9)) for blob in blobs]
    lengths = [*sizes, *(length for made in plans for length in _lengths(made))]
    return size_of(_dump(header), _dump(Tail(tiers=reached)), lengths) - sum(lengths) + sum(sizes) + _TAIL_SLACK


def _lengths(made: Plan) -> list[int]:
    """Of the payloads where they are chosen, else any."""
    if made.trials is None or not made.rungs:
        return [1000 + 7 * n for n in range(len(made.chunking))]
    return [len(made.trials.one(chunk, made.rungs[chunk.number]).payload) for chunk in made.chunking]


def _write(
    part: Path, job: PlanInput, packed: Packed, plans: Sequence[Plan], targets: Sequence[Target]
) -> tuple[tuple[TierResult, ...], int]:
    header, blobs = _header(job, packed, plans)
    with part.open("wb") as file:
        writer = VslWriter(file, _dump(header))
        for number, blob in enumerate(blobs):
            writer.blob(number, blob)
        results, reached = [], []
        for number, (made, target) in enumerate(zip(plans, targets, strict=True)):
            result, proof = _write_tier(writer, number, job, made)
            _check_target(target, result)
            results.append(result)
            reached.append(proof)
        size = writer.close(_dump(Tail(tiers=tuple(reached))))
        file.flush()
        os.fsync(file.fileno())
    for target in targets:
        if isinstance(target, Ratio):
            check_ratio(target, 2 * job.scan.voxels / size, size)
    return tuple(results), size


def _write_tier(writer: VslWriter, number: int, job: PlanInput, made: Plan) -> tuple[TierResult, TierReached]:
    digest, squared, voxels, largest, payload_bytes = hashlib.sha256(), 0.0, 0, 0.0, 0
    for chunk, trial, decoded in _coded(job, made):
        writer.chunk(number, made.tier.coder.id, chunk.number, trial.payload)
        digest.update(decoded.data)
        squared, voxels, largest = squared + trial.squared_error, voxels + trial.voxels, max(largest, trial.max_error)
        payload_bytes += len(trial.payload)
    lossless = isinstance(made.tier, LosslessTier)
    decibels = psnr(squared, voxels, job.found.peak)
    shown = None if lossless or not math.isfinite(decibels) else decibels
    name = "lossless" if lossless else "lossy"
    result = TierResult(name, made.tier.coder.name, made.why, made.target, shown, largest, payload_bytes)
    proof = TierReached(
        sha256=digest.hexdigest() if made.tier.exact else None,
        psnr_db=shown,
        max_error=None if lossless else largest,
        tolerance=0.0 if made.tier.exact else TOLERANCE * job.found.peak,
        note="smallest" if lossless and payload_bytes < _LONG_NOTE_FROM and _TRIED in made.why else made.why,
    )
    return result, proof


def _coded(job: PlanInput, made: Plan) -> Iterator[tuple[Chunk, Trial, NDArray[Any]]]:
    """Chunk, trial and decoded values of all chunks in order; a lossless chunk is compared bit for bit."""
    spare = spare_threads(job.threads, len(made.chunking))

    def work(chunk: Chunk) -> tuple[Chunk, Trial, NDArray[Any]]:
        stored = chunk_of(job.scan, chunk)
        if made.trials is not None:
            payload = made.trials.one(chunk, made.rungs[chunk.number]).payload
        else:
            payload = made.tier.encode(stored, None, spare)
        decoded = np.ascontiguousarray(made.tier.decode(payload, stored.shape))
        if isinstance(made.tier, LosslessTier):
            if not _same_bits(decoded, stored):
                raise AssertionError(f"{made.tier.coder.name} did not give back chunk {chunk.number}")
            trial = Trial(payload, 0.0, 0.0, stored.size)
        else:
            trial = measure(job.scan, chunk, made.tier, payload)
        return chunk, trial, decoded.view(np.uint8)

    return in_order(work, made.chunking, job.threads)


def _same_bits(one: NDArray[Any], other: NDArray[Any]) -> bool:
    return one.shape == other.shape and bool(
        np.array_equal(one.view(np.uint8), np.ascontiguousarray(other).view(np.uint8))
    )


def _check_target(target: Target, result: TierResult) -> None:
    if isinstance(target, Psnr) and result.psnr_db is not None and result.psnr_db < target.db:
        what = f"{target.db:g} dB cannot be kept: the best is {result.psnr_db:.2f} dB"
        raise TargetError(what, where="--psnr", fix="ask for less, or use lossless")
    if isinstance(target, MaxError) and result.max_error > target.error:
        what = f"{target.error:g} cannot be kept in this number type: the best is {result.max_error:.4g}"
        raise TargetError(what, where="--max-error", fix="ask for more, or use lossless")
