"""The facts of one DICOM instance, read once and without its pixels.

`read_instance` decides whether a file holds a picture and compares what its header promises with what the file has:
pixel bytes for uncompressed data, frame sizes and fragments for compressed data. So a scan that opens can be read
within bounded memory.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread, uid
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_partial
from pydicom.pixels.processing import apply_color_lut

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory, limit_bytes
from vesalius.scan.colours import narrow_palette
from vesalius.scan.damage import COPY_FIX, not_readable, surplus
from vesalius.scan.dicom.display import read_display
from vesalius.scan.dicom.element import PixelElement, locate
from vesalius.scan.dicom.frames import FrameFacts, read_frames
from vesalius.scan.dicom.lost import SUFFIXES, HeaderOnlyError
from vesalius.scan.dicom.rescale import Rescale
from vesalius.scan.dicom.values import integer, numbers, quiet, text, value
from vesalius.scan.display_state import NOTHING_STATED, DisplayState
from vesalius.scan.scan import Colour
from vesalius.scan.signature import is_dicom

_MAX_INFLATED = 1 << 30
_INFLATED_COPIES = 3
"""The data set, the buffer it grows into, and the stream made of it."""
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ALWAYS_FITS = 4096
"""Length of an element that needs no memory check; nearly all elements are shorter."""
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
"""Float, double and integer pixels; the tables of offsets before them are read with the header."""
_WITH_PICTURE = frozenset({"Segmentation Storage", "Parametric Map Storage", "Enhanced US Volume Storage"})
"""SOP classes with pictures, besides all that have "Image Storage" in their names."""
_UNCOMPRESSED_COLOURS: dict[str, Colour] = {
    "MONOCHROME2": "grey",
    "MONOCHROME1": "inverted",
    "PALETTE COLOR": "palette",
    "RGB": "rgb",
    "YBR_FULL": "ybr",
    "YBR_FULL_422": "ybr",
    "YBR_RCT": "rgb",
    "YBR_ICT": "rgb",
}
"""Colours after decoding: every decoder undoes the two JPEG 2000 transforms."""
_UNSPECIFIED_UNITS = ("", "US", "UNSPECIFIED")
_UNITS = """
    OD HU MGML Z_EFF ED EDW HU_MOD PCT CNTS NONE CM2 CM2ML PCNT CPS BQML MGMINML UMOLMINML MLMING MLG 1CM UMOLML
    PROPCNTS PROPCPS MLMINML MLML GML STDDEV GY RELATIVE
