"""Recognition of files by their first bytes, whatever their names."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.scan.damage import not_readable

HEAD_BYTES = 4096
"""Length of the head that is enough for every signature."""
_NO_SUFFIX = "\0"
_LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
_SHORT_VRS = frozenset(
    {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM", "UI"}
) | {"UL", "US"}
_FIRST_GROUPS, _FIRST_BYTES = (0x0002, 0x0008), 1024
"""A data set begins with one of these groups, and its first value is short."""


@dataclass(frozen=True)
class Signature:
    """A kind of file.

    Args:
        name: its name, with the article.
        suffixes: suffixes under which it is read, the usual one first; () where it is not read.
        is_volume: True where it is certainly a scan and must be reported; a picture may be a logo.
        fix: how to make it readable.
    """

    name: str
    suffixes: tuple[str, ...] = ()
    is_volume: bool = False
    fix: str = "unpack it first"

    @property
    def is_archive(self) -> bool:
        """True for a file that holds other files."""
        return self.name.endswith("archive")


def _read(name: str, *suffixes: str, is_volume: bool = True, also: str = "") -> Signature:
    return Signature(name, suffixes, is_volume, f"name it {suffixes[0]}{also}")


_DICOM = _read("a DICOM file", ".dcm", ".dicom", ".ima", ".img")
_NIFTI = _read("a NIfTI file", ".nii", ".nii.gz")
_NIFTI_PAIR = _read("the header of a NIfTI pair", ".hdr", ".hdr.gz", also=", with its .img beside it")
_GZIPPED_NIFTI = _read("a gzipped NIfTI file", ".nii.gz", ".nii")
_META = _read("a MetaImage file", ".mha", ".mhd", also=", or .mhd where its values lie in another file")
_TIFF = _read("a TIFF picture", ".tif", ".tiff", is_volume=False)
_GZIP = Signature("a gzip file")
_CONVERT = "convert it to NIfTI first"
_PLACES: tuple[tuple[int, bytes, Signature], ...] = (
    (128, b"DICM", _DICOM),
    (344, b"n+1\0", _NIFTI),
    (344, b"ni1\0", _NIFTI_PAIR),
    (0, struct.pack("<i", 540) + b"n+2", _NIFTI),
    (0, struct.pack(">i", 540) + b"n+2", _NIFTI),
    (0, struct.pack("<i", 540) + b"ni2", _NIFTI_PAIR),
    (0, struct.pack(">i", 540) + b"ni2", _NIFTI_PAIR),
    (0, b"NRRD000", _read("an NRRD file", ".nrrd", ".nhdr")),
    (0, b"\x93NUMPY", _read("a NumPy file", ".npy", is_volume=False)),
    (0, b"\x89PNG\r\n", _read("a PNG picture", ".png", is_volume=False)),
    (0, b"\xff\xd8\xff", _read("a JPEG picture", ".jpg", ".jpeg", is_volume=False)),
    *((0, magic, _TIFF) for magic in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    (0, b"\x89VSL\r\n\x1a\n", Signature("a .vsl file", fix="restore it with vesalius decompress first")),
    (0, b"PK\x03\x04", Signature("a zip archive")),
    (0, b"PK\x05\x06", Signature("an empty zip archive")),
    (0, b"7z\xbc\xaf\x27\x1c", Signature("a 7z archive")),
    (0, b"Rar!\x1a\x07", Signature("a RAR archive")),
    (257, b"ustar", Signature("a tar archive")),
    (0, b"BZh", Signature("a bzip2 file")),
    (0, b"\xfd7zXZ\0", Signature("an xz file")),
    (0, b"\x28\xb5\x2f\xfd", Signature("a Zstandard file")),
    (0, b"\x89HDF\r\n", Signature("an HDF5 file, perhaps MINC", fix=_CONVERT)),
    (0, b"CDF\x01", Signature("a NetCDF file, perhaps MINC", fix=_CONVERT)),
)
_SHORT_MAGIC = {b"BZh": b"1AY&SY"}
"""Beginning of a signature too short to be trusted -> what follows after one digit."""


def head_of_file(path: Path, size: int = HEAD_BYTES) -> bytes:
    """Return the first `size` bytes of a file.

    Raises:
        InputError: it cannot be read, or is not a file.
    """
    try:
        with regular(path).open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise not_readable(path, error) from error


def signature(head: bytes) -> Signature | None:
    """Return the kind of file that begins with these bytes, or None where it is unknown."""
    for start, magic, kind in _PLACES:
        if head[start : start + len(magic)] == magic and _continues(head, magic):
            return kind
    if head[:2] == b"\x1f\x8b":
        return _gzipped(head)
    if is_dicom(head):
        return _DICOM
    if head[:10] == b"ObjectType" or (head[:5] == b"NDims" and b"ElementType" in head):
        return _META
    return None


def is_dicom(head: bytes) -> bool:
    """True for the DICOM magic, and for a data set without preamble that begins as the standard requires.

    Its first element has group 0002 or 0008 and an even length, stated as its VR requires (or, without VR, in four
    bytes), and an element with a higher tag follows.
    """
    if head[128:132] == b"DICM":
        return True
    for order in "<>":
        group, element = struct.unpack_from(f"{order}HH", head.ljust(8, b"\0"))
        if group not in _FIRST_GROUPS:
            continue
        end = _end_of_first(head, order)
        if end is None or len(head) < end + 4:
            continue
        follows = struct.unpack_from(f"{order}HH", head, end)
        if (group, element) < follows and follows[0] <= 0x7FE0:
            return True
    return False


def misread(path: Path, error: InputError) -> InputError:
    """Return why a file could not be read as its suffix says; its bytes may give a better reason than the reader."""
    if not path.exists():
        return error
    try:
        head = head_of_file(path)
    except InputError as reason:
        return reason
    if not head:
        return InputError("is an empty file", where=path, fix="copy it again")
    kind = signature(head)
    name = path.name.lower()
    is_as_named = name.endswith(kind.suffixes or (_NO_SUFFIX,)) if kind else True
    if kind is None or kind == _GZIP or is_as_named or (kind.is_archive and name.endswith(".npz")):
        return error
    return InputError(f"is {kind.name} by its content", where=path, fix=kind.fix)


def _continues(head: bytes, magic: bytes) -> bool:
    rest = _SHORT_MAGIC.get(magic)
    return rest is None or head[len(magic) + 1 : len(magic) + 1 + len(rest)] == rest


def _gzipped(head: bytes) -> Signature:
    try:
        inner = signature(zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES))
    except zlib.error:
        inner = None
    if inner is None:
        return _GZIP
    if inner in (_NIFTI, _NIFTI_PAIR):
        return _GZIPPED_NIFTI
    return Signature(f"a gzipped {inner.name.split(maxsplit=1)[1]}", is_volume=inner.is_volume)


def _end_of_first(head: bytes, order: str) -> int | None:
    """Return where the first element of a data set ends, or None where its length is impossible."""
    word = head[4:6].decode("ascii", "replace")
    if word in _LONG_VRS:
        length, start = struct.unpack_from(f"{order}I", head.ljust(12, b"\0"), 8)[0], 12
    elif word in _SHORT_VRS:
        length, start = struct.unpack_from(f"{order}H", head.ljust(8, b"\0"), 6)[0], 8
    else:
        length, start = struct.unpack_from(f"{order}I", head.ljust(8, b"\0"), 4)[0], 8
    return None if length % 2 or length > _FIRST_BYTES else start + length
