"""The `.vsl` file: head, frames, checksum. `docs/vsl-format.md` describes it byte by byte.

A frame is the header, a blob (deflated bytes kept word for word), a chunk (coded pixels) or the tail. Every frame has
a checksum and a marker, so that what is intact can be found in a damaged file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from vesalius.codec.frames import (
    BLOB,
    CHUNK,
    HEADER,
    LAYOUTS,
    LONGEST_HEAD,
    MAGIC,
    MAX_FRAME,
    TAIL,
    VERSION,
    Frame,
    FrameLayout,
    LayoutV2,
    deflate,
    frame_of,
    frame_size,
)
from vesalius.errors import CorruptFileError, UsageError
from vesalius.files import regular
from vesalius.memory import check_memory

SUFFIX = ".vsl"
MAJOR = LayoutV2.major
"""Version that is written."""
_MAX_JSON = 4 << 20
_MAX_BRACKETS = 1 << 18
"""Opening brackets in a header or tail: empty objects take a hundred times their bytes when parsed."""
_MAX_FRAMES = (1 << 21) + 256
"""Chunks of eight tiers and attachments."""
_SALVAGE_EFFORT = 16
"""Salvage gives up after this many times the size of the file was checked in vain."""
_ORDER = {BLOB: 0, CHUNK: 1}


class VslWriter:
    """Writes head, frames and checksum in order, into an open binary file."""

    def __init__(self, file: IO[bytes], header: dict[str, Any]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._position = 0
        self._put(VERSION.pack(MAGIC, MAJOR))
        self._frame(HEADER, 0, 0, _pack_json(header))

    def blob(self, index: int, data: bytes) -> None:
        """Append bytes that are kept word for word; empty ones take no frame."""
        if data:
            self._frame(BLOB, 0, index, deflate(data))

    def chunk(self, tier: int, index: int, payload: bytes) -> None:
        """Append one coded chunk."""
        self._frame(CHUNK, tier, index, payload)

    def close(self, tail: dict[str, Any]) -> int:
        """Append tail and checksum and return the size of the file in bytes."""
        self._frame(TAIL, 0, 0, _pack_json(tail))
        self._file.write(self._digest.digest()[: LayoutV2.digest])
        return self._position + LayoutV2.digest

    def _frame(self, kind: str, tier: int, index: int, payload: bytes) -> None:
        if len(payload) >= MAX_FRAME:
            raise UsageError(
                f"a chunk takes {len(payload)} bytes, more than the format holds", fix="use --access frame"
            )
        self._put(frame_of(kind, tier, index, payload))

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._position += len(data)


def size_of(header: dict[str, Any], tail: dict[str, Any], blobs: list[bytes], tiers: list[list[int]]) -> int:
    """Return the bytes of a file with this header, tail and attachments, and chunks of these payload lengths."""
    frames = [frame_of(kind, 0, 0, _pack_json(value)) for kind, value in ((HEADER, header), (TAIL, tail))]
    frames += [frame_of(BLOB, 0, index, deflate(blob)) for index, blob in enumerate(blobs) if blob]
    chunks = [frame_size(CHUNK, 0, index, length) for lengths in tiers for index, length in enumerate(lengths)]
    return VERSION.size + sum(map(len, frames)) + sum(chunks) + LayoutV2.digest


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
            self.layout = self._layout()
            header = self.layout.header(self._read)
            self.header = self._json(header)
            self.tail: dict[str, Any] = {}
            if salvage:
                self.frames = list(self._scan_frames(header.end))
            else:
                self.tail, self.frames = self._read_frames(header.end)
            self._places: dict[tuple[str, int], dict[int, Frame]] = {}
            for frame in self.frames:
                self._places.setdefault((frame.kind, frame.tier), {}).setdefault(frame.index, frame)
        except CorruptFileError as error:
            self._file.close()
            raise (error if error.where else self._corrupt(error.what)) from error
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
        if not frame.is_intact(data):
            raise self._corrupt(f"{frame.name} is damaged (checksum)")
        return data

    def blob(self, index: int, length: int) -> bytes:
        """Return attachment `index`. Raises CorruptFileError where it is absent, damaged, or not of `length` bytes."""
        frame = self._places.get((BLOB, 0), {}).get(index)
        if frame is None:
            if not length and self.layout.major > 1:
                return b""
            raise self._corrupt(f"attachment {index} is missing")
        return self._inflate(self.payload(frame), frame.name, length, least=length)

    def chunks(self, tier: int) -> dict[int, Frame]:
        """Return chunk number -> frame of one tier."""
        return self._places.get((CHUNK, tier), {})

    def check_whole(self) -> None:
        """Raise CorruptFileError where the checksum of the whole file does not match."""
        digest, layout = hashlib.sha256(), self.layout
        end = self.size - layout.digest - layout.behind
        self._file.seek(0)
        left = end
        while left > 0:
            block = self._file.read(min(left, 1 << 20))
            if not block:
                break
            digest.update(block)
            left -= len(block)
        if digest.digest()[: layout.digest] != self._read(end, layout.digest, "the checksum"):
            raise self._corrupt("the checksum of the whole file does not match")

    def _layout(self) -> FrameLayout:
        head = self._read(0, min(VERSION.size, self.size), "the head")
        if len(head) < VERSION.size or head[: len(MAGIC)] != MAGIC:
            raise self._corrupt("is not a .vsl file")
        _, major = VERSION.unpack(head)
        if major not in LAYOUTS:
            known = " and ".join(map(str, sorted(LAYOUTS)))
            raise CorruptFileError(
                f"is version {major}, this tool reads {known}", where=self.path, fix="update vesalius"
            )
        return LAYOUTS[major]

    def _read_frames(self, first: int) -> tuple[dict[str, Any], list[Frame]]:
        """Return the tail and the frames from `first` on, which fill the file up to its checksum."""
        last = self.layout.tail(self._read, self.size)
        frames: list[Frame] = []
        position = first
        while last is None or position < last.offset:
            frame = self._frame_at(position)
            if frame is None or frame.kind == HEADER or len(frames) == _MAX_FRAMES:
                raise self._corrupt(f"frame {len(frames)} is damaged (its head), or the file is cut short")
            position = frame.end
            if frame.kind == TAIL:
                last = frame
            else:
                frames.append(frame)
        if position != (last.offset if self.layout.major == 1 else self.size - self.layout.digest):
            raise self._corrupt("is cut short or overwritten at its end")
        tail = self._json(last)
        if self.layout.major == 1 and [frame.length for frame in frames] != tail.get("lengths"):
            raise self._corrupt("the frames are not those of the tail")
        order = [(_ORDER[frame.kind], frame.tier, frame.index) for frame in frames]
        if any(later <= earlier for earlier, later in pairwise(order)):
            raise self._corrupt("the frames are not in order")
        return tail, frames

    def _frame_at(self, position: int) -> Frame | None:
        head = self._read(position, max(0, min(LONGEST_HEAD, self.size - position)), "a frame")
        return self.layout.frame_at(head, position)

    def _scan_frames(self, position: int) -> Iterator[Frame]:
        """Yield the blobs and chunks from `position` on whose marker, bounds and checksum are right."""
        effort = _SALVAGE_EFFORT * self.size
        while position < self.size:
            frame = self._frame_at(position)
            inside = frame is not None and frame.end <= self.size
            if frame is not None and inside and self._intact(frame):
                if frame.kind in _ORDER:
                    yield frame
                position = frame.end
                continue
            effort -= frame.length if frame is not None and inside else 0
            if effort < 0:
                raise CorruptFileError("is too damaged to be salvaged", where=self.path)
            position = self._next_marker(position + 1)

    def _intact(self, frame: Frame) -> bool:
        return frame.is_intact(self._read(frame.offset, frame.length, frame.name))

    def _next_marker(self, position: int) -> int:
        """Return the position of the next marker at or after `position`, or the end of the file."""
        marker, step = self.layout.marker, 1 << 12
        while position < self.size:
            block = self._read(position, min(step, self.size - position), "the file")
            offset = block.find(marker)
            if offset >= 0:
                return position + offset
            position += max(1, len(block) - len(marker) + 1)
            step = min(2 * step, 1 << 20)
        return self.size

    def _json(self, frame: Frame) -> dict[str, Any]:
        data = self.payload(frame)
        text = self._inflate(data, frame.name, _MAX_JSON, least=0)
        if _brackets(text) > _MAX_BRACKETS:
            raise self._corrupt(f"{frame.name} is too complex")
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._corrupt(f"{frame.name} is damaged ({type(error).__name__})") from error
        if not isinstance(parsed, dict):
            raise self._corrupt(f"{frame.name} is not an object")
        return parsed

    def _inflate(self, data: bytes, name: str, size: int, *, least: int) -> bytes:
        check_memory(size, self.path)
        try:
            return self.layout.inflate(data, size, name, least=least)
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
    return deflate(text)


def _brackets(text: bytes) -> int:
    return text.count(b"{") + text.count(b"[")
