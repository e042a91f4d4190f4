"""The pixel element of an instance: what the header promises, where the bytes are, and whether they can be there.

Native pixels must have the length that the header states. Compressed pixels come in fragments, which are listed and
assigned to frames; the header inside the first frame is compared with the data set, and its colour is read: some
writers state a different one in DICOM.
"""

from __future__ import annotations

import bisect
import itertools
import math
import os
import struct
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels.common import PhotometricInterpretation
from pydicom.uid import UID, RLELossless

from vesalius.errors import InputError
from vesalius.scan.damage import COPY_FIX
from vesalius.scan.dicom.values import integer, text, value

Span = tuple[int, int]
"""First byte and length."""

_DECODERS = {
    "": "ImplicitVRLittleEndian ExplicitVRLittleEndian ExplicitVRBigEndian DeflatedExplicitVRLittleEndian",
    "imagecodecs": "JPEGBaseline8Bit JPEGExtended12Bit JPEGLossless JPEGLosslessSV1",
    "pyjpegls": "JPEGLSLossless JPEGLSNearLossless",
    "pylibjpeg": "JPEG2000Lossless JPEG2000 HTJ2KLossless HTJ2KLosslessRPCL HTJ2K",
    "pydicom": "RLELossless",
}
PLUGINS: dict[str, str] = {getattr(uid, name): plugin for plugin, names in _DECODERS.items() for name in names.split()}
"""Transfer syntax -> its decoder: one of pydicom's plug-ins, or imagecodecs. GDCM, which pydicom would
prefer, ends the process on damaged frames and is not used."""
_KEYWORDS = {0x7FE00010: "PixelData", 0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData"}
_BITS_ALLOCATED = (1, 8, 16, 32, 64)
_PHOTOMETRIC = frozenset(term.value for term in PhotometricInterpretation)
_VRS = ("OB", "OW", "OF", "OD", "UN")
_ITEM, _DELIMITER = 0xFFFEE000, 0xFFFEE0DD
_UNDEFINED_LENGTH = 0xFFFFFFFF
_FIRST_BYTES = (b"\xff\xd8", b"\xff\x4f")
"""First bytes of a JPEG or JPEG-LS picture, and of a JPEG 2000 one."""
_HEAD_BYTES = 1 << 18
"""Bytes of a frame that are searched for its header."""
_JPEG_SIZE_MARKERS = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7})
"""Start of frame of every JPEG process, and of JPEG-LS (F7)."""
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""
_JPEG2000_BOX = b"\x00\x00\x00\x0cjP  \r\n\x87\n"
_RLE_MAX_RATIO = 64
"""PackBits expands two bytes to at most 128."""
_MAX_RATIO = 100_000
"""More than the packet headers of an empty JPEG 2000 or JPEG-LS picture allow at the sizes in use."""
_MAX_FRAME_BYTES = 1 << 29


@dataclass(frozen=True)
class Codestream:
    """The header of one compressed frame; `precision` is the bits of a component.

    The names of the components of a JPEG stream state `rgb`; a JFIF marker (`jfif`) states that three are YCbCr.
    """

    rows: int
    columns: int
    samples: int
    precision: int
    rgb: bool = False
    jfif: bool = False


