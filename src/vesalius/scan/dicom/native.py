"""The source side of a DICOM stack: its headers, packed to be stored beside the pixels.

Headers are read again when they are packed, one instance at a time. They are stored as explicit VR little endian data
sets: what all instances share once, and what is left of each. UIDs that an instance needs and lacks are made here.
"""

from __future__ import annotations

import copy
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import correct_ambiguous_vr, write_data_element
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    MRImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from vesalius.errors import CorruptFileError, InputError, UsageError
from vesalius.files import regular
from vesalius.scan.damage import not_readable
from vesalius.scan.dicom.cells import HIGH_BITS, high_bits
from vesalius.scan.dicom.diffusion import read_diffusion
from vesalius.scan.dicom.header import open_stream, read_header, read_whole
from vesalius.scan.dicom.pixels import DicomPixels
from vesalius.scan.dicom.privacy import (
    DEIDENTIFICATION_METHOD,
    EMPTY_IF_DROPPED,
    EMPTY_REQUIRED,
    Level,
    burned_in_warning,
    filtered,
    is_class_uid,
    remap_uids,
    remapped_uid,
)
from vesalius.scan.dicom.values import items, quiet, text, value
from vesalius.scan.dicom.write import compose, stored_headers
from vesalius.scan.native import Identifiers, Kept, Packed
from vesalius.scan.scan import Colour

_FIRST_PIXEL_TAG, _LAST_PIXEL_TAG, _TRAILING_PADDING = 0x7FE00000, 0x7FE0FFFF, 0xFFFCFFFC
_SINGLE_FRAME_CLASSES = {
    "CT": CTImageStorage,
    "MR": MRImageStorage,
    "PT": PositronEmissionTomographyImageStorage,
    "NM": NuclearMedicineImageStorage,
    "US": UltrasoundImageStorage,
    "CR": ComputedRadiographyImageStorage,
    "DX": DigitalXRayImageStorageForPresentation,
}
"""For instances that do not state their class."""
_FOREIGN = "pixels with bits above BitsStored"
_MOST_HIGH_BITS = 1 << 29
"""Bytes that an attachment of a `.vsl` file holds."""
_SWAPPED_WORDS = {"OW": "u2", "OL": "u4", "OF": "u4", "OD": "u8", "OV": "u8"}
_KEEP_FEWER = "leave out --keep-identifiers, or repair the file"
_PHOTOMETRIC: dict[Colour, str] = {"rgb": "RGB", "ybr": "YBR_FULL"}


