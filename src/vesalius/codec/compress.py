"""Scan -> `.vsl`: survey, plan, code, check by decoding, write."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

import vesalius
from vesalius.arguments import PathLike, checked
from vesalius.codec.chunking import MAX_CHUNK_VALUES, MAX_CHUNKS, Chunk
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.container import VslReader, VslWriter, size_of
from vesalius.codec.digits import at_least, at_most
from vesalius.codec.header import (
    BlobModel,
    Header,
    Tail,
    TierReached,
    display_model,
    geometry_model,
    intensity_model,
    spaces_model,
    times_model,
)
from vesalius.codec.options import CompressConfig, Lossless, Target, TokenTarget
from vesalius.codec.plan import Plan, PlanInput, plan_tier
from vesalius.codec.search import psnr
from vesalius.codec.survey import survey
from vesalius.codec.token_plan import caveat, plan_tokens
from vesalius.codec.tokens import TokensTier, tokens_digest
from vesalius.codec.trials import Trial, chunk_of, compared, in_order, spare_threads
from vesalius.errors import InputError, UsageError
from vesalius.output import new_file, refuse_existing
from vesalius.progress import MB, count
from vesalius.scan.native import Kept, Packed
from vesalius.scan.note import plain
from vesalius.scan.scan import Scan

_TRIED, _SHORT_NOTE, _LONG_NOTE_FROM = "on a sample", "fewest bytes on a sample", 20_000
"""A tier of fewer bytes keeps a short note on the choice of its coder: the full one would weigh."""
_CHECKSUM_DIGITS = 16
"""Hexadecimal digits of a checksum that the tail keeps."""
_LONG_NUMBER = 35.12345678901234
_TAIL_SLACK = 16
"""Bytes by which other digits may lengthen the deflated tail."""
TOLERANCE = 0.02
"""Allowed difference, as a fraction of the peak, between decoders of an inexact coder."""


@dataclass(frozen=True)
class TierResult:
    """One tier of a written file, measured by decoding; `why` says the reason for the coder.

    `psnr_db` is over the whole scan, None where nothing is lost; `max_error` is in real values.
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
    """A written `.vsl` file of `bytes_written` bytes.

    Args:
        voxels: of all channels and frames.
        ratio: 2 bytes x voxels over the size.
        bits_per_voxel: 8 x size over voxels.
        encode_seconds: wall time of coding, planning included.
        tiers: in the order of the file.
        warnings: one sentence each.
        kept: how much of the source file is kept beside its pixels; what is always kept is not listed.
    """

    path: Path
    bytes_written: int
    voxels: int
    ratio: float
    bits_per_voxel: float
    encode_seconds: float
    tiers: tuple[TierResult, ...]
    warnings: tuple[str, ...]
    kept: tuple[Kept, ...]


@checked
def compress_scan(
    scan: Scan,
    path: PathLike,
    options: CompressConfig | None = None,
    *,
    coder: Coder | None = None,
    uid_key: bytes | None = None,
    job_id: str | None = None,
    force: bool = False,
) -> CompressResult:
    """Write a scan as `.vsl`. Nothing is left under `path` unless every target was met, checked by decoding.

    Args:
        scan: a scan that knows the file it came from (`scan.native`).
        path: the file to write.
        options: targets and options; None: a lossless file.
        coder: a coder object in place of the one that the options name, e.g. one that holds a model.
        uid_key: secret for DICOM UIDs.
        job_id: written into the header, for a caller that has to know later what the file was made from.
        force: replace an existing file.

    Raises:
        TargetError: a target cannot be reached.
        UsageError: options that cannot go together, or a scan that came from no restorable file.
        InputError: a lossy target, and the real values are not known.
        OutputError: the file exists or cannot be written.
    """
    path = Path(path)
    started = time.perf_counter()
    options = CompressConfig() if options is None else options
    targets = options.targets()
    _check(scan, options, targets)
    refuse_existing(path, force=force)
    if coder is None and options.coder != "auto":
        coder = coder_named(options.coder)
    scan = scan.resident()
    assert scan.native is not None
    packed = scan.native.pack(options.identifiers, uid_key)
    if not any(isinstance(target, Lossless) for target in targets):
        packed = packed.for_lossy()
    writing = _Writing(PlanInput(scan, survey(scan), options, coder), packed, job_id)
    with new_file(path, force=force) as part:
        plans: list[Plan] = []
        for target in targets:
            overhead = lambda plan: writing.overhead([*plans, plan])  # noqa: E731
            plan = plan_tokens if isinstance(target, TokenTarget) else plan_tier
            plans.append(plan(writing.inputs, target, overhead))  # type: ignore[arg-type]
        caveats = [caveat(plan.tier.source, scan.modality) for plan in plans if isinstance(plan.tier, TokensTier)]
        tiers, size = writing.write(part, plans, targets)
        with VslReader(part) as reader:
            reader.check_whole()
        seconds = time.perf_counter() - started
    voxels = scan.voxels
    ratio, bits = 2 * voxels / size, 8 * size / voxels
    notes = [target.note(voxels, size) for target in targets if isinstance(target, TokenTarget)]
    warnings = (*packed.warnings, *filter(None, [*caveats, *notes]))
    return CompressResult(path, size, voxels, ratio, bits, seconds, tiers, warnings, packed.kept)


