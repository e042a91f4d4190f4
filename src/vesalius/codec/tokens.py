"""The tier of tokens: integers of a trained tokenizer, and the mean of each slice over time as a picture.

The file names its model by the SHA-256 of its weights. Torch is imported where a model is needed, not before: writing
and reading a tier without tokens (the means alone) needs none.

Letters: C channel, T time, I J voxel axes of a chunk, K slices; G groups, L places, M components of tokens.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.chunking import GROUPED_VALUES, Chunking
from vesalius.codec.coders.protocol import Coder
from vesalius.codec.coders.table import coder as coder_named
from vesalius.codec.header import TokensRecord
from vesalius.codec.options import Access
from vesalius.codec.sequences import SequenceReader, encode_sequence
from vesalius.codec.tiers import RealTier, Shape
from vesalius.errors import CorruptFileError, InputError, MissingExtraError
from vesalius.memory import check_memory
from vesalius.weights.place import MODELS, ZOO, locate

if TYPE_CHECKING:  # the streams of tokens need Numba, which is slow to start
    from vesalius.codec.token_prior import TokenPrior
    from vesalius.nets.tokenizer import Tokenizer

MEAN_CODER, MEAN_BITS = "svtav1", 10
TASK, PART = "tokenize", "tokenizer"
"""Job and part of the model folders that hold a tokenizer."""
DIGEST_DIGITS = 16
_LENGTH = struct.Struct("<I")
_TOP = (1 << MEAN_BITS) - 1
_COPIES = 16
"""Bytes for each value while a net codes it, in float32 numbers."""


class TokenCoder(Coder):
    """Name and number of the tier in the file; it codes no pictures."""

    name = "tokens"
    id = 19
    temporal = True

    def encode(self, x_NJI: NDArray[Any], bits: int, quality: float | None, threads: int) -> bytes:
        raise ValueError("the tier codes the tokens")

    def decode(self, data: bytes, shape_NJI: tuple[int, int, int], bits: int, threads: int) -> NDArray[Any]:
        raise ValueError("the tier decodes the tokens")


@dataclass(frozen=True, eq=False)
class TokenModel:
    """A tokenizer from a model folder; `digest` is the beginning of the SHA-256 of its weights."""

    name: str
    digest: str
    tokenizer: Tokenizer
    prior: TokenPrior
    settings: dict[str, Any]

    def most(self, size_KTJI: tuple[int, int, int, int]) -> int:
        """Return the number of tokens of a whole prefix: places of a sequence, or components of a cell."""
        import torch

        _, places, components = self.tokenizer.shape(size_KTJI)
        one = self.tokenizer.prefix(torch.zeros((1, places, components), dtype=torch.int32, device="meta"), 1)
        return places if one.shape[1] != places else components

    def shape(self, size_KTJI: tuple[int, int, int, int], prefix: int) -> tuple[int, int, int]:
        """Return (G, L, M) of the first `prefix` tokens."""
        import torch

        whole = torch.zeros(self.tokenizer.shape(size_KTJI), dtype=torch.int32, device="meta")
        groups, places, components = self.tokenizer.prefix(whole, prefix).shape
        return groups, places, components

    def grid(self, size_KTJI: tuple[int, int, int, int], places: int) -> tuple[int, int]:
        """Return rows and columns of so many places."""
        rows, columns = self.tokenizer.grid(size_KTJI)
        return (rows, columns) if rows * columns == places else (1, places)


@dataclass(frozen=True, eq=False)
class ModelSource:
    """Where a tier finds its model: the folder or name that is asked for, or the digest that a file states.

    Args:
        name: of the model, as the file or the user states it.
        digest: beginning of the SHA-256 of its weights; None: whatever the folder holds.
        folder: name or folder to load; None: search the zoo and the folder of VESALIUS_MODELS.
    """

    name: str
    digest: str | None = None
    folder: str | None = None

    @cached_property
    def model(self) -> TokenModel:
        """The loaded model.

        Raises:
            InputError: there is none, or it is not the one of the file.
            CorruptFileError: it is damaged.
        """
        if self.folder is not None:
            model = _load(self.folder)
            if self.digest is not None and model.digest != self.digest:
                what = f"is not the model {self.needed} (its weights are {model.digest})"
                raise InputError(what, where=self.folder, fix="name the model that wrote the file")
            return model
        for folder in _folders():
            if _is(folder, self.digest):
                return _load(str(folder))
        fix = f"get it and name its folder with --model, or put it into the folder of {MODELS}"
        raise InputError(f"this tier needs the model {self.needed}, which is not here", fix=fix)

    @property
    def needed(self) -> str:
        """Name and digest for messages."""
        return f"{self.name} (weights {self.digest})"


class CodedMean(NamedTuple):
    """Means of the slices of a channel: their bytes, and what these decode to (None: the model takes no means)."""

    data: bytes
    mean_KJI: NDArray[np.float32] | None


class ScaledChunk(NamedTuple):
    """A chunk in the units of the tier: the bytes of its mask, and x_KTJI from 0 to 1 of each channel."""

    mask: bytes
    channels: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, eq=False)
class TokensTier(RealTier):
    """Means of slices over time through AV1, and tokens of what they leave; stored = low + step x value.

    A chunk holds all frames of one or more slices. Values go from 0 (p0.1 of the scan) to 1 (p99.9).

    Args:
        frames: T.
        source: where the model is; None for the means alone.
        quality: one of the tokenizer's qualities.
        prefix: tokens that are kept, see `Tokenizer.prefix`; 0 for the means alone.
        crf: of the means (only the encoder needs it).
    """

    frames: int
    source: ModelSource | None
    quality: int
    prefix: int
    crf: int = 0
    exact = False
    name = "tokens"

    def chunking(self, shape: tuple[int, int, int, int, int], access: Access) -> Chunking:
        c, t, i, j, k = shape
        return Chunking(shape, t, min(k, max(1, GROUPED_VALUES // (c * t * i * j))))

    def encode(self, stored_CTIJ: NDArray[Any], quality: float | None = None, threads: int = 1) -> bytes:
        scaled = self.scaled(stored_CTIJ)
        return self.encode_scaled(scaled, self.means(scaled))

    def scaled(self, stored_CTIJ: NDArray[Any]) -> ScaledChunk:
        """Return what all qualities and crfs of a chunk start from."""
        values, mask = self.finite(stored_CTIJ)
        scaled = np.clip((values - self.low) / self.step, 0, 1).astype(np.float32)
        return ScaledChunk(mask, tuple(self._slices(x_NIJ) for x_NIJ in scaled))

    def means(self, chunk: ScaledChunk) -> tuple[CodedMean, ...]:
        """Code the means of each channel; they depend on the crf alone."""
        return tuple(map(self._coded_mean, chunk.channels))

    def encode_scaled(self, chunk: ScaledChunk, means: tuple[CodedMean, ...]) -> bytes:
        """Return the payload of a chunk from parts that are made already."""
        channels = zip(chunk.channels, means, strict=True)
        return chunk.mask + b"".join(self._encode_channel(x_KTJI, mean) for x_KTJI, mean in channels)

    def decode_values(self, reader: SequenceReader, shape_CTIJ: Shape) -> NDArray[np.float64]:
        channels = []
        for mean_KJI, tokens_GLM in self._channels(reader, shape_CTIJ):
            x_KTJI = self._decode_channel(mean_KJI, tokens_GLM, self._size(shape_CTIJ))
            channels.append(x_KTJI.transpose(1, 0, 3, 2).reshape(shape_CTIJ[1:]))
        with np.errstate(over="ignore", invalid="ignore"):  # a hostile step; the sum is clipped
            return self.low + self.step * np.stack(channels).astype(np.float64)

    def tokens_of(self, payload: bytes, shape_CTIJ: Shape) -> bytes:
        """Return the tokens of a payload as little-endian int32, channel after channel, [g][l][m]."""
        reader = SequenceReader(payload)
        self.mask(reader, shape_CTIJ)
        tokens = [tokens_GLM for _, tokens_GLM in self._channels(reader, shape_CTIJ)]
        reader.finish()
        return b"".join(tokens_GLM.astype("<i4").tobytes() for tokens_GLM in tokens if tokens_GLM is not None)

    def record(self, chunking: Chunking, target: str, table_blob: int | None = None) -> TokensRecord:
        facts = self._facts(chunking, target)
        if self.source is not None:
            facts |= {"model": self.source.name, "digest": self.source.digest, "quality": self.quality}
        return TokensRecord(
            kind="tokens", low=self.low, step=self.step, masked=self.masked, prefix=self.prefix, **facts
        )

    @classmethod
    def read(cls, record: TokensRecord, dtype: np.dtype[Any], frames: int, model: str | None = None) -> TokensTier:
        """Build the tier of a record; its model is looked for when a chunk is decoded.

        Raises:
            CorruptFileError: the record is impossible.
        """
        if dtype.kind not in "iuf" or dtype.itemsize > 8 or (record.masked and dtype.kind != "f"):
            raise CorruptFileError("a tier of tokens holds numbers that are not real, or has a mask of integers")
        if record.coder_id != TokenCoder.id or record.coder_version > TokenCoder.version:
            raise CorruptFileError("the tokens are of a kind unknown to this version", fix="update vesalius")
        if record.frames_per_chunk < frames or (record.prefix > 0) != (record.digest is not None):
            raise CorruptFileError("the record of the tokens is impossible")
        source = None if record.digest is None else ModelSource(record.model or "without a name", record.digest, model)
        facts = (record.low, record.step, record.masked, frames, source, record.quality, record.prefix)
        return cls(TokenCoder(), dtype, *facts)

    def _size(self, shape_CTIJ: Shape) -> tuple[int, int, int, int]:
        _, pictures, i, j = shape_CTIJ
        return pictures // self.frames, self.frames, j, i

    def _slices(self, x_NIJ: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn the pictures of a chunk, frame after frame, into x_KTJI."""
        n, i, j = x_NIJ.shape
        return np.ascontiguousarray(x_NIJ.reshape(self.frames, n // self.frames, i, j).transpose(1, 0, 3, 2))

    @property
    def _takes_mean(self) -> bool:
        return self.source is None or self.source.model.tokenizer.takes_mean

    def _coded_mean(self, x_KTJI: NDArray[np.float32]) -> CodedMean:
        if not self._takes_mean:
            return CodedMean(b"", None)
        mean_KIJ = np.rint(_TOP * x_KTJI.mean(axis=1, dtype=np.float64)).astype(np.uint16).transpose(0, 2, 1)
        data = encode_sequence(mean_KIJ[None], MEAN_BITS, coder_named(MEAN_CODER), self.crf)
        return CodedMean(data, self._mean(SequenceReader(data), mean_KIJ.shape))

    def _encode_channel(self, x_KTJI: NDArray[np.float32], coded: CodedMean) -> bytes:
        if self.source is None:
            return coded.data
        import torch

        from vesalius.codec.token_stream import write_tokens

        model, size = self.source.model, x_KTJI.shape
        check_memory(_COPIES * 4 * x_KTJI.size)
        with torch.inference_mode():
            mean = None if coded.mean_KJI is None else torch.from_numpy(coded.mean_KJI)
            tokens_GLM = model.tokenizer.encode(torch.from_numpy(x_KTJI), mean, self.quality)
            kept_GLM = model.tokenizer.prefix(tokens_GLM, self.prefix).cpu().numpy().astype(np.int32)
        data = write_tokens(kept_GLM, model.grid(size, kept_GLM.shape[1]), self.quality, model.prior)
        return coded.data + _LENGTH.pack(len(data)) + data

    def _channels(
        self, reader: SequenceReader, shape_CTIJ: Shape
    ) -> Iterator[tuple[NDArray[np.float32] | None, NDArray[np.int32] | None]]:
        """Yield the decoded means and the tokens of each channel."""
        size = self._size(shape_CTIJ)
        k, _, j, i = size
        for _ in range(shape_CTIJ[0]):
            mean_KJI = self._mean(reader, (k, i, j)) if self._takes_mean else None
            tokens_GLM = None
            if self.source is not None:
                from vesalius.codec.token_stream import read_tokens

                model = self.source.model
                shape_GLM = model.shape(size, self.prefix)
                (length,) = reader.take(_LENGTH)
                data = reader.bytes(length)
                grid = model.grid(size, shape_GLM[1])
                tokens_GLM = read_tokens(data, shape_GLM, grid, self.quality, model.prior)
            yield mean_KJI, tokens_GLM

    def _mean(self, reader: SequenceReader, shape_KIJ: tuple[int, ...]) -> NDArray[np.float32]:
        pictures = reader.decode((1, *shape_KIJ), MEAN_BITS, coder_named(MEAN_CODER))[0]
        return np.ascontiguousarray(pictures.transpose(0, 2, 1)).astype(np.float32) / np.float32(_TOP)

    def _decode_channel(
        self,
        mean_KJI: NDArray[np.float32] | None,
        tokens_GLM: NDArray[np.int32] | None,
        size_KTJI: tuple[int, int, int, int],
    ) -> NDArray[Any]:
        if self.source is None or tokens_GLM is None:
            assert mean_KJI is not None
            return np.broadcast_to(mean_KJI[:, None], size_KTJI)
        import torch

        check_memory(_COPIES * 4 * int(np.prod(size_KTJI)))
        with torch.inference_mode():
            mean = None if mean_KJI is None else torch.from_numpy(mean_KJI)
            x_KTJI = self.source.model.tokenizer.decode(torch.from_numpy(tokens_GLM), mean, size_KTJI, self.quality)
        if tuple(x_KTJI.shape) != size_KTJI:
            raise CorruptFileError("the model gives pictures of another size")
        return x_KTJI.float().cpu().numpy()


def tokens_tier(
    stored: NDArray[Any], finite: bool, source: ModelSource | None, quality: int, prefix: int, crf: int
) -> TokensTier:
    """Return the tier for a scan of these stored values (C, T, I, J, K): 0 and 1 are p0.1 and p99.9 of finite ones."""
    inside = stored if finite else stored[np.isfinite(stored)]
    low, high = (float(value) for value in np.percentile(inside, [0.1, 99.9])) if inside.size else (0.0, 0.0)
    step = high - low if np.isfinite(high - low) and high > low else 1.0
    if source is not None:
        source = replace(source, name=source.model.name, digest=source.model.digest)
    return TokensTier(TokenCoder(), stored.dtype, low, step, not finite, stored.shape[1], source, quality, prefix, crf)


def _load(name: str) -> TokenModel:
    folder = locate(name)
    return _loaded(folder, _digest(folder))


@lru_cache(maxsize=4)
def _loaded(folder: Path, digest: str) -> TokenModel:
    from vesalius.codec.token_prior import TokenPrior
    from vesalius.nets.tokenizer import Tokenizer
    from vesalius.weights.saved import from_pretrained

    model = from_pretrained(folder, TASK)
    tokenizer = model.parts[PART].net if PART in model.parts else None
    if not isinstance(tokenizer, Tokenizer):
        raise InputError("holds no tokenizer", where=folder, fix="name a model of vesalius train tokenize/...")
    try:
        prior = TokenPrior.of(tokenizer.tables())
    except InputError as error:
        raise CorruptFileError(f"its tables cannot be used: {error.what}", where=folder) from error
    return TokenModel(_name(folder), digest, tokenizer, prior, dict(model.config.settings))


def _name(folder: Path) -> str:
    """Return a short name for a model folder, without the path to it."""
    if folder.is_relative_to(ZOO):
        return folder.relative_to(ZOO).as_posix()
    return folder.resolve().parent.name if folder.name == "model" else folder.resolve().name


def _folders() -> Iterator[Path]:
    """Yield the model folders of this machine: the user's, then those of the zoo."""
    models = os.environ.get(MODELS)
    for root in (*([Path(models)] if models else []), ZOO):
        if root.is_dir():
            yield from (path.parent for path in sorted(root.rglob("config.json")))


def _digest(folder: Path) -> str:
    """Return the beginning of the SHA-256 of a model's weights. Raises InputError or CorruptFileError."""
    try:
        from vesalius.weights.saved import digest_of
    except ImportError as error:
        raise MissingExtraError("tokens need PyTorch", extra="nets") from error
    return digest_of(folder)[:DIGEST_DIGITS]


def _is(folder: Path, digest: str | None) -> bool:
    try:
        return _digest(folder) == digest
    except (InputError, CorruptFileError):  # a damaged or foreign folder is not the model that is looked for
        return False


def tokens_digest(tokens: Iterator[bytes]) -> str:
    """Return the checksum of the tokens of all chunks in order."""
    digest = hashlib.sha256()
    for data in tokens:
        digest.update(data)
    return digest.hexdigest()[:DIGEST_DIGITS]
