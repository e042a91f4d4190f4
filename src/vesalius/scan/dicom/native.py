"""The source of a DICOM stack: its headers, packed for storage beside the pixels.

Headers are read again for packing, one instance at a time. They are stored as explicit VR little endian data sets: what
all instances share once, and the rest of each. UIDs that an instance needs and lacks are created here.
"""

from __future__ import annotations

import copy
import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import uid
from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import correct_ambiguous_vr, write_data_element
from pydicom.sequence import Sequence

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
from vesalius.scan.dicom.write import compose, explicit_stream, stored_headers
from vesalius.scan.native import Identifiers, Kept, Packed
from vesalius.scan.scan import Colour

_FIRST_PIXEL_TAG, _LAST_PIXEL_TAG, _TRAILING_PADDING = 0x7FE00000, 0x7FE0FFFF, 0xFFFCFFFC
_SINGLE_FRAME_CLASSES = {
    "CT": uid.CTImageStorage,
    "MR": uid.MRImageStorage,
    "PT": uid.PositronEmissionTomographyImageStorage,
    "NM": uid.NuclearMedicineImageStorage,
    "US": uid.UltrasoundImageStorage,
    "CR": uid.ComputedRadiographyImageStorage,
    "DX": uid.DigitalXRayImageStorageForPresentation,
}
"""Classes for instances that do not state theirs."""
_FOREIGN = "pixels with bits above BitsStored"
_MOST_HIGH_BITS = 1 << 29
"""Largest attachment of a `.vsl` file in bytes."""
_SWAPPED_WORDS = {"OW": "u2", "OL": "u4", "OF": "u4", "OD": "u8", "OV": "u8"}
_KEEP_FEWER = "leave out --keep-identifiers, or repair the file"
_PHOTOMETRIC: dict[Colour, str] = {"rgb": "RGB", "ybr": "YBR_FULL"}