"""
"""Defined terms of RescaleType (C.11.1.1.2), Units (C.8.9.1.1.3) and DoseUnits; other words are free text."""
_MOST_PALETTE_BITS = 16
_MODALITY = re.compile("[A-Z0-9_]{1,16}")


@dataclass(frozen=True)
class InstanceFacts:
    """Facts that one instance states.

    Args:
        path: the file.
        uid, series_uid, frame_of_reference: SOPInstanceUID, SeriesInstanceUID, FrameOfReferenceUID, "" where missing.
        series_number, number: SeriesNumber, InstanceNumber.
        modality: as stated, else "unknown".
        colour: meaning of the decoded samples.
        palette_N3: colours of the stored values of a "palette", None where they are unknown.
        unit: unit of the real values, "" where none is stated.
        pixels: where the pixels are and how to decode them.
        frames: the facts of each frame.
        notes: caveats, one sentence each.
        display_state: how the picture is to be shown.
        picked: numbers of `frames` in the file where they are a part of it, None where they are all.
    """

    path: Path
    uid: str
    series_uid: str
    series_number: int | None
    number: int | None
    modality: str
    frame_of_reference: str
    colour: Colour
    unit: str
    pixels: PixelElement
    frames: tuple[FrameFacts, ...]
    notes: tuple[str, ...]
    display_state: DisplayState = NOTHING_STATED
    palette_N3: NDArray[np.unsignedinteger[Any]] | None = field(default=None, compare=False)
    picked: tuple[int, ...] | None = None

    def indices(self) -> tuple[int, ...]:
        """Return the number in the file of each of `frames`."""
        return tuple(range(len(self.frames))) if self.picked is None else self.picked

    def part(self, indices: Iterable[int]) -> InstanceFacts:
        """Return the instance with only the frames of these numbers."""
        kept = tuple(sorted(indices))
        if kept == self.indices():
            return self
        facts = dict(zip(self.indices(), self.frames, strict=True))
        return replace(self, frames=tuple(facts[index] for index in kept), picked=kept)


def read_instance(path: Path) -> InstanceFacts | None:
    """Read the header of a file; None where it is not a DICOM picture.

    Raises:
        InputError: a DICOM picture that is damaged or cannot be decoded here.
        HeaderOnlyError: a DICOM header whose picture was left out.
    """
    try:
        with regular(path).open("rb") as file:
            head = file.read(4096)
            has_magic = head[128:132] == b"DICM"
            if not is_dicom(head) and not path.name.lower().endswith(SUFFIXES):
                return None
            file.seek(0)
            with quiet():
                return _read(path, file, head, has_magic)
    except InputError as error:
        raise error.at(path) from error
    except OSError as error:
        raise not_readable(path, error) from error


def read_header(stream: BinaryIO, *, force: bool = False) -> Dataset:
    """Read the data set up to the pixels; `stream` is left at the pixel element.

    Raises:
        InputError: the data set cannot be parsed.
    """
    try:
        if isinstance(stream, io.BytesIO):  # an inflated data set, see `open_stream`
            return read_dataset(stream, False, True, stop_when=_at_pixels)
        return read_partial(stream, stop_when=_at_pixels, force=force)
    except InputError:  # see `_at_pixels`
        raise
    except Exception as error:  # a damaged header raises nearly anything, and its text may hold a name
        raise _unreadable(error) from error


def read_whole(stream: BinaryIO) -> Dataset:
    """Read the whole data set, pixels included.

    Raises:
        InputError: the data set cannot be parsed.
    """
    try:
        if isinstance(stream, io.BytesIO):
            return read_dataset(stream, False, True)
        check_memory(2 * stream.seek(0, io.SEEK_END))
        stream.seek(0)
        return dcmread(stream, force=True)
    except InputError:
        raise
    except Exception as error:
        raise _unreadable(error) from error


def open_stream(file: BinaryIO, head: bytes) -> BinaryIO:
    """Return the file itself, or its inflated data set where the whole data set is deflated.

    Raises:
        InputError: damaged deflate data, or more than 1 GiB of it. Deflate has no checksum; some writers append that of
            gzip, others a byte of padding; nothing else may follow.
    """
    if uid.DeflatedExplicitVRLittleEndian.encode() not in head[:1024]:
        return file
    start = 144 + int.from_bytes(head[140:144], "little")
    file.seek(start)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    most = min(_MAX_INFLATED, limit_bytes() // _INFLATED_COPIES)
    try:
        data = inflater.decompress(file.read(), most)
    except zlib.error as error:
        raise InputError("the deflated data set is damaged", fix=COPY_FIX) from error
    if inflater.unconsumed_tail:
        check_memory(_INFLATED_COPIES * _MAX_INFLATED)  # where a lower memory limit ended it
        raise InputError("the deflated data set is larger than 1 GiB")
    if not inflater.eof:
        raise InputError("the deflated data set breaks off", fix=COPY_FIX)
    rest = inflater.unused_data
    if rest[:8] != struct.pack("<LL", zlib.crc32(data), len(data)) and rest.strip(b"\0"):
        what = f"the deflated data set is damaged: {len(rest)} bytes after it are not its checksum"
        raise InputError(what, fix=COPY_FIX)
    return io.BytesIO(data)


def _at_pixels(tag: int, vr: str | None, length: int) -> bool:
    """True where the pixels begin; checks that no element before them is too large."""
    if tag in _PIXELS:
        return True
    if _ALWAYS_FITS < length != _UNDEFINED_LENGTH:
        check_memory(2 * length)
    return False


def _unreadable(error: Exception) -> InputError:
    return InputError(f"cannot be read as DICOM ({type(error).__name__})", fix=COPY_FIX)


def _read(path: Path, file: BinaryIO, head: bytes, has_magic: bool) -> InstanceFacts | None:
    stream = open_stream(file, head)
    try:
        data = read_header(stream, force=not has_magic)
    except InputError:
        if is_dicom(head):
            raise
        return None
    if value(data, "Rows") is None or value(data, "Columns") is None:
        _check_whole(stream, data, head)
        return None
    syntax = uid.DeflatedExplicitVRLittleEndian if stream is not file else _syntax(data)
    pixels = locate(stream, data, syntax)
    frames = read_frames(data, pixels.frames)
    colour = _colour(pixels)
    padding = _real_padding(data, pixels, frames[0].rescale)
    shown, notes = read_display(data, padding, is_projection=frames[0].place is None)
    return InstanceFacts(
        path=path,
        uid=text(data, "SOPInstanceUID") or text(getattr(data, "file_meta", None), "MediaStorageSOPInstanceUID"),
        series_uid=text(data, "SeriesInstanceUID"),
        series_number=integer(data, "SeriesNumber"),
        number=integer(data, "InstanceNumber"),
        modality=_modality(data),
        frame_of_reference=text(data, "FrameOfReferenceUID"),
        colour=colour,
        palette_N3=_palette(data, pixels) if colour == "palette" else None,
        unit=_unit(data, frames),
        pixels=pixels,
        frames=frames,
        notes=(*_notes(data, pixels, frames), *notes),
        display_state=shown,
    )


def _check_whole(stream: BinaryIO, data: Dataset, head: bytes) -> None:
    """Raise InputError where a data set should have a picture; HeaderOnlyError where it is complete without one."""
    stated = text(data, "SOPClassUID") or text(getattr(data, "file_meta", None), "MediaStorageSOPClassUID")
    name = uid.UID(stated).name
    if not ((not stated and is_dicom(head)) or "Image Storage" in name or name in _WITH_PICTURE):
        return
    if _ends_with_element(stream, data):
        raise HeaderOnlyError("holds the header of a picture but no picture", fix="copy it again")
    raise InputError("was cut within its header", fix="copy it again")


def _ends_with_element(stream: BinaryIO, data: Dataset) -> bool:
    """False where the last element promises more or fewer bytes than there are."""
    if not len(data):
        return False
    try:
        last = data.get_item(max(data.keys()))
    except Exception:  # the last element is so damaged that pydicom cannot even say what it is
        return False
    if not isinstance(last, RawDataElement):  # a sequence that ends with a delimiter of its own
        return True
    return last.value_tell + last.length == stream.seek(0, io.SEEK_END)


def _syntax(data: Dataset) -> str:
    stated = text(getattr(data, "file_meta", None), "TransferSyntaxUID")
    if stated:
        return stated
    implicit, little = data.original_encoding
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def _colour(pixels: PixelElement) -> Colour:
    """Return the colour; the compressed frame decides where it states more than the header (as in its decoders)."""
    stream, stated = pixels.codestream, pixels.photometric
    if stream is not None and pixels.samples == 3:
        if stream.rgb:
            return "rgb"
        if stream.jfif and "YBR" not in stated:
            return "ybr"
    if pixels.samples == 1:
        return _UNCOMPRESSED_COLOURS.get(stated, "grey")
    return _UNCOMPRESSED_COLOURS.get(stated, "channels") if pixels.samples == 3 else "channels"


def _palette(data: Dataset, pixels: PixelElement) -> NDArray[np.unsignedinteger[Any]] | None:
    """Return the colours [2 ** bits stored, RGB], segmented tables unpacked; None for a missing or damaged palette."""
    if pixels.signed or not 1 <= pixels.bits_stored <= _MOST_PALETTE_BITS:
        return None
    stored = np.arange(1 << pixels.bits_stored, dtype=np.uint16)
    try:
        table = apply_color_lut(stored, data)[:, :3]
    except Exception:  # a damaged table raises nearly anything
        return None
    table = narrow_palette(table)
    return _shared(table.tobytes(), table.dtype.str)


@lru_cache(maxsize=8)
def _shared(table: bytes, dtype: str) -> NDArray[np.unsignedinteger[Any]]:
    """Return one array for equal tables: a series of a thousand files has one palette."""
    return np.frombuffer(table, dtype).reshape(-1, 3)


def _modality(data: Dataset) -> str:
    """Return a coded word; free text counts as unknown, because it may say anything."""
    stated = text(data, "Modality")
    return stated if _MODALITY.fullmatch(stated) else "unknown"


def _unit(data: Dataset, frames: tuple[FrameFacts, ...]) -> str:
    stated = {_frame_unit(data, frame.rescale) for frame in frames if frame.rescale.stated}
    if not stated:
        return _frame_unit(data, frames[0].rescale)
    return stated.pop() if len(stated) == 1 else ""


def _frame_unit(data: Dataset, rescale: Rescale) -> str:
    """Return a unit of the standard, or "": free text may say anything."""
    modality = text(data, "Modality")
    if modality == "CT" and rescale.stated and not rescale.unit:
        return "HU"
    stated = rescale.unit
    if stated.upper() in _UNSPECIFIED_UNITS and modality == "PT":
        stated = text(data, "Units")
    return stated.upper() if stated.upper() in _UNITS.split() else ""


def _notes(data: Dataset, pixels: PixelElement, frames: tuple[FrameFacts, ...]) -> list[str]:
    notes = []
    padding = _padding(data, pixels, "PixelPaddingValue")
    if padding is not None:
        notes.append(f"the stored value {padding} marks pixels outside the picture (PixelPaddingValue)")
    if text(data, "LossyImageCompression") == "01":
        notes.append("the source was already compressed with loss (LossyImageCompression)")
    notes += dict.fromkeys(frame.rescale.note for frame in frames if frame.rescale.note)
    if frames[0].place is None and numbers(data, "ImagerPixelSpacing"):
        notes.append("pixel spacing is stated at the detector only (ImagerPixelSpacing), not in the patient")
    if pixels.surplus:
        notes.append(f"the pixel data {surplus(pixels.surplus)}; they are not read")
    if pixels.extra_pictures:
        what = f"{pixels.extra_pictures + 1} compressed pictures are stored, but the header promises one"
        notes.append(f"{what}; only the first is read")
    if pixels.samples == 3 and _colour(pixels) == "channels":
        notes.append(f"colours of the kind {pixels.photometric} are not converted; the channels are as stored")
    if pixels.high_bit not in (None, pixels.bits_stored - 1):
        notes.append("HighBit is not BitsStored - 1; the low bits are read as pydicom reads them")
    return notes


def _padding(data: Dataset, pixels: PixelElement, keyword: str) -> int | None:
    """Return PixelPaddingValue or PixelPaddingRangeLimit, which some writers store with the wrong sign."""
    padding = integer(data, keyword)
    if padding is None or pixels.dtype.kind not in "iu" or not 8 <= pixels.bits_allocated <= 32:
        return padding
    return int(np.array(padding, dtype=np.int64).astype(pixels.dtype))


def _real_padding(data: Dataset, pixels: PixelElement, rescale: Rescale) -> tuple[float, float] | None:
    """Return the least and the largest real value of padding, None where none is stated."""
    first = _padding(data, pixels, "PixelPaddingValue")
    if first is None:
        return None
    last = _padding(data, pixels, "PixelPaddingRangeLimit")
    ends = sorted(rescale.slope * stored + rescale.inter for stored in (first, first if last is None else last))
    return ends[0], ends[1]