@dataclass(frozen=True, eq=False)
class DicomNative:
    """Headers of the instances of one stack.

    Args:
        pixels: the stack's pixels; they know the files and which frame lies where.
        uids: SOPInstanceUID of each instance, "" where it is missing.
        picked: of each instance the numbers of the frames that belong to the stack, None where all do.
        colour: what the decoded samples mean.
        numbered_in_time: T is time by clock times only, which are dropped; temporal positions are numbered instead.
        folder: the stack is written back as a folder of files.
    """

    pixels: DicomPixels
    uids: tuple[str, ...]
    picked: tuple[tuple[int, ...] | None, ...]
    colour: Colour
    numbered_in_time: bool
    folder: bool
    format: str = "dicom"

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Headers without pixels; see `dicom_privacy` for what "default" and "strip" keep.

        Raises:
            InputError: a header that cannot be read or written.
            UsageError: UIDs are to be remapped and there is no key.
        """
        if identifiers != "keep" and uid_key is None:
            raise UsageError("DICOM UIDs are remapped with a key and none is given")
        headers, warnings, attributes = [], dict[str, None](), Attributes()
        foreign, held = self._high_bits(hold=identifiers == "keep")
        with quiet():
            for n, path in enumerate(self.pixels.paths):
                data, source = self._header(n, identifiers, uid_key)
                if held and self.pixels.elements[n].high_bit is not None:
                    data.HighBit = self.pixels.elements[n].high_bit
                attributes.add(source, data)
                warning = None if identifiers == "keep" else burned_in_warning(data)
                warnings |= {warning: None} if warning else {}
                headers.append(_encode(data, path, _KEEP_FEWER if identifiers == "keep" else None))
        common = {tag: chunk for tag, chunk in headers[0].items() if all(own.get(tag) == chunk for own in headers)}
        own_bytes = [_join({tag: chunk for tag, chunk in own.items() if tag not in common}) for own in headers]
        self._try_out(_join(common), own_bytes)
        if identifiers == "keep":
            warnings["every attribute of the DICOM header is kept, with names and dates"] = None
        if any(one is not None for one in self.picked):
            warnings["some frames of the files belong to other scans; the others become files of their own"] = None
        blobs = {
            "common": _join(common),
            "own": b"".join(struct.pack("<L", len(one)) + one for one in own_bytes),
            "order": self._order().astype("<u4").tobytes(),
        }
        return Packed(
            format="dicom",
            facts={"instances": len(headers), "shape": list(self.pixels.shape)},
            blobs=blobs | ({HIGH_BITS: held} if held else {}),
            folder=self.folder,
            warnings=tuple(warnings),
            kept=(attributes.count(), *_high_kept(foreign, is_held=bool(held))),
            exact=(HIGH_BITS,),
        )

    def kept(self, packed: Packed) -> tuple[Kept, ...]:
        """Attributes, and pixels with bits that readers mask.

        Raises:
            InputError: a header that cannot be read.
            CorruptFileError: damaged headers in `packed`.
        """
        attributes = Attributes()
        stored = stored_headers(packed, len(self.pixels.paths))
        with quiet():
            for path, header in zip(self.pixels.paths, stored, strict=True):
                attributes.add(self._read(path, "default"), header)
        foreign, held = self._high_bits(hold=HIGH_BITS in packed.blobs)
        return (attributes.count(), *_high_kept(foreign, is_held=held == packed.blobs.get(HIGH_BITS)))

    def _high_bits(self, *, hold: bool) -> tuple[int, bytes]:
        """Pixels with foreign bits above the stored ones, and all such bits: instance, length and bytes of each.

        Too many for an attachment are not held.
        """
        foreign, held, size = 0, [], 0
        for n, (path, element) in enumerate(zip(self.pixels.paths, self.pixels.elements, strict=True)):
            try:
                high = high_bits(path, element, self.picked[n])
            except OSError as error:
                raise not_readable(path, error) from error
            if high is not None:
                foreign, size = foreign + high.foreign, size + high.difference_NJIC.nbytes + 8
                bits = high.difference_NJIC.tobytes() if hold and size <= _MOST_HIGH_BITS else b""
                held.append(struct.pack("<LL", n, len(bits)) + bits)
        return foreign, b"".join(held) if hold and size <= _MOST_HIGH_BITS else b""

    def _order(self) -> NDArray[np.int64]:
        """Instance and frame of each (t, k), the frames counted among those that are picked."""
        order_TK2 = self.pixels.order_TK2.copy()
        for n, picked in enumerate(self.picked):
            if picked is not None:
                of_instance = order_TK2[..., 0] == n
                order_TK2[of_instance, 1] = np.searchsorted(picked, order_TK2[of_instance, 1])
        return order_TK2

    def _try_out(self, common: bytes, own_bytes: list[bytes]) -> None:
        """Put every file together once with a dot for a picture: what is stored must be writable again."""
        for path, element, own in zip(self.pixels.paths, self.pixels.elements, own_bytes, strict=True):
            try:
                compose(common + own, np.zeros((1, 1, 1, element.samples), element.dtype), None)
            except CorruptFileError as error:
                raise InputError("the header cannot be written back", where=path) from error

    def _header(self, n: int, identifiers: Identifiers, uid_key: bytes | None) -> tuple[Dataset, Dataset]:
        """What is to be stored, and the header as it was read."""
        path = self.pixels.paths[n]
        try:
            data = self._read(path, identifiers)
            source = as_read(data)
            self._complete(data, n)
            self._pick(data, n)
            if identifiers != "keep":
                assert uid_key is not None  # checked by `pack`
                data = self._deidentified(data, n, identifiers, uid_key)
            self._describe(data, n)
        except InputError as error:
            raise error.at(path) from error
        except Exception as error:  # a damaged header raises nearly anything
            raise InputError(f"the header cannot be converted ({type(error).__name__})", where=path) from error
        return data, source

    def _read(self, path: Path, identifiers: Identifiers) -> Dataset:
        with regular(path).open("rb") as file:
            stream = open_stream(file, file.read(4096))
            stream.seek(0)
            data = read_whole(stream) if identifiers == "keep" else read_header(stream, force=True)
            return _little_endian(data)

    def _complete(self, data: Dataset, n: int) -> None:
        """Make the class and the UIDs that an instance needs and lacks."""
        seed = "\n".join(self.uids)
        meta = getattr(data, "file_meta", None)
        if not is_class_uid(text(data, "SOPClassUID")):
            stated = text(meta, "MediaStorageSOPClassUID")
            data.SOPClassUID = stated if is_class_uid(stated) else self._class(data, n)
        for keyword, stated in (
            ("SOPInstanceUID", self.uids[n]),
            ("StudyInstanceUID", ""),
            ("SeriesInstanceUID", ""),
        ):
            if not text(data, keyword):
                number = n if keyword == "SOPInstanceUID" else ""
                setattr(data, keyword, stated or remapped_uid(f"{keyword} {number} {seed}", b"missing"))

    def _pick(self, data: Dataset, n: int) -> None:
        """Keep the functional groups of the frames that are picked; what is left is an instance of its own."""
        picked = self.picked[n]
        if picked is None:
            return
        groups = items(data, "PerFrameFunctionalGroupsSequence")
        if groups:
            data.PerFrameFunctionalGroupsSequence = Sequence(groups[one] for one in picked if one < len(groups))
        data.NumberOfFrames = len(picked)
        data.SOPInstanceUID = remapped_uid(f"{self.uids[n]} {picked}", b"part")

    def _class(self, data: Dataset, n: int) -> str:
        element = self.pixels.elements[n]
        if element.frames == 1:
            return _SINGLE_FRAME_CLASSES.get(text(data, "Modality"), SecondaryCaptureImageStorage)
        if text(data, "Modality") == "US":
            return UltrasoundMultiFrameImageStorage
        if element.samples > 1:
            return MultiFrameTrueColorSecondaryCaptureImageStorage
        if element.bits_allocated <= 8:
            return MultiFrameGrayscaleByteSecondaryCaptureImageStorage
        return MultiFrameGrayscaleWordSecondaryCaptureImageStorage

    def _deidentified(self, data: Dataset, n: int, level: Level, uid_key: bytes) -> Dataset:
        kept = filtered(data, level)
        remap_uids(kept, uid_key)
        for keyword in EMPTY_REQUIRED:
            setattr(kept, keyword, "")
        for keyword in EMPTY_IF_DROPPED:
            if keyword in data and keyword not in kept:
                setattr(kept, keyword, None)
        kept.PatientIdentityRemoved = "YES"
        kept.DeidentificationMethod = DEIDENTIFICATION_METHOD
        kept.LongitudinalTemporalInformationModified = "REMOVED"
        if "Modality" not in kept:
            kept.Modality = "OT"
        if kept.SOPClassUID == SecondaryCaptureImageStorage and "ConversionType" not in kept:
            kept.ConversionType = "WSD"
        diffusion = read_diffusion(data)  # perhaps a private attribute, which is dropped
        if diffusion is not None and "DiffusionBValue" not in kept:
            kept.DiffusionBValue = diffusion[0]
        if self.numbered_in_time and self.pixels.elements[n].frames == 1:
            kept.TemporalPositionIdentifier = int(np.argwhere(self.pixels.order_TK2[..., 0] == n)[0, 0]) + 1
            kept.NumberOfTemporalPositions = self.pixels.shape[1]
        return kept

    def _describe(self, data: Dataset, n: int) -> None:
        """The pixels as they are once decoded."""
        element = self.pixels.elements[n]
        if element.samples > 1:
            data.PhotometricInterpretation = _PHOTOMETRIC.get(self.colour, element.photometric)
            data.PlanarConfiguration = 0
        if element.keyword == "PixelData":
            data.BitsStored, data.HighBit = element.bits_stored, element.bits_stored - 1
            data.PixelRepresentation = int(element.signed)


def _high_kept(foreign: int, *, is_held: bool) -> list[Kept]:
    """Nothing where no pixel has such bits."""
    if not foreign:
        return []
    if is_held:
        return [Kept(_FOREIGN, foreign, of_pixels=True)]
    cure = "--keep-identifiers keeps them in a lossless file: they may be an overlay with words"
    return [Kept(_FOREIGN, left_out=foreign, cure=cure, of_pixels=True)]


def _little_endian(data: Dataset) -> Dataset:
    """Swap the words of bulk values of a big endian source: pydicom keeps them as they are in the file."""
    little = data.original_encoding[1] is not False
    if not _is_explicit_little(data):
        data = correct_ambiguous_vr(data, little)
    if not little:
        for element in data.iterall():
            if element.VR in _SWAPPED_WORDS and isinstance(element.value, bytes):
                word = _SWAPPED_WORDS[element.VR]
                element.value = np.frombuffer(element.value, dtype=f">{word}").astype(f"<{word}").tobytes()
    return data


def _is_explicit_little(data: Dataset) -> bool:
    """True where raw elements hold the bytes that are to be written; some files state explicit VR and are implicit."""
    raw = [element for element in data.values() if isinstance(element, RawDataElement)]
    return data.original_encoding == (False, True) and all(element.VR is not None for element in raw)


def _encode(data: Dataset, path: Path, fix: str | None) -> dict[int, bytes]:
    """Each element as explicit VR little endian bytes; no pixels, no group lengths."""
    encodings = convert_encodings(value(data, "SpecificCharacterSet") or "ISO_IR 6")
    as_they_are = _is_explicit_little(data)
    chunks: dict[int, bytes] = {}
    for tag in sorted(data.keys()):
        if not is_counted(tag):
            continue
        out = DicomBytesIO()
        out.is_little_endian, out.is_implicit_VR = True, False
        try:
            write_data_element(out, data.get_item(tag) if as_they_are else data[tag], encodings)
        except Exception as error:
            name = f"({tag >> 16:04x},{tag & 0xFFFF:04x})"
            raise InputError(
                f"attribute {name} cannot be converted ({type(error).__name__})",
                where=path,
                fix=fix,
            ) from error
        chunks[int(tag)] = out.getvalue()
    return chunks


def _join(chunks: dict[int, bytes]) -> bytes:
    joined = io.BytesIO()
    for tag in sorted(chunks):
        joined.write(chunks[tag])
    return joined.getvalue()


def is_counted(tag: int) -> bool:
    """False for pixels, which are stored as pixels, group lengths and padding."""
    return not (_FIRST_PIXEL_TAG <= tag <= _LAST_PIXEL_TAG or tag == _TRAILING_PADDING or tag & 0xFFFF == 0)


class Attributes:
    """Compares headers as they were read with what is stored of them, instance by instance."""

    def __init__(self) -> None:
        self._every: set[int] = set()
        self._changed: set[int] = set()
        self._left_out: set[int] = set()

    def add(self, source: Dataset, stored: Dataset) -> None:
        """Compare one instance."""
        for tag in _with_value(source):
            self._every.add(tag)
            if tag in stored and stored.get_item(tag) is source.get_item(tag):
                continue
            if tag not in stored or _is_empty(stored.get_item(tag)):
                self._left_out.add(tag)
            elif _value(source, tag) != _value(stored, tag):
                self._changed.add(tag)

    def count(self) -> Kept:
        """The counts over all instances."""
        changed = self._changed - self._left_out
        kept = len(self._every) - len(changed) - len(self._left_out)
        cure = "--keep-identifiers keeps all" if self._left_out else ""
        return Kept("attributes", kept, len(changed), len(self._left_out), cure=cure)


def as_read(data: Dataset) -> Dataset:
    """A copy that stays as it is while `data` is changed; values that are not parsed yet are shared."""
    shadow = Dataset({tag: _apart(data.get_item(tag)) for tag in data.keys()})  # noqa: SIM118
    shadow.set_original_encoding(*data.original_encoding, data.original_character_set)
    return shadow


def _apart(element: Any) -> Any:
    return element if isinstance(element, tuple) else copy.copy(element)


def _with_value(data: Dataset) -> Iterator[int]:
    return (tag for tag in map(int, data.keys()) if is_counted(tag) and not _is_empty(data.get_item(tag)))


def _is_empty(element: Any) -> bool:
    found = element.value
    return found is None or (isinstance(found, bytes) and not found.strip(b"\0 ")) or found == ""


def _value(data: Dataset, tag: int) -> Any:
    """The parsed value; what cannot be parsed is compared as it stands in the file."""
    try:
        return data[tag].value
    except Exception:  # a damaged value raises nearly anything
        return data.get_item(tag).value