@dataclass(frozen=True, eq=False)
class DicomNative:
    """Headers of the instances of one stack.

    Args:
        pixels: pixels of the stack, with the files and the order of the frames.
        uids: SOPInstanceUID of each instance, "" where it is missing.
        picked: for each instance the numbers of the frames that belong to the stack, None where all do.
        colour: meaning of the decoded samples.
        numbered_in_time: True where T is time by clock times only, which are dropped; temporal positions replace them.
        folder: True where the stack is restored as a folder of files.
    """

    pixels: DicomPixels
    uids: tuple[str, ...]
    picked: tuple[tuple[int, ...] | None, ...]
    colour: Colour
    numbered_in_time: bool
    folder: bool
    format: str = "dicom"

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Pack the headers without pixels; see `privacy` for what "default" and "strip" keep.

        Raises:
            InputError: a header that cannot be read or written.
            UsageError: UIDs must be remapped and no key is given.
        """
        if identifiers != "keep" and uid_key is None:
            raise UsageError("DICOM UIDs must be remapped, but no key is given")
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
        common = {
            tag: chunk for tag, chunk in headers[0].items() if all(header.get(tag) == chunk for header in headers)
        }
        rests = [_join({tag: chunk for tag, chunk in header.items() if tag not in common}) for header in headers]
        self._try_out(_join(common), rests)
        if identifiers == "keep":
            warnings["every attribute of the DICOM header is kept, names and dates included"] = None
        if any(picked is not None for picked in self.picked):
            warnings[
                "some frames of the files belong to other scans; the frames of this scan become separate files"
            ] = None
        blobs = {
            "common": _join(common),
            "own": b"".join(struct.pack("<L", len(rest)) + rest for rest in rests),
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
        """Count the attributes and the pixels with bits that readers mask.

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
        """Return the pixels with foreign high bits, and all high bits: instance, length and bytes of each.

        They are left out where an attachment cannot hold them.
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
        order_TK2 = self.pixels.order_TK2.copy()
        for n, picked in enumerate(self.picked):
            if picked is not None:
                of_instance = order_TK2[..., 0] == n
                order_TK2[of_instance, 1] = np.searchsorted(picked, order_TK2[of_instance, 1])
        return order_TK2

    def _try_out(self, common: bytes, rests: list[bytes]) -> None:
        """Compose every file once with a one-pixel picture: what is stored must be writable."""
        for path, element, rest in zip(self.pixels.paths, self.pixels.elements, rests, strict=True):
            try:
                compose(common + rest, np.zeros((1, 1, 1, element.samples), element.dtype), None)
            except CorruptFileError as error:
                raise InputError("the header cannot be written back", where=path) from error

    def _header(self, n: int, identifiers: Identifiers, uid_key: bytes | None) -> tuple[Dataset, Dataset]:
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
        """Create the class and the UIDs that an instance needs and lacks."""
        seed = "\n".join(self.uids)
        meta = getattr(data, "file_meta", None)
        if not is_class_uid(text(data, "SOPClassUID")):
            stated = text(meta, "MediaStorageSOPClassUID")
            data.SOPClassUID = stated if is_class_uid(stated) else self._class(data, n)
        for keyword, stated in (("SOPInstanceUID", self.uids[n]), ("StudyInstanceUID", ""), ("SeriesInstanceUID", "")):
            if not text(data, keyword):
                number = n if keyword == "SOPInstanceUID" else ""
                setattr(data, keyword, stated or remapped_uid(f"{keyword} {number} {seed}", b"missing"))

    def _pick(self, data: Dataset, n: int) -> None:
        """Keep the functional groups of the picked frames; the result is a separate instance."""
        picked = self.picked[n]
        if picked is None:
            return
        groups = items(data, "PerFrameFunctionalGroupsSequence")
        if groups:
            data.PerFrameFunctionalGroupsSequence = Sequence(groups[frame] for frame in picked if frame < len(groups))
        data.NumberOfFrames = len(picked)
        data.SOPInstanceUID = remapped_uid(f"{self.uids[n]} {picked}", b"part")

    def _class(self, data: Dataset, n: int) -> str:
        element = self.pixels.elements[n]
        if element.frames == 1:
            return _SINGLE_FRAME_CLASSES.get(text(data, "Modality"), uid.SecondaryCaptureImageStorage)
        if text(data, "Modality") == "US":
            return uid.UltrasoundMultiFrameImageStorage
        if element.samples > 1:
            return uid.MultiFrameTrueColorSecondaryCaptureImageStorage
        if element.bits_allocated <= 8:
            return uid.MultiFrameGrayscaleByteSecondaryCaptureImageStorage
        return uid.MultiFrameGrayscaleWordSecondaryCaptureImageStorage

    def _deidentified(self, data: Dataset, n: int, level: Level, uid_key: bytes) -> Dataset:
        kept = filtered(data, level)
        remap_uids(kept, uid_key)
        for keyword in EMPTY_REQUIRED.split():
            setattr(kept, keyword, "")
        for keyword in EMPTY_IF_DROPPED.split():
            if keyword in data and keyword not in kept:
                setattr(kept, keyword, None)
        kept.PatientIdentityRemoved = "YES"
        kept.DeidentificationMethod = DEIDENTIFICATION_METHOD
        kept.LongitudinalTemporalInformationModified = "REMOVED"
        if "Modality" not in kept:
            kept.Modality = "OT"
        if kept.SOPClassUID == uid.SecondaryCaptureImageStorage and "ConversionType" not in kept:
            kept.ConversionType = "WSD"
        diffusion = read_diffusion(data)  # perhaps a private attribute, which is dropped
        if diffusion is not None and "DiffusionBValue" not in kept:
            kept.DiffusionBValue = diffusion[0]
        if self.numbered_in_time and self.pixels.elements[n].frames == 1:
            kept.TemporalPositionIdentifier = int(np.argwhere(self.pixels.order_TK2[..., 0] == n)[0, 0]) + 1
            kept.NumberOfTemporalPositions = self.pixels.shape[1]
        return kept

    def _describe(self, data: Dataset, n: int) -> None:
        """Describe the pixels as they are after decoding."""
        element = self.pixels.elements[n]
        if element.samples > 1:
            data.PhotometricInterpretation = _PHOTOMETRIC.get(self.colour, element.photometric)
            data.PlanarConfiguration = 0
        if element.keyword == "PixelData":
            data.BitsStored, data.HighBit = element.bits_stored, element.bits_stored - 1
            data.PixelRepresentation = int(element.signed)


def _high_kept(foreign: int, *, is_held: bool) -> list[Kept]:
    if not foreign:
        return []
    if is_held:
        return [Kept(_FOREIGN, foreign, of_pixels=True)]
    cure = "--keep-identifiers keeps them in a lossless file: they may be an overlay with text"
    return [Kept(_FOREIGN, left_out=foreign, cure=cure, of_pixels=True)]


def _little_endian(data: Dataset) -> Dataset:
    """Swap the words of bulk values of a big endian source: pydicom keeps them as in the file."""
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
    """True where raw elements hold the bytes to write; some files state explicit VR and are implicit."""
    raw = [element for element in data.values() if isinstance(element, RawDataElement)]
    return data.original_encoding == (False, True) and all(element.VR is not None for element in raw)


def _encode(data: Dataset, path: Path, fix: str | None) -> dict[int, bytes]:
    """Encode each element as explicit VR little endian bytes, without pixels and group lengths."""
    encodings = convert_encodings(value(data, "SpecificCharacterSet") or "ISO_IR 6")
    keeps_bytes = _is_explicit_little(data)
    chunks: dict[int, bytes] = {}
    for tag in sorted(data.keys()):
        if not is_counted(tag):
            continue
        out = explicit_stream()
        try:
            write_data_element(out, data.get_item(tag) if keeps_bytes else data[tag], encodings)
        except Exception as error:
            name = f"({tag >> 16:04x},{tag & 0xFFFF:04x})"
            what = f"attribute {name} cannot be converted ({type(error).__name__})"
            raise InputError(what, where=path, fix=fix) from error
        chunks[int(tag)] = out.getvalue()
    return chunks


def _join(chunks: dict[int, bytes]) -> bytes:
    joined = io.BytesIO()
    for tag in sorted(chunks):
        joined.write(chunks[tag])
    return joined.getvalue()


def is_counted(tag: int) -> bool:
    """False for pixels (stored as pixels), group lengths and padding."""
    return not (_FIRST_PIXEL_TAG <= tag <= _LAST_PIXEL_TAG or tag == _TRAILING_PADDING or tag & 0xFFFF == 0)


class Attributes:
    """Compares headers as read with what is stored of them, and counts the attributes with a value once per stack."""

    def __init__(self) -> None:
        self._every: set[int] = set()
        self._changed: set[int] = set()
        self._left_out: set[int] = set()

    def add(self, source: Dataset, stored: Dataset) -> None:
        """Compare one instance."""
        for tag in map(int, source.keys()):
            if not is_counted(tag) or _is_empty(source.get_item(tag)):
                continue
            self._every.add(tag)
            if tag in stored and stored.get_item(tag) is source.get_item(tag):
                continue
            if tag not in stored or _is_empty(stored.get_item(tag)):
                self._left_out.add(tag)
            elif _value(source, tag) != _value(stored, tag):
                self._changed.add(tag)

    def count(self) -> Kept:
        """Return the counts over all instances."""
        changed = self._changed - self._left_out
        kept = len(self._every) - len(changed) - len(self._left_out)
        cure = "--keep-identifiers keeps all" if self._left_out else ""
        return Kept("attributes", kept, len(changed), len(self._left_out), cure=cure)


def as_read(data: Dataset) -> Dataset:
    """Return a copy that does not change with `data`; values that are not parsed yet are shared."""
    shadow = Dataset({tag: _apart(data.get_item(tag)) for tag in data.keys()})  # noqa: SIM118
    shadow.set_original_encoding(*data.original_encoding, data.original_character_set)
    return shadow


def _apart(element: Any) -> Any:
    return element if isinstance(element, tuple) else copy.copy(element)


def _is_empty(element: Any) -> bool:
    stored = element.value
    return stored is None or (isinstance(stored, bytes) and not stored.strip(b"\0 ")) or stored == ""


def _value(data: Dataset, tag: int) -> Any:
    """Return the parsed value, or the bytes of a value that cannot be parsed."""
    try:
        return data[tag].value
    except Exception:  # a damaged value raises nearly anything
        return data.get_item(tag).value
