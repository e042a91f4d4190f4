"""The byte layout of a `.vsl` file, version 1: head, frames, tail. `docs/vsl-format.md` describes it byte by byte.

A frame is a blob (deflated bytes kept word for word) or a chunk (coded pixels). Every frame has a checksum and
a marker, so that what is intact can be found in a damaged file. Numbers are little endian.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from vesalius.codec.coders.parts import inflate
from vesalius.errors import CorruptFileError, UsageError
from vesalius.files import regular
from vesalius.memory import check_memory

SUFFIX = ".vsl"
MAGIC = b"\x89VSL\r\n\x1a\n"
END_MAGIC = b"vslE\r\n\x1a\n"
MAJOR, MINOR = 1, 0
BLOB, CHUNK = 0, 1

_HEAD = struct.Struct("<8sHHII")
_FRAME_HEAD = struct.Struct("<4sBBBBII")
_FRAME = struct.Struct("<4sBBBBIII")
_FOOT = struct.Struct("<QII32s8s")
_MARKER = b"vslc"
_MAX_JSON = 4 << 20
_MAX_BRACKETS = 1 << 18
"""Opening brackets in a header or tail: empty objects take a hundred times their bytes when parsed."""
_MAX_FRAME = 1 << 31
_SALVAGE_EFFORT = 16
"""Salvage gives up after this many times the size of the file was checked in vain."""


@dataclass(frozen=True)
class Frame:
    """Position of one frame in the file: `length` bytes of payload from `offset` on.

    Args:
        kind: BLOB or CHUNK.
        tier: number of the tier of a chunk, 0 for a blob.
        coder: number of the coder of a chunk, 0 for a blob.
        index: number of the blob or chunk within its kind and tier.
        crc: CRC-32 of the head of the frame and the payload.
    """

    kind: int
    tier: int
    coder: int
    index: int
    offset: int
    length: int
    crc: int

    @property
    def name(self) -> str:
        """Name in error messages."""
        return f"attachment {self.index}" if self.kind == BLOB else f"chunk {self.index} of tier {self.tier}"


class VslWriter:
    """Writes head, frames and tail in order, into an open binary file."""

    def __init__(self, file: IO[bytes], header: dict[str, Any]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._position = 0
        self._lengths: list[int] = []
        packed = _pack_json(header)
        self._put(_HEAD.pack(MAGIC, MAJOR, MINOR, len(packed), zlib.crc32(packed)) + packed)

    def blob(self, index: int, data: bytes) -> None:
        """Append bytes that are kept word for word."""
        self._frame(BLOB, 0, 0, index, zlib.compress(data, 9))

    def chunk(self, tier: int, coder: int, index: int, payload: bytes) -> None:
        """Append one coded chunk."""
        self._frame(CHUNK, tier, coder, index, payload)

    def close(self, tail: dict[str, Any]) -> int:
        """Append the tail and return the size of the file in bytes."""
        offset = self._position
        packed = _pack_json({**tail, "lengths": self._lengths})
        self._put(packed)
        self._put(struct.pack("<QII", offset, len(packed), zlib.crc32(packed)))
        self._file.write(self._digest.digest() + END_MAGIC)
        return self._position + 32 + len(END_MAGIC)

    def _frame(self, kind: int, tier: int, coder: int, index: int, payload: bytes) -> None:
        if len(payload) >= _MAX_FRAME:
            raise UsageError(
                f"a chunk takes {len(payload)} bytes, more than the format holds", fix="use --access frame"
            )
        head = _FRAME_HEAD.pack(_MARKER, kind, tier, coder, 0, index, len(payload))
        self._put(head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))))
        self._put(payload)
        self._lengths.append(len(payload))

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._position += len(data)


def size_of(header: dict[str, Any], tail: dict[str, Any], payloads: list[int]) -> int:
    """Return the bytes of a file with this header and tail and frames of these payload lengths."""
    overhead = _HEAD.size + len(_pack_json(header)) + len(_pack_json({**tail, "lengths": payloads})) + _FOOT.size
    return overhead + sum(payloads) + _FRAME.size * len(payloads)


class VslReader:
    """Reads head, frames and tail; checks every length before it takes memory for it.

    Args:
        path: the file.
        salvage: find the frames by their markers and ignore the tail.

    Raises:
        CorruptFileError: not a `.vsl` file, a newer version, cut short, or a checksum of head or tail does not match.
    """

    def __init__(self, path: Path, *, salvage: bool = False) -> None:
        self.path = path
        try:
            self._file = regular(path).open("rb")
        except OSError as error:
            raise CorruptFileError(f"cannot be opened ({error.strerror})", where=path) from error
        try:
            self.size = path.stat().st_size
            self.header, first = self._read_head()
            self.tail: dict[str, Any] = {}
            if salvage:
                self.frames = list(self._scan_frames(first))
            else:
                self.tail, self.frames = self._read_tail(first)
            self._places: dict[tuple[int, int], dict[int, Frame]] = {}
            for frame in self.frames:
                self._places.setdefault((frame.kind, frame.tier), {}).setdefault(frame.index, frame)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> VslReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def payload(self, frame: Frame) -> bytes:
        """Return the bytes of one frame. Raises CorruptFileError where its checksum is wrong, or the file ends."""
        data = self._read(frame.offset, frame.length, frame.name)
        if _checksum(frame, data) != frame.crc:
            raise self._corrupt(f"{frame.name} is damaged (checksum)")
        return data

    def blob(self, index: int, length: int) -> bytes:
        """Return attachment `index`. Raises CorruptFileError where it is absent, damaged, or not of `length` bytes."""
        frame = self._places.get((BLOB, 0), {}).get(index)
        if frame is None:
            raise self._corrupt(f"attachment {index} is missing")
        return self._inflate(self.payload(frame), frame.name, length, least=length)

    def chunks(self, tier: int) -> dict[int, Frame]:
        """Return chunk number -> frame of one tier."""
        return self._places.get((CHUNK, tier), {})

    def check_whole(self) -> None:
        """Raise CorruptFileError where the SHA-256 of the whole file does not match."""
        digest = hashlib.sha256()
        self._file.seek(0)
        left = self.size - 40
        while left > 0:
            block = self._file.read(min(left, 1 << 20))
            if not block:
                break
            digest.update(block)
            left -= len(block)
        if digest.digest() != self._read(self.size - 40, 32, "the checksum"):
            raise self._corrupt("the checksum of the whole file does not match")

    def _read_head(self) -> tuple[dict[str, Any], int]:
        head = self._read(0, min(_HEAD.size, self.size), "the head")
        if len(head) < _HEAD.size or head[: len(MAGIC)] != MAGIC:
            raise self._corrupt("is not a .vsl file")
        _, major, _, length, crc = _HEAD.unpack(head)
        if major != MAJOR:
            raise CorruptFileError(
                f"is version {major}, this tool reads {MAJOR}", where=self.path, fix="update vesalius"
            )
        return self._json(_HEAD.size, length, crc, "the header"), _HEAD.size + length

    def _read_tail(self, first: int) -> tuple[dict[str, Any], list[Frame]]:
        if self.size < first + _FOOT.size:
            raise self._corrupt("is cut short (no tail)")
        foot = self._read(self.size - _FOOT.size, _FOOT.size, "the tail")
        offset, length, crc, _, magic = _FOOT.unpack(foot)
        if magic != END_MAGIC or offset + length + _FOOT.size != self.size or offset < first:
            raise self._corrupt("is cut short or overwritten at its end")
        tail = self._json(offset, length, crc, "the tail")
        lengths = tail.get("lengths")
        if not isinstance(lengths, list) or not all(isinstance(n, int) and 0 <= n < _MAX_FRAME for n in lengths):
            raise self._corrupt("the tail has no list of frames")
        if first + sum(lengths) + _FRAME.size * len(lengths) != offset:
            raise self._corrupt("the frames do not fill the file")
        frames = list(self._list_frames(first, lengths))
        order = [(frame.kind, frame.tier, frame.index) for frame in frames]
        if any(later <= earlier for earlier, later in pairwise(order)):
            raise self._corrupt("the frames are not in order")
        return tail, frames

    def _list_frames(self, position: int, lengths: list[int]) -> Iterator[Frame]:
        for number, length in enumerate(lengths):
            frame = self._frame_at(position)
            if frame is None or frame.length != length:
                raise self._corrupt(f"frame {number} is damaged (its head)")
            yield frame
            position += _FRAME.size + length

    def _frame_at(self, position: int) -> Frame | None:
        if position + _FRAME.size > self.size:
            return None
        head = self._read(position, _FRAME.size, "a frame")
        marker, kind, tier, coder, flags, index, length, crc = _FRAME.unpack(head)
        if marker != _MARKER or kind not in (BLOB, CHUNK) or flags:
            return None
        return Frame(kind, tier, coder, index, position + _FRAME.size, length, crc)

    def _scan_frames(self, position: int) -> Iterator[Frame]:
        """Yield the frames from `position` on whose marker, bounds and checksum are right."""
        effort = _SALVAGE_EFFORT * self.size
        while position + _FRAME.size <= self.size:
            frame = self._frame_at(position)
            inside = frame is not None and frame.offset + frame.length <= self.size
            if frame is not None and inside and self._intact(frame):
                yield frame
                position = frame.offset + frame.length
                continue
            effort -= frame.length if frame is not None and inside else 0
            if effort < 0:
                raise CorruptFileError("is too damaged to be salvaged", where=self.path)
            position = self._next_marker(position + 1)

    def _intact(self, frame: Frame) -> bool:
        return _checksum(frame, self._read(frame.offset, frame.length, frame.name)) == frame.crc

    def _next_marker(self, position: int) -> int:
        """Return the position of the next marker at or after `position`, or the end of the file."""
        while position < self.size:
            block = self._read(position, min(1 << 20, self.size - position), "the file")
            offset = block.find(_MARKER)
            if offset >= 0:
                return position + offset
            position += max(1, len(block) - len(_MARKER) + 1)
        return self.size

    def _json(self, offset: int, length: int, crc: int, name: str) -> dict[str, Any]:
        data = self._read(offset, length, name)
        if zlib.crc32(data) != crc:
            raise self._corrupt(f"{name} is damaged (checksum)")
        text = self._inflate(data, name, _MAX_JSON, least=0)
        if _brackets(text) > _MAX_BRACKETS:
            raise self._corrupt(f"{name} is too complex")
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._corrupt(f"{name} is damaged ({type(error).__name__})") from error
        if not isinstance(parsed, dict):
            raise self._corrupt(f"{name} is not an object")
        return parsed

    def _inflate(self, data: bytes, name: str, size: int, *, least: int) -> bytes:
        check_memory(size, self.path)
        try:
            return inflate(data, size, name, least=least)
        except CorruptFileError as error:
            raise error.at(self.path) from error

    def _read(self, offset: int, length: int, name: str) -> bytes:
        if length < 0 or offset < 0 or offset + length > self.size:
            raise self._corrupt(f"{name} reaches beyond the end of the file (cut short?)")
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) != length:
            raise self._corrupt(f"{name} is cut short")
        return data

    def _corrupt(self, what: str) -> CorruptFileError:
        return CorruptFileError(what, where=self.path, fix="copy the file again, or try decompress --salvage")


def _pack_json(value: dict[str, Any]) -> bytes:
    text = json.dumps(value, separators=(",", ":"), allow_nan=False).encode()
    if len(text) > _MAX_JSON or _brackets(text) > _MAX_BRACKETS:
        raise UsageError(f"the facts of this scan take {len(text)} bytes, the format holds {_MAX_JSON}")
    return zlib.compress(text, 9)


def _brackets(text: bytes) -> int:
    return text.count(b"{") + text.count(b"[")


def _checksum(frame: Frame, payload: bytes) -> int:
    """Return the CRC-32 of the head of a frame (up to the CRC) and its payload."""
    head = _FRAME_HEAD.pack(_MARKER, frame.kind, frame.tier, frame.coder, 0, frame.index, len(payload))
    return zlib.crc32(payload, zlib.crc32(head))
