"""Restoring a packed DICOM stack: valid instances in explicit VR little endian, uncompressed.

Single-frame instances become one file each, multi-frame instances stay multi-frame. File names are numbers in the
order of the slices, because the old names may name a patient.
"""

from __future__ import annotations

import hashlib
import io
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_data_element, write_file_meta_info
from pydicom.pixels import pack_bits
from pydicom.uid import ExplicitVRLittleEndian

from vesalius import __version__
from vesalius.errors import CorruptFileError, OutputError
from vesalius.scan.dicom.cells import HIGH_BITS
from vesalius.scan.dicom.values import items, quiet, text, value, words
from vesalius.scan.native import LossyNote, Packed
from vesalius.scan.pixels import Pixels

IMPLEMENTATION_UID = "2.25.297341185712034846914420133061938752816"
"""Identifies this writer in the file meta information."""
_LOSSY_METHODS = {
    "jpegls": "ISO_14495_1",
    "jpeg2000": "ISO_15444_1",
    "jpegxl": "ISO_18181_1",
    "x265": "ISO_23008_2",
    "svtav1": "AV1",
}
"""Coder -> term of LossyImageCompressionMethod; AV1 has no defined term yet."""
_MAX_ELEMENT_BYTES = 0xFFFFFFFE
_FIRST_PIXEL_TAG = 0x7FE00000
_FLOAT_ELEMENTS = {"<f4": (0x0008, b"OF"), "<f8": (0x0009, b"OD")}


def restore(packed: Packed, pixels: Pixels, path: Path, lossy: LossyNote | None) -> None:
    """Write the instances below the folder `path`, or as the file `path` where the source was one file.

    Lossless pixels keep the packed SOP Instance UIDs. Lossy pixels get new ones, LossyImageCompression 01 with ratio
    and method (after those of earlier steps), and an image type that begins with DERIVED.

    Raises:
        CorruptFileError: the packed facts do not fit the pixels.
        OutputError: an instance is larger than DICOM allows.
    """
    order_TK2, headers = _unpack(packed, pixels.shape, path)
    high = {} if lossy else _high_bits(packed, path)
    if packed.folder:
        path.mkdir(parents=True, exist_ok=True)
    width = max(4, len(str(len(headers))))
    for n, (instance, frames_NJIC) in enumerate(_instances(pixels, order_TK2, len(headers))):
        target = path / f"{n + 1:0{width}d}.dcm" if packed.folder else path
        before, body, after = compose(
            packed.blobs["common"] + headers[instance], frames_NJIC, lossy, high.get(instance)
        )
        with target.open("wb") as file:
            file.write(before)
            file.write(body)
            file.write(bytes(len(body) % 2))
            file.write(after)


def compose(
    header: bytes, frames_NJIC: NDArray[Any], lossy: LossyNote | None, high: bytes | None = None
) -> tuple[bytes, bytes | memoryview, bytes]:
    """Return the bytes of one file before its pixel value, the value, and the bytes after it.

    Args:
        header: an explicit VR little endian data set without pixels, its elements in any order.
        frames_NJIC: all frames of the instance.
        lossy: how the pixels were made, or None where they are exact.
        high: bits of the cells above the stored ones, see `cells.high_bits`.

    Raises:
        CorruptFileError: the header is damaged, or `high` does not fit.
        OutputError: pixels that DICOM cannot hold.
    """
    try:
        with quiet():
            data = read_dataset(io.BytesIO(header), False, True)
            high_bit = value(data, "HighBit")
            _describe(data, frames_NJIC)
            body, element, vr = _body(data, frames_NJIC)
            if high is not None:
                body = np.bitwise_xor(np.frombuffer(body, "u1"), np.frombuffer(high, "u1")).data
                data.HighBit = high_bit
            if len(body) > _MAX_ELEMENT_BYTES:
                raise OutputError("the pixels of one instance exceed the 4 GiB that DICOM allows")
            if lossy is not None:
                _mark_lossy(data, body, lossy)
            head, tail = explicit_stream(), explicit_stream()
            head.write(bytes(128) + b"DICM")
            write_file_meta_info(head, _meta(data), enforce_standard=True)
            _write_elements(head, data, range(_FIRST_PIXEL_TAG))
            head.write(struct.pack("<HH2sHL", 0x7FE0, element, vr, 0, len(body) + len(body) % 2))
            _write_elements(tail, data, range(_FIRST_PIXEL_TAG, 1 << 32))
    except OutputError:
        raise
    except Exception as error:  # damaged headers raise nearly anything
        raise CorruptFileError("a stored DICOM header is damaged") from error
    return head.getvalue(), body, tail.getvalue()