@dataclass(frozen=True)
class PixelElement:
    """The pixels of one instance, not yet decoded.

    Args:
        syntax: transfer syntax UID.
        keyword: PixelData, FloatPixelData or DoubleFloatPixelData.
        vr: its value representation, "OW" in implicit VR.
        offset: first byte of the value in the file, or in the inflated data set where all of it is deflated.
        rows, columns, samples, bits_allocated, bits_stored, planar, frames: Rows, Columns, SamplesPerPixel,
            BitsAllocated, BitsStored, PlanarConfiguration, NumberOfFrames.
        high_bit: HighBit where stated.
        signed: True where PixelRepresentation is 1.
        photometric: PhotometricInterpretation as stated.
        spans: fragments of each frame, empty for native pixels.
        codestream: header of the first compressed frame.
        surplus: bytes of native pixels beyond what the header promises.
        extra_pictures: compressed pictures beyond the one that the header promises.
    """

    syntax: str
    keyword: str
    vr: str
    offset: int
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int | None
    signed: bool
    photometric: str
    planar: int
    frames: int
    spans: tuple[tuple[Span, ...], ...] = field(default=(), repr=False)
    codestream: Codestream | None = None
    surplus: int = 0
    extra_pictures: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored dtype after decoding, little endian; single bits become bytes."""
        if self.keyword != "PixelData":
            return np.dtype("<f4" if self.keyword == "FloatPixelData" else "<f8")
        return np.dtype(f"<{'ui'[self.signed]}{max(self.bits_allocated // 8, 1)}")

    @property
    def is_compressed(self) -> bool:
        """True where each frame is a separate compressed stream."""
        return UID(self.syntax).is_encapsulated

    @property
    def frame_bytes(self) -> float:
        """Bytes of one native frame; a fraction where single bits are packed."""
        bits = self.rows * self.columns * self.samples * self.bits_allocated
        size = bits / 8 if bits % 8 else bits // 8
        return size // 3 * 2 if self.photometric == "YBR_FULL_422" and not self.is_compressed else size


def locate(stream: BinaryIO, data: Dataset, syntax: str) -> PixelElement:
    """Return the pixel element at the position of `stream`, a file or an inflated data set.

    `header.read_header` sets the position and returns `data`, the data set before the pixels.

    Raises:
        InputError: no pixels, a transfer syntax that cannot be decoded, an impossible header, missing bytes.
    """
    if syntax not in PLUGINS:
        raise InputError(f"transfer syntax {UID(syntax).name} cannot be decoded", fix="convert it with a DICOM tool")
    keyword, vr, length = _element_head(stream, UID(syntax))
    pixels = PixelElement(
        syntax=syntax,
        keyword=keyword,
        vr=vr,
        offset=stream.tell(),
        rows=_required(data, "Rows", range(1, 65536)),
        columns=_required(data, "Columns", range(1, 65536)),
        samples=_required(data, "SamplesPerPixel", range(1, 5)),
        bits_allocated=_required(data, "BitsAllocated", _BITS_ALLOCATED),
        bits_stored=_bits_stored(data, keyword),
        high_bit=integer(data, "HighBit"),
        signed=keyword == "PixelData" and _required(data, "PixelRepresentation", (0, 1)) == 1,
        photometric=text(data, "PhotometricInterpretation"),
        planar=_required(data, "PlanarConfiguration", (0, 1)) if integer(data, "SamplesPerPixel") != 1 else 0,
        frames=_frame_count(data),
    )
    if pixels.photometric not in _PHOTOMETRIC:
        raise InputError("PhotometricInterpretation is missing or unknown")
    if pixels.is_compressed:
        return _with_fragments(stream, data, pixels)
    needed = math.ceil(pixels.frame_bytes * pixels.frames)
    available = min(length, _size(stream) - pixels.offset)
    if needed > available:
        raise InputError(f"the header promises {needed} bytes of pixels, but the file has {available}", fix=COPY_FIX)
    stated = length != _UNDEFINED_LENGTH
    return replace(pixels, surplus=max(available - needed - needed % 2, 0) if stated else 0)


def read_span(stream: BinaryIO, span: Span) -> bytes:
    """Read a fragment.

    Raises:
        InputError: the file ends before it.
    """
    stream.seek(span[0])
    data = stream.read(span[1])
    if len(data) < span[1]:
        raise InputError("the compressed pixels break off", fix=COPY_FIX)
    return data


def parse_frame(head: bytes) -> Codestream | None:
    """Return the header of a JPEG, JPEG-LS or JPEG 2000 stream, or None where `head` holds none."""
    try:
        if head.startswith(_JPEG2000_BOX):
            head = head[max(head.find(b"\xff\x4f\xff\x51"), 0) :]
        if head.startswith(b"\xff\x4f\xff\x51"):
            return _parse_jpeg2000(head)
        if head.startswith(b"\xff\xd8"):
            return _parse_jpeg(head)
    except (struct.error, IndexError):
        pass
    return None


def check_frame(stream: Codestream | None, length: int, pixels: PixelElement) -> None:
    """Compare the header of a compressed frame of `length` bytes, None for RLE, with the DICOM header.

    A decoder trusts the sizes in its stream and allocates memory for them, so this comes first.

    Raises:
        InputError: the sizes differ, or the frame promises more than its length can hold.
    """
    size = pixels.rows * pixels.columns * pixels.samples * -(-pixels.bits_allocated // 8)
    ratio = _RLE_MAX_RATIO if stream is None else _MAX_RATIO
    if size > ratio * max(length, 1) or size > _MAX_FRAME_BYTES:
        raise InputError(f"the header promises frames of {size} bytes, but a compressed frame has {length}")
    if stream is None:
        return
    if (stream.rows, stream.columns, stream.samples) != (pixels.rows, pixels.columns, pixels.samples):
        raise InputError(
            f"the header states {pixels.columns} x {pixels.rows} with {pixels.samples} sample(s), the compressed frame"
            f" {stream.columns} x {stream.rows} with {stream.samples}"
        )
    if stream.precision > pixels.bits_allocated:
        what = f"the compressed frame has {stream.precision} bits, but the header allocates {pixels.bits_allocated}"
        raise InputError(what)


def _element_head(stream: BinaryIO, syntax: UID) -> tuple[str, str, int]:
    """Read keyword, VR and length of the element at the position of `stream`, which is left at the value."""
    order = "<" if syntax.is_little_endian else ">"
    try:
        group, element = struct.unpack(f"{order}HH", stream.read(4))
        keyword = _KEYWORDS[group << 16 | element]
        vr = stream.read(2).decode("latin-1")
        if syntax.is_implicit_VR or vr not in _VRS:  # some writers state explicit VR and write implicit
            stream.seek(-2, os.SEEK_CUR)
            vr = "OW"
        else:
            stream.seek(2, os.SEEK_CUR)
        (length,) = struct.unpack(f"{order}L", stream.read(4))
    except (struct.error, KeyError) as error:
        raise InputError("holds the header of a picture but no pixels") from error
    return keyword, vr, length


def _required(data: Dataset, keyword: str, allowed: Any) -> int:
    number = integer(data, keyword)
    if number is None or number not in allowed:
        raise InputError(f"{keyword} is missing or impossible")
    return number


def _bits_stored(data: Dataset, keyword: str) -> int:
    bits_allocated = _required(data, "BitsAllocated", _BITS_ALLOCATED)
    return _required(data, "BitsStored", range(1, bits_allocated + 1)) if keyword == "PixelData" else bits_allocated


def _frame_count(data: Dataset) -> int:
    if value(data, "NumberOfFrames") is None:
        return 1
    count = integer(data, "NumberOfFrames")
    if count is None or count < 0:
        raise InputError("NumberOfFrames is not a number of frames")
    return max(count, 1)


def _size(stream: BinaryIO) -> int:
    at = stream.tell()
    size = stream.seek(0, os.SEEK_END)
    stream.seek(at)
    return size


def _with_fragments(stream: BinaryIO, data: Dataset, pixels: PixelElement) -> PixelElement:
    offsets, fragments = _fragments(stream)
    spans = _frame_spans(stream, data, pixels, offsets, fragments)
    first = spans[0][0]
    stream.seek(first[0])
    codestream = parse_frame(stream.read(min(first[1], _HEAD_BYTES)))
    if pixels.syntax == RLELossless:
        codestream = None
    for frame in spans:
        length = sum(size for _, size in frame)
        compared = codestream if frame is spans[0] else None
        if compared is not None or pixels.syntax == RLELossless:
            check_frame(compared, length, pixels)
    extra = _pictures(stream, fragments) - 1 if pixels.frames == 1 else 0
    return replace(pixels, spans=spans, codestream=codestream, extra_pictures=max(extra, 0))


def _pictures(stream: BinaryIO, fragments: list[Span]) -> int:
    count = 0
    for start, _ in fragments if len(fragments) > 1 else ():
        stream.seek(start)
        count += stream.read(2) in _FIRST_BYTES
    return count


def _fragments(stream: BinaryIO) -> tuple[list[int], list[Span]]:
    end = _size(stream)
    spans: list[Span] = []
    while True:
        head = stream.read(8)
        if len(head) < 8:
            break
        group, element, length = struct.unpack("<HHL", head)
        tag = group << 16 | element
        if tag == _DELIMITER:
            break
        if tag != _ITEM or stream.tell() + length > end:
            what = f"the compressed pixels break off after {max(len(spans) - 1, 0)} fragment(s)"
            raise InputError(what, fix=COPY_FIX)
        spans.append((stream.tell(), length))
        stream.seek(length, os.SEEK_CUR)
    if len(spans) < 2 or not any(length for _, length in spans[1:]):
        raise InputError("the compressed pixels are empty")
    stream.seek(spans[0][0])
    table = stream.read(spans[0][1])
    offsets = [offset for (offset,) in struct.iter_unpack("<L", table[: len(table) // 4 * 4])]
    return offsets, spans[1:]


def _frame_spans(
    stream: BinaryIO, data: Dataset, pixels: PixelElement, offsets: list[int], fragments: list[Span]
) -> tuple[tuple[Span, ...], ...]:
    """Assign fragments to frames: one each, else by the offset tables, else by the end-of-image marker."""
    if pixels.frames == 1:
        return (tuple(fragments),)
    if len(fragments) == pixels.frames:
        return tuple((span,) for span in fragments)
    extended = value(data, "ExtendedOffsetTable")
    if isinstance(extended, bytes) and len(extended) == 8 * pixels.frames:
        offsets = [offset for (offset,) in struct.iter_unpack("<Q", extended)]
    if len(offsets) == pixels.frames and len(fragments) > pixels.frames:
        starts = [at - fragments[0][0] for at, _ in fragments]
        bounds = [bisect.bisect_left(starts, offset) for offset in offsets] + [len(fragments)]
        if bounds[0] == 0 and all(low < high for low, high in itertools.pairwise(bounds)):
            return tuple(tuple(fragments[low:high]) for low, high in itertools.pairwise(bounds))
    groups = _by_end_marker(stream, fragments)
    if len(groups) != pixels.frames:
        raise InputError(f"{len(fragments)} compressed fragment(s) cannot be assigned to {pixels.frames} frames")
    return tuple(groups)


def _by_end_marker(stream: BinaryIO, fragments: list[Span]) -> list[tuple[Span, ...]]:
    groups: list[tuple[Span, ...]] = []
    open_group: list[Span] = []
    for start, length in fragments:
        open_group.append((start, length))
        stream.seek(max(start, start + length - 10))
        if b"\xff\xd9" in stream.read(min(length, 10)):
            groups.append(tuple(open_group))
            open_group = []
    return groups


def _parse_jpeg(head: bytes) -> Codestream | None:
    at, jfif = 2, False
    while at + 4 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF or marker in _BARE_MARKERS:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", head, at + 2)
        if marker in _JPEG_SIZE_MARKERS:
            precision, rows, columns, samples = struct.unpack_from(">BHHB", head, at + 4)
            names = bytes(head[at + 10 + 3 * n] for n in range(samples))
            return Codestream(rows, columns, samples, precision, names in (b"RGB", b"rgb"), jfif)
        jfif = jfif or (0xE0 <= marker <= 0xEF and head[at + 4 : at + 8] == b"JFIF")
        at += 2 + length
    return None


def _parse_jpeg2000(head: bytes) -> Codestream | None:
    """Read SIZ, the first segment: a component has the size of the picture where its sampling is 1 x 1."""
    width, height, left, top, tile_width, tile_height, tile_left, tile_top, samples = struct.unpack_from(
        ">8LH", head, 8
    )
    precisions = {head[42 + 3 * n] for n in range(samples)}
    samplings = {bytes(head[43 + 3 * n : 45 + 3 * n]) for n in range(samples)}
    if not samples or samplings != {b"\x01\x01"} or not tile_width or not tile_height:
        return None
    tiles = -(-(width - tile_left) // tile_width) * -(-(height - tile_top) // tile_height)
    if left > width or top > height or tiles > 65535:
        return None
    return Codestream(height - top, width - left, samples, 1 + max(precision & 0x7F for precision in precisions))
