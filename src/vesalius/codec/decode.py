"""`.vsl` -> Scan, each chunk decoded when its voxels are read; and back to the kind of file that it came from."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vesalius.arguments import PathLike, checked
from vesalius.codec.chunking import MAX_CHUNK_VALUES, MAX_CHUNKS, Chunk, Chunking
from vesalius.codec.container import MAJOR, VslReader
from vesalius.codec.header import Header, Tail, TierRecord, TokensRecord, scan_facts, spelled_out
from vesalius.codec.spill import room_for
from vesalius.codec.tiers import Tier, read_tier
from vesalius.codec.tokens import TokensTier, tokens_digest
from vesalius.codec.trials import in_order
from vesalius.errors import CorruptFileError, UsageError
from vesalius.memory import check_memory, limit_bytes
from vesalius.output import new_file, new_folder
from vesalius.progress import MB, count
from vesalius.scan.native import Kept, LossyNote, Packed, writer
from vesalius.scan.pixels import ALL
from vesalius.scan.scan import Scan

_T = TypeVar("_T")


@dataclass(frozen=True, eq=False)
class VslFile:
    """An opened `.vsl` file: checked header, tail and one tier with its chunks.

    `tail` is None under `salvage`, which finds the frames by their markers.
    """

    path: Path
    header: Header
    tail: Tail | None
    tier_number: int
    tier: Tier
    chunking: Chunking
    salvage: bool = False
    version: int = MAJOR

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.header.dtype)

    def chunk_shape(self, chunk: Chunk) -> tuple[int, int, int, int]:
        """Return (C, N, I, J) of a chunk."""
        c, _, i, j, _ = self.header.shape
        return c, (chunk.t_stop - chunk.t_start) * chunk.depth, i, j

    def decode(self, chunk: Chunk, payload: bytes) -> NDArray[Any]:
        """Decode the stored values (C, N, I, J) of one chunk. Raises CorruptFileError that names the chunk."""
        with self._naming(chunk):
            return self.tier.decode(payload, self.chunk_shape(chunk))

    def payload(self, reader: VslReader, chunk: Chunk) -> bytes:
        """Return the coded bytes of one chunk. Raises CorruptFileError that names a missing or damaged chunk."""
        with self._naming(chunk):
            frame = reader.chunks(self.tier_number).get(chunk.number)
            if frame is None:
                raise CorruptFileError("is missing")
            if frame.coder not in (None, self.tier.coder.id):
                raise CorruptFileError("names another coder than its tier")
            return reader.payload(frame)

    def packed(self) -> Packed:
        """Return what the writer of the source format needs."""
        header = self.header
        with VslReader(self.path, salvage=self.salvage) as reader:
            blobs = {name: reader.blob(n, header.blobs[n].length) for n, name in enumerate(header.native_blobs)}
        return Packed(header.format, header.facts, blobs, header.folder)

    @contextmanager
    def _naming(self, chunk: Chunk) -> Iterator[None]:
        try:
            yield
        except CorruptFileError as error:
            what = f"{chunk.name} of tier {self.tier.name}: {error.what}"
            raise CorruptFileError(what, where=self.path, fix=_SALVAGE) from error


_CHUNK_COPIES = 3
"""Copies of a chunk while it is decoded: values of 8 bytes, the decoded values, the result."""
_BEST_FIRST = ("lossless", "lossy", "tokens")
_SALVAGE = "copy the file again, or try decompress --salvage"


@dataclass(frozen=True, eq=False)
class VslPixels:
    """Stored values of a `.vsl` file; `read` decodes the chunks it needs and no others."""

    file: VslFile
    threads: int = 1
    direct = False

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        return self.file.header.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.file.dtype

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        """Return frames `t` and slices `k`, (C, t, I, J, k)."""
        c, total_t, i, j, total_k = self.shape
        frames, slices = range(total_t)[t], range(total_k)[k]
        check_memory(c * len(frames) * i * j * len(slices) * self.dtype.itemsize, self.file.path)
        threads = _threads(self.file, self.threads)
        out = np.empty((c, len(frames), i, j, len(slices)), dtype=self.dtype)
        chunks = self.file.chunking.covering(t, k)
        with VslReader(self.file.path) as reader:
            payloads = ((chunk, self.file.payload(reader, chunk)) for chunk in chunks)
            decoded = in_order(lambda pair: self.file.decode(*pair), payloads, threads)
            for chunk, part in zip(chunks, decoded, strict=True):
                kept_t = [n for n, frame in enumerate(frames) if chunk.t_start <= frame < chunk.t_stop]
                kept_k = [n for n, slice_k in enumerate(slices) if chunk.k <= slice_k < chunk.k + chunk.depth]
                voxels = chunk.voxels(part)
                for t_place, k_place in itertools.product(kept_t, kept_k):
                    t_inside, k_inside = frames[t_place] - chunk.t_start, slices[k_place] - chunk.k
                    out[:, t_place, :, :, k_place] = voxels[:, t_inside, :, :, k_inside]
        return out


def open_vsl(path: Path, tier: str | int | None = None, *, salvage: bool = False, model: str | None = None) -> VslFile:
    """Open a `.vsl` file and choose a tier.

    Args:
        path: the file.
        tier: "lossless", "lossy" or "tokens", or its number in the header; the best one by default.
        salvage: read a damaged file by its markers.
        model: model folder or name for a tier of tokens; by default it is looked for by its digest.

    Raises:
        CorruptFileError: damaged or hostile.
        UsageError: no such tier.
    """
    with VslReader(path, salvage=salvage) as reader:
        try:
            stated = Header.parse(reader.header)
            attachment = lambda n: reader.blob(n, _blob_length(stated, n))  # noqa: E731
            header = spelled_out(stated, attachment)
            tail = None if salvage else Tail.parse(reader.tail)
            scan_facts(header)
            if tail is not None and len(tail.tiers) != len(header.tiers):
                raise CorruptFileError("header and tail name different tiers")
            if len(header.native_blobs) > len(header.blobs):
                raise CorruptFileError("attachments are missing")
            number = _tier_number(header, tier, path)
            record = header.tiers[number]
            chunking = _chunking(header, record)
            built = (
                TokensTier.read(record, np.dtype(header.dtype), header.shape[1], model)
                if isinstance(record, TokensRecord)
                else read_tier(record, np.dtype(header.dtype), attachment)
            )
            if not salvage and len(reader.chunks(number)) != len(chunking):
                raise CorruptFileError(f"tier {record.name} lacks some of its chunks")
        except CorruptFileError as error:
            raise (
                error if error.where else CorruptFileError(error.what, where=path, fix=error.fix or _SALVAGE)
            ) from error
        version = reader.layout.major
    return VslFile(path, header, tail, number, built, chunking, salvage, version)


def _blob_length(header: Header, number: int) -> int:
    if not 0 <= number < len(header.blobs):
        raise CorruptFileError(f"attachment {number} is not in the header")
    return header.blobs[number].length


def _chunking(header: Header, record: TierRecord) -> Chunking:
    if record.slices_per_chunk > 1 and header.shape[1] > 1 and record.kind != "tokens":
        raise CorruptFileError("a tier stacks the slices of a scan with frames")
    chunking = Chunking(header.shape, record.frames_per_chunk, record.slices_per_chunk)
    if chunking.chunk_values > MAX_CHUNK_VALUES:
        raise CorruptFileError("a chunk is impossibly large")
    if len(chunking) > MAX_CHUNKS:
        raise CorruptFileError("a tier has impossibly many chunks")
    return chunking


def _tier_number(header: Header, tier: str | int | None, path: Path) -> int:
    if isinstance(tier, int):
        return tier
    order = sorted(range(len(header.tiers)), key=lambda n: _BEST_FIRST.index(header.tiers[n].name))
    if tier is None:
        return order[0]
    for number in order:
        if header.tiers[number].name == tier:
            return number
    known = ", ".join(record.name for record in header.tiers)
    raise UsageError(f"has no tier {tier!r}", where=path, fix=f"choose from: {known}")


@checked
def decode_scan(path: PathLike, tier: str | None = None, *, threads: int = 1, model: PathLike | None = None) -> Scan:
    """Open the scan in a `.vsl` file; pixels are decoded when they are read. Raises CorruptFileError."""
    path = Path(path)
    file = open_vsl(path, tier, model=None if model is None else str(model))
    return Scan(pixels=VslPixels(file, threads), native=VslNative(file), **scan_facts(file.header))


def describe(path: Path) -> dict[str, Any]:
    """Return JSON-able facts of a `.vsl` file, without decoding a pixel. Raises CorruptFileError."""
    file = open_vsl(path)
    header, size = file.header, path.stat().st_size
    voxels = math.prod(header.shape)
    tiers = [
        {
            "name": record.name,
            "coder": record.coder,
            "target": record.target,
            "why": reached.note,
            "frames_per_chunk": record.frames_per_chunk,
            "slices_per_chunk": record.slices_per_chunk,
            "exact_decoder": record.exact,
            "psnr_db": reached.psnr_db,
            "max_error": reached.max_error,
            **(_model_facts(record) if isinstance(record, TokensRecord) else {}),
        }
        for record, reached in zip(header.tiers, file.tail.tiers if file.tail else (), strict=True)
    ]
    return {
        "format_version": str(file.version),
        "tool": header.tool,
        "source_format": header.format,
        "bytes": size,
        "ratio_16_bit": 2 * voxels / size,
        "bits_per_voxel": 8 * size / voxels,
        "peak": header.peak,
        "attachments": {blob.name: blob.length for blob in header.blobs},
        "tiers": tiers,
    }


def _model_facts(record: TokensRecord) -> dict[str, Any]:
    return {"model": record.model, "digest": record.digest, "quality": record.quality, "tokens": record.prefix}


def check_tokens(file: VslFile) -> bool | None:
    """Raise CorruptFileError where the tokens are not those that were coded; None where no checksum is recorded."""
    recorded = file.tail.tiers[file.tier_number].tokens if file.tail else None
    if not isinstance(file.tier, TokensTier) or recorded is None:
        return None
    tier = file.tier
    with VslReader(file.path) as reader:
        parts = (tier.tokens_of(file.payload(reader, chunk), file.chunk_shape(chunk)) for chunk in file.chunking)
        if tokens_digest(parts) != recorded:
            raise CorruptFileError("the tokens are not those that were coded (checksum)", where=file.path)
    return True


@dataclass(frozen=True, eq=False)
class VslNative:
    """Facts of the source file of a scan that was read from a `.vsl` file."""

    file: VslFile

    @property
    def format(self) -> str:
        return self.file.header.format

    def pack(self, identifiers: str, uid_key: bytes | None) -> Packed:
        """Return what was kept when the file was written; nothing can be added later.

        "strip" raises UsageError: it has to be done on the source file.
        """
        if identifiers == "strip":
            raise UsageError("a .vsl file cannot be stripped later", where=self.file.path, fix="strip the source file")
        return self.file.packed()

    def kept(self, packed: Packed) -> tuple[Kept, ...]:
        """Return nothing: all that the file holds is kept."""
        return ()


@dataclass(frozen=True)
class Loss:
    """Numbers of the slices and chunks that `--salvage` could not restore; a sentence for each chunk."""

    slices: tuple[int, ...]
    chunks: tuple[int, ...]
    reasons: tuple[str, ...]


def decode_all(file: VslFile, threads: int) -> tuple[Scan, Loss, str]:
    """Decode the whole scan into memory (into a temporary file where it is large).

    Under salvage, lost chunks are filled with the smallest value of the intact ones and listed; without, they raise.

    Returns:
        the scan; what was lost; the SHA-256 of the decoded chunks.

    Raises:
        CorruptFileError: a chunk is damaged, or nothing is left to salvage.
    """
    digest, lost, lowest = hashlib.sha256(), {}, []
    with VslReader(file.path, salvage=file.salvage) as reader:
        if not reader.chunks(file.tier_number):
            raise CorruptFileError("nothing is left to salvage", where=file.path)
        room = room_for(file.header.shape, file.dtype, file.path)
        done, whole = 0, math.prod(file.header.shape) * file.dtype.itemsize
        for chunk, part in zip(file.chunking, _decoded(file, reader, threads), strict=True):
            if isinstance(part, CorruptFileError):
                lost[chunk] = part
                continue
            room.put(chunk.t, chunk.slices, chunk.voxels(part))
            digest.update(part.tobytes())
            done += part.nbytes
            count(done / 1e6, whole / 1e6, MB)
            if file.salvage:
                lowest.append(_lowest(part))
    if lost:
        if len(lost) == len(file.chunking):
            raise CorruptFileError("nothing is left to salvage", where=file.path)
        for chunk in lost:
            room.put(chunk.t, chunk.slices, min(lowest))
    scan = Scan(pixels=room, **scan_facts(file.header))
    return scan, _loss(lost), digest.hexdigest()


def _decoded(file: VslFile, reader: VslReader, threads: int) -> Iterator[NDArray[Any] | CorruptFileError]:
    """Yield the values of all chunks; under salvage the error of a damaged one."""

    def attempt(step: Callable[..., _T], *arguments: Any) -> _T | CorruptFileError:
        try:
            return step(*arguments)
        except CorruptFileError as error:
            if not file.salvage:
                raise
            return error

    def decode(pair: tuple[Chunk, bytes | CorruptFileError]) -> NDArray[Any] | CorruptFileError:
        chunk, payload = pair
        return payload if isinstance(payload, CorruptFileError) else attempt(file.decode, chunk, payload)

    payloads = ((chunk, attempt(file.payload, reader, chunk)) for chunk in file.chunking)
    return in_order(decode, payloads, _threads(file, threads))


def _threads(file: VslFile, threads: int) -> int:
    """Limit the threads so that what they decode at a time fits into memory; refuse chunks too large for one thread."""
    needed = _CHUNK_COPIES * file.chunking.chunk_values * 8
    check_memory(needed, file.path)
    return max(1, min(threads, limit_bytes() // needed))


def _lowest(part: NDArray[Any]) -> Any:
    """Return the smallest finite value as a Python number; 0 for complex numbers and without a finite value."""
    finite = part[np.isfinite(part)]
    return finite.min().item() if finite.size and part.dtype.kind != "c" else 0


def _loss(lost: dict[Chunk, CorruptFileError]) -> Loss:
    slices = tuple(sorted({k for chunk in lost for k in range(chunk.k, chunk.k + chunk.depth)}))
    return Loss(slices, tuple(chunk.number for chunk in lost), tuple(error.what for error in lost.values()))


@dataclass(frozen=True)
class Restored:
    """A restored file or folder, and what salvage lost.

    `checksum` is True where the decoded values agree with the recorded one, None where the file has none.
    """

    path: Path
    tier: str
    checksum: bool | None
    lost: Loss


def restore(file: VslFile, path: Path, *, threads: int, force: bool = False) -> Restored:
    """Decode a tier and write the source's kind of file (a folder of instances for a DICOM series).

    Raises:
        CorruptFileError: a chunk is damaged, the decoded values do not have the recorded checksum, or the writer of the
            source's kind of file cannot use the stored facts.
        OutputError: `path` exists or cannot be written.
    """
    write, packed = writer(file.header.format), file.packed()
    opened = new_folder if file.header.folder else new_file
    with opened(path, force=force) as part:
        scan, lost, digest = decode_all(file, threads)
        checksum = None if lost.chunks else check_digest(file, digest)
        try:
            write(packed, scan.pixels, part, lossy_note(file))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            what = f"what is stored about the source file cannot be used ({type(error).__name__})"
            raise CorruptFileError(what, where=file.path) from error
    return Restored(path, file.tier.name, checksum, lost)


def check_digest(file: VslFile, digest: str) -> bool | None:
    """Raise CorruptFileError where a recorded checksum differs; return True, or None where none is recorded."""
    recorded = file.tail.tiers[file.tier_number].sha256 if file.tail else None
    if recorded is None:
        return None
    if not digest.startswith(recorded):
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