def _check(scan: Scan, options: CompressConfig, targets: Sequence[Target]) -> None:
    if scan.native is None:
        raise UsageError("this kind of file cannot be given back", fix="convert it to NIfTI first: vesalius convert")
    if not all(isinstance(target, Lossless) for target in targets):
        scan.intensity.check_known()
    c, t, i, j, k = scan.shape
    if scan.voxels == 0:
        raise InputError("the scan is empty")
    if c * i * j > MAX_CHUNK_VALUES or k > MAX_CHUNKS:
        raise InputError(f"a scan of shape {scan.shape} is larger than the format holds")
    if options.access == "frame" and t * k > MAX_CHUNKS:
        raise UsageError(f"{t * k} frames are more than can stand alone", where="--access", fix="leave --access out")


@dataclass(frozen=True)
class _Writing:
    """A file to be written: the scan with its options, what is kept of its source, the job id of the header."""

    inputs: PlanInput
    packed: Packed
    job_id: str | None

    def header(self, plans: Sequence[Plan]) -> tuple[Header, list[bytes]]:
        """Return the header and the attachments: those of the source file, then the tables of values.

        Raises:
            InputError: the format cannot hold a fact of the scan, e.g. a frame time that is not finite.
        """
        blobs = dict(self.packed.blobs)
        records = []
        for number, plan in enumerate(plans):
            table, table_blob = plan.tier.table, None
            if table is not None:
                table_blob = len(blobs)
                blobs[f"table of values {number}"] = table
            records.append(plan.tier.record(plan.chunking, plan.target, table_blob))
        scan = self.inputs.scan
        try:
            header = Header(
                tool=f"vesalius {vesalius.__version__}",
                shape=scan.shape,
                dtype=scan.dtype.str,
                geometry=geometry_model(scan, list(self.packed.blobs.values())),
                intensity=intensity_model(scan.intensity),
                frame_ms=times_model(scan),
                t_meaning=scan.t_meaning,
                modality=scan.modality,
                colour=scan.colour,
                spaces=spaces_model(scan, self.packed.format),
                display_state=display_model(scan.display_state),
                problems=tuple(map(plain, scan.problems)),
                peak=self.inputs.survey.peak,
                format=self.packed.format,
                facts=self.packed.facts,
                folder=self.packed.folder,
                native_blobs=tuple(self.packed.blobs),
                blobs=tuple(BlobModel(name=name, length=len(data)) for name, data in blobs.items()),
                tiers=tuple(records),
                job=self.job_id,
            )
        except ValidationError as error:
            key = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise InputError(f"cannot be stored: its {key} is impossible") from error
        return header, list(blobs.values())

    def overhead(self, plans: Sequence[Plan]) -> int:
        """Return the bytes of a file besides the chunks' payloads.

        A few too many rather than too few: the tail is not known yet.
        """
        header, blobs = self.header(plans)
        digest = hashlib.sha256(header.tool.encode()).hexdigest()
        reached = tuple(self._reached(plan, digest, _LONG_NUMBER, _LONG_NUMBER, plan.why) for plan in plans)
        lengths = [_lengths(plan) for plan in plans]
        size = size_of(_dump(header), _dump(Tail(tiers=reached)), blobs, lengths)
        return size - sum(map(sum, lengths)) + _TAIL_SLACK

    def write(self, part: Path, plans: Sequence[Plan], targets: Sequence[Target]) -> tuple[tuple[TierResult, ...], int]:
        """Write the file; return its tiers and its size in bytes. Raises TargetError where a target is missed."""
        header, blobs = self.header(plans)
        with part.open("wb") as file:
            writer = VslWriter(file, _dump(header))
            for number, blob in enumerate(blobs):
                writer.blob(number, blob)
            results, reached = [], []
            for number, (plan, target) in enumerate(zip(plans, targets, strict=True)):
                result, tier_reached = self._write_tier(writer, number, plan)
                target.check_tier(result.psnr_db, result.max_error)
                results.append(result)
                reached.append(tier_reached)
            size = writer.close(_dump(Tail(tiers=tuple(reached))))
            file.flush()
            os.fsync(file.fileno())
        for target in targets:
            target.check_size(self.inputs.scan.voxels, size)
        return tuple(results), size

    def _write_tier(self, writer: VslWriter, number: int, plan: Plan) -> tuple[TierResult, TierReached]:
        digest, squared, voxels, largest, payload_bytes = hashlib.sha256(), 0.0, 0, 0.0, 0
        done, whole = 0, math.prod(self.inputs.scan.shape) * self.inputs.scan.dtype.itemsize
        tokens: list[bytes] = []
        for chunk, trial, decoded in self._coded(plan):
            writer.chunk(number, chunk.number, trial.payload)
            digest.update(decoded.data)
            if isinstance(plan.tier, TokensTier):
                c, _, i, j, _ = self.inputs.scan.shape
                pictures = (chunk.t_stop - chunk.t_start) * chunk.depth
                tokens.append(plan.tier.tokens_of(trial.payload, (c, pictures, i, j)))
            squared, voxels = squared + trial.squared_error, voxels + trial.voxels
            largest, payload_bytes = max(largest, trial.max_error), payload_bytes + len(trial.payload)
            done += decoded.nbytes
            count(done / 1e6, whole / 1e6, MB)
        lossless = plan.tier.name == "lossless"
        decibels = psnr(squared, voxels, self.inputs.survey.peak)
        psnr_db = None if lossless or not math.isfinite(decibels) else decibels
        coder, why = plan.tier.coder.name, plan.why
        result = TierResult(plan.tier.name, coder, why, plan.target, psnr_db, largest, payload_bytes)
        note = _SHORT_NOTE if payload_bytes < _LONG_NOTE_FROM and _TRIED in why else why
        reached = self._reached(plan, digest.hexdigest(), psnr_db, None if lossless else largest, note)
        if _has_tokens(plan):
            reached = reached.model_copy(update={"tokens": tokens_digest(iter(tokens))})
        return result, reached

    def _reached(
        self, plan: Plan, sha256: str, psnr_db: float | None, max_error: float | None, note: str
    ) -> TierReached:
        exact = plan.tier.exact
        return TierReached(
            sha256=sha256[:_CHECKSUM_DIGITS] if exact else None,
            psnr_db=None if psnr_db is None else at_most(psnr_db),
            max_error=None if max_error is None else at_least(max_error),
            tolerance=0.0 if exact else at_least(TOLERANCE * self.inputs.survey.peak),
            tokens=sha256[:_CHECKSUM_DIGITS] if _has_tokens(plan) else None,
            note=note,
        )

    def _coded(self, plan: Plan) -> Iterator[tuple[Chunk, Trial, NDArray[Any]]]:
        """Yield chunk, trial and decoded values of all chunks in order; a lossless chunk is compared bit for bit."""
        scan, threads = self.inputs.scan, self.inputs.threads
        spare = spare_threads(threads, len(plan.chunking))

        def code(chunk: Chunk) -> tuple[Chunk, Trial, NDArray[Any]]:
            stored, trial = chunk_of(scan, chunk), plan.planned(chunk)
            payload = plan.tier.encode(stored, None, spare) if trial is None else trial.payload
            decoded = np.ascontiguousarray(plan.tier.decode(payload, stored.shape))
            if plan.tier.name != "lossless":
                return chunk, compared(scan, chunk, payload, stored, decoded), decoded.view(np.uint8)
            if not np.array_equal(decoded.view(np.uint8), stored.view(np.uint8)):
                raise AssertionError(f"{plan.tier.coder.name} did not give back chunk {chunk.number}")
            return chunk, Trial(payload, 0.0, 0.0, stored.size), decoded.view(np.uint8)

        return in_order(code, plan.chunking, threads)


def _has_tokens(plan: Plan) -> bool:
    return isinstance(plan.tier, TokensTier) and plan.tier.source is not None


def _dump(model: Header | Tail) -> dict[str, Any]:
    return model.model_dump(mode="json", exclude_defaults=True)


def _lengths(plan: Plan) -> list[int]:
    """Return the lengths of the payloads where the plan has them, else plausible ones."""
    trials = map(plan.planned, plan.chunking)
    return [1000 + 7 * n if trial is None else len(trial.payload) for n, trial in enumerate(trials)]
