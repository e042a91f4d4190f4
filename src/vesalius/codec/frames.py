"""Frames of a `.vsl` file: the two versions of their heads, and where header, tail and checksum of a file stand.

Version 2 is written; both are read. `docs/vsl-format.md` describes them byte by byte. Numbers are little endian.
"""

from __future__ import annotations

import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from vesalius.codec.coders.parts import inflate, leb128, read_leb128
from vesalius.codec.words import DICTIONARY
from vesalius.errors import CorruptFileError

BLOB, CHUNK, HEADER, TAIL = "attachment", "chunk", "header", "tail"
MAGIC = b"\x89VSL\r\n\x1a\n"
VERSION = struct.Struct("<8sH")
"""Magic and major version: the first bytes of a file of any version."""
MAX_FRAME = 1 << 31
"""No payload has as many bytes."""
LONGEST_HEAD = 20
"""Bytes of the longest head of a frame, checksum included."""
_CRC = struct.Struct("<I")
_BLOB_ID, _HEADER_ID, _TAIL_ID = 8, 9, 10
"""Low four bits of the number of a frame of version 2; below 8 they are the tier of a chunk."""
_KINDS = {_BLOB_ID: BLOB, _HEADER_ID: HEADER, _TAIL_ID: TAIL}
Read = Callable[[int, int, str], bytes]
"""Reads `length` bytes from `offset` on; the name stands in the error where there are fewer."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Position of one frame in the file: `length` bytes of payload from `offset` on.

    Args:
        kind: BLOB, CHUNK, HEADER or TAIL.
        tier: number of the tier of a chunk, else 0.
        index: number of the blob, or of the chunk within its tier.
        offset: where the payload begins.
        length: bytes of the payload.
        head_crc: CRC-32 of the head of the frame up to its checksum.
        crc: checksum of the frame: CRC-32 of its head and payload.
        coder: number of the coder, which version 1 repeats at each chunk; else None.
    """

    kind: str
    tier: int
    index: int
    offset: int
    length: int
    head_crc: int
    crc: int
    coder: int | None = None

    @property
    def end(self) -> int:
        return self.offset + self.length

    @property
    def name(self) -> str:
        """Name in error messages."""
        if self.kind == CHUNK:
            return f"chunk {self.index} of tier {self.tier}"
        return f"attachment {self.index}" if self.kind == BLOB else f"the {self.kind}"

    def is_intact(self, payload: bytes) -> bool:
        """Return True where the checksum is that of this payload."""
        return zlib.crc32(payload, self.head_crc) == self.crc


class FrameLayout(ABC):
    """Where things stand in the files of one version.

    `marker` begins each frame; `digest` bytes of the SHA-256 of all before them stand in front of the last `behind`
    bytes of the file.
    """

    major: int
    marker: bytes
    digest: int
    behind: int

    @abstractmethod
    def header(self, read: Read) -> Frame:
        """Return the frame of the header."""

    @abstractmethod
    def frame_at(self, head: bytes, position: int) -> Frame | None:
        """Return the frame whose head is at `position` and begins with `head`; None where there is none."""

    @abstractmethod
    def tail(self, read: Read, size: int) -> Frame | None:
        """Return the frame of the tail of a file of `size` bytes; None where it stands among the others."""

    @abstractmethod
    def inflate(self, data: bytes, size: int, name: str, *, least: int) -> bytes:
        """Inflate a header, tail or attachment to `least` to `size` bytes. Raises CorruptFileError."""