def _unpack(packed: Packed, shape: tuple[int, int, int, int, int], path: Path) -> tuple[NDArray[np.int64], list[bytes]]:
    try:
        count = int(packed.facts["instances"])  # type: ignore[arg-type]
        if list(shape) != packed.facts["shape"]:
            raise CorruptFileError("the stored DICOM headers do not fit the pixels", where=path)
        order = np.frombuffer(packed.blobs["order"], dtype="<u4").reshape(shape[1], shape[4], 2).astype(np.int64)
        stream, headers = io.BytesIO(packed.blobs["own"]), []
        for _ in range(count):
            (length,) = struct.unpack("<L", stream.read(4))
            headers.append(stream.read(length))
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise CorruptFileError("the stored DICOM headers are damaged", where=path) from error
    if order.size == 0 or set(np.unique(order[..., 0]).tolist()) != set(range(count)):
        raise CorruptFileError("the stored order of the DICOM frames is damaged", where=path)
    if not packed.folder and count != 1:
        raise CorruptFileError("one file cannot hold several DICOM instances", where=path)
    return order, headers


def stored_headers(packed: Packed, count: int) -> list[Dataset]:
    """Return the packed headers of all instances.

    Raises:
        CorruptFileError: they are damaged, or their number is wrong.
    """
    try:
        shape = tuple(int(n) for n in packed.facts["shape"])  # type: ignore[arg-type, union-attr]
        _, headers = _unpack(packed, shape, Path())  # type: ignore[arg-type]
        sets = [read_dataset(io.BytesIO(packed.blobs["common"] + header), False, True) for header in headers]
    except CorruptFileError:
        raise
    except Exception as error:  # damaged headers raise nearly anything
        raise CorruptFileError("a stored DICOM header is damaged") from error
    if len(sets) != count:
        raise CorruptFileError(f"holds the headers of {len(sets)} instances, but the original has {count}")
    return sets


def _high_bits(packed: Packed, path: Path) -> dict[int, bytes]:
    data, at, bits = packed.blobs.get(HIGH_BITS, b""), 0, {}
    while at < len(data):
        if at + 8 > len(data):
            raise CorruptFileError("the stored high bits are damaged", where=path)
        instance, length = struct.unpack_from("<LL", data, at)
        bits[int(instance)] = data[at + 8 : at + 8 + length]
        at += 8 + length
    return bits