class LayoutV1(FrameLayout):
    """Version 1."""

    major = 1
    marker = b"vslc"
    digest = 32
    behind = 8
    _HEAD = struct.Struct("<8sHHII")
    _FRAME = struct.Struct("<4sBBBBIII")
    _FOOT = struct.Struct("<QII32s8s")
    _END_MAGIC = b"vslE\r\n\x1a\n"

    def header(self, read: Read) -> Frame:
        _, _, _, length, crc = self._HEAD.unpack(read(0, self._HEAD.size, "the head"))
        return Frame(HEADER, 0, 0, self._HEAD.size, length, 0, crc)

    def frame_at(self, head: bytes, position: int) -> Frame | None:
        if len(head) < self._FRAME.size:
            return None
        head = head[: self._FRAME.size]
        marker, kind, tier, coder, flags, index, length, crc = self._FRAME.unpack(head)
        if marker != self.marker or kind > 1 or flags:
            return None
        name = CHUNK if kind else BLOB
        return Frame(name, tier, index, position + len(head), length, zlib.crc32(head[: -_CRC.size]), crc, coder)

    def tail(self, read: Read, size: int) -> Frame | None:
        foot = read(size - self._FOOT.size, self._FOOT.size, "the tail")
        offset, length, crc, _, magic = self._FOOT.unpack(foot)
        if magic != self._END_MAGIC or offset + length + self._FOOT.size != size:
            raise CorruptFileError("is cut short or overwritten at its end")
        return Frame(TAIL, 0, 0, offset, length, 0, crc)

    def inflate(self, data: bytes, size: int, name: str, *, least: int) -> bytes:
        return inflate(data, size, name, least=least)


class LayoutV2(FrameLayout):
    """Version 2: header and tail are frames too; numbers and lengths are LEB128."""

    major = 2
    marker = b"\xb5V"
    digest = 8
    behind = 0

    def header(self, read: Read) -> Frame:
        # a whole file is longer than that: the shortest has a tail and a checksum behind its header
        frame = self.frame_at(read(VERSION.size, LONGEST_HEAD, "the header"), VERSION.size)
        if frame is None or frame.kind != HEADER:
            raise CorruptFileError("the header is damaged")
        return frame

    def frame_at(self, head: bytes, position: int) -> Frame | None:
        if not head.startswith(self.marker):
            return None
        try:
            number, place = read_leb128(head, len(self.marker))
            length, place = read_leb128(head, place)
        except CorruptFileError:
            return None
        index, kind = number >> 4, number & 15
        if len(head) < place + _CRC.size or kind > _TAIL_ID or length >= MAX_FRAME:
            return None
        (crc,) = _CRC.unpack_from(head, place)
        tier = kind if kind < _BLOB_ID else 0
        offset, head_crc = position + place + _CRC.size, zlib.crc32(head[:place])
        return Frame(_KINDS.get(kind, CHUNK), tier, index, offset, length, head_crc, crc)

    def tail(self, read: Read, size: int) -> Frame | None:
        return None

    def inflate(self, data: bytes, size: int, name: str, *, least: int) -> bytes:
        return inflate(data, size, name, least=least, wbits=-zlib.MAX_WBITS, dictionary=DICTIONARY)


LAYOUTS = {layout.major: layout for layout in (LayoutV1(), LayoutV2())}
"""Major version -> layout."""


def frame_of(kind: str, tier: int, index: int, payload: bytes) -> bytes:
    """Return a frame of version 2.

    Example:
        >>> len(frame_of(CHUNK, tier=0, index=3, payload=bytes(100)))
        108
    """
    head = _head(kind, tier, index, len(payload))
    return head + _CRC.pack(zlib.crc32(payload, zlib.crc32(head))) + payload


def frame_size(kind: str, tier: int, index: int, length: int) -> int:
    """Return the bytes of a frame of version 2 whose payload has `length` bytes."""
    return len(_head(kind, tier, index, length)) + _CRC.size + length


def deflate(data: bytes) -> bytes:
    """Deflate a header, tail or attachment for version 2: a raw stream with the dictionary of the format."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS, 9, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
    return packer.compress(data) + packer.flush()


def _head(kind: str, tier: int, index: int, length: int) -> bytes:
    number = next((number for number, name in _KINDS.items() if name == kind), tier)
    return LayoutV2.marker + leb128(index << 4 | number) + leb128(length)