def _instances(pixels: Pixels, order_TK2: NDArray[np.int64], count: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Yield each instance once all of its frames are read, as (instance, frames of shape (N, J, I, C)).

    Pixels are read slice by slice over all frames, which is the default chunking.
    """
    samples, _, columns, rows, slices = pixels.shape
    sizes = np.bincount(order_TK2[..., 0].ravel(), minlength=count)
    waiting: dict[int, tuple[NDArray[Any], int]] = {}
    for k in range(slices):
        slab_CTIJ = pixels.read(k=slice(k, k + 1))[..., 0]
        for t, (instance, frame) in enumerate(order_TK2[:, k].tolist()):
            if instance not in waiting:
                empty = np.empty((sizes[instance], rows, columns, samples), dtype=slab_CTIJ.dtype.newbyteorder("<"))
                waiting[instance] = (empty, 0)
            buffer, filled = waiting[instance]
            if frame >= len(buffer):
                raise CorruptFileError("the stored order of the DICOM frames is damaged")
            buffer[frame] = slab_CTIJ[:, t].transpose(2, 1, 0)
            waiting[instance] = (buffer, filled + 1)
            if filled + 1 == len(buffer):
                yield instance, waiting.pop(instance)[0]


def explicit_stream() -> DicomBytesIO:
    """Return a stream for elements in explicit VR little endian."""
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    return stream


def _write_elements(stream: DicomBytesIO, data: Dataset, tags: range) -> None:
    """Write the elements with these tags; unchanged elements stay as they are, byte for byte."""
    encodings = convert_encodings(value(data, "SpecificCharacterSet") or "ISO_IR 6")
    for tag in sorted(tag for tag in data.keys() if int(tag) in tags):  # noqa: SIM118
        write_data_element(stream, data.get_item(tag), encodings)


def _meta(data: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = data.SOPClassUID
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_UID
    meta.ImplementationVersionName = f"VESALIUS {__version__}"[:16]
    return meta


def _describe(data: Dataset, frames_NJIC: NDArray[Any]) -> None:
    """Adapt the pixel description to the array: size, and depth and sign where they changed."""
    count, rows, columns, samples = frames_NJIC.shape
    data.Rows, data.Columns, data.SamplesPerPixel = rows, columns, samples
    if count > 1 or value(data, "NumberOfFrames") is not None:
        data.NumberOfFrames = count
    kind, bits = frames_NJIC.dtype.kind, 8 * frames_NJIC.dtype.itemsize
    if kind == "f":
        data.BitsAllocated = bits
        for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
            if keyword in data:
                delattr(data, keyword)
        return
    low, high = int(frames_NJIC.min()), int(frames_NJIC.max())
    if data.BitsAllocated == 1 and kind == "u" and high <= 1:
        return
    signed = int(kind == "i")
    if (data.BitsAllocated, value(data, "PixelRepresentation")) != (bits, signed):
        data.BitsAllocated, data.PixelRepresentation = bits, signed
        data.BitsStored = bits
    needed = max(high.bit_length(), (low + 1).bit_length() if low < 0 else 0) + signed
    if needed > int(data.BitsStored):
        data.BitsStored = bits
    data.HighBit = int(data.BitsStored) - 1


def _body(data: Dataset, frames_NJIC: NDArray[Any]) -> tuple[bytes | memoryview, int, bytes]:
    """Return pixel bytes, element number and VR of the pixel element."""
    dtype = frames_NJIC.dtype
    if dtype.kind == "f":
        if dtype.str not in _FLOAT_ELEMENTS:
            raise OutputError(f"DICOM cannot hold {dtype.name} pixels", fix="convert them to float32")
        element, vr = _FLOAT_ELEMENTS[dtype.str]
        return frames_NJIC.reshape(-1).view(np.uint8).data, element, vr
    if data.BitsAllocated == 1:
        return pack_bits(frames_NJIC.reshape(-1), pad=False), 0x0010, b"OB"
    vr = b"OB" if dtype.itemsize == 1 else b"OW"
    return frames_NJIC.reshape(-1).view(np.uint8).data, 0x0010, vr


def _mark_lossy(data: Dataset, body: bytes | memoryview, lossy: LossyNote) -> None:
    digest = hashlib.sha256(text(data, "SOPInstanceUID").encode())
    digest.update(body)
    _put(data, "SOPInstanceUID", f"2.25.{int.from_bytes(digest.digest()[:16], 'big')}")
    earlier = text(data, "LossyImageCompression") == "01"
    ratios = [*_numbers(data, "LossyImageCompressionRatio")] if earlier else []
    methods = [*words(data, "LossyImageCompressionMethod")] if earlier else []
    method = _LOSSY_METHODS.get(lossy.method, lossy.method.upper().replace("-", "_")[:16])
    _put(data, "LossyImageCompression", "01")
    _put(data, "LossyImageCompressionRatio", [*ratios, _short(lossy.ratio)])
    _put(data, "LossyImageCompressionMethod", [*methods, method])
    _put(data, "DerivationDescription", f"Vesalius {__version__}, lossy compression, ratio {_short(lossy.ratio)}")
    _put(data, "ImageType", ["DERIVED", *(words(data, "ImageType")[1:] or ("PRIMARY",))])
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for element in (element for group in items(data, keyword) for element in group.iterall()):
            if element.keyword == "FrameType":
                element.value = ["DERIVED", *list(element.value)[1:]]
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue"):
        if keyword in data:
            delattr(data, keyword)


def _put(data: Dataset, keyword: str, new: Any) -> None:
    """Set an attribute without reading its old value, which may be damaged."""
    tag = tag_for_keyword(keyword)
    assert tag is not None  # keywords of this file
    data.add_new(tag, dictionary_VR(tag), new)


def _numbers(data: Dataset, keyword: str) -> list[str]:
    stated = value(data, keyword)
    return [] if stated is None else [str(number) for number in ([stated] if isinstance(stated, float) else stated)]


def _short(ratio: float) -> str:
    return f"{ratio:.6g}" if math.isfinite(ratio) else "0"
