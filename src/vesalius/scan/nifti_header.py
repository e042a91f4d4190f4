"""The header of a NIfTI file: found, mended where nibabel can mend it, and read as geometry, time and text."""

from __future__ import annotations

import logging
import math
import re
import struct
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.nifti1 import Nifti1PairHeader
from nibabel.nifti2 import Nifti2PairHeader
from nibabel.spatialimages import HeaderDataError

from vesalius.errors import GeometryError, InputError
from vesalius.memory import check_memory
from vesalius.scan.geometry import Affine, check_affine
from vesalius.scan.nifti_file import head_of
from vesalius.scan.scan import TMeaning

_TIME_MS = {"sec": 1000.0, "msec": 1.0, "usec": 0.001}
_NOT_MM = {"meter": 1000.0, "micron": 0.001}
_DIFFUSION_WORDS = frozenset({"dwi", "dmri", "dti"})
_WORD_BYTES = 50
"""What a word of one byte and the space behind it take at most, once split, per byte."""
_TEXT_FIELDS = ("descrip", "aux_file", "intent_name", "db_name")


def find_files(path: Path) -> tuple[Path, Path]:
    """(file with the header, file with the pixels); the same for .nii."""
    name = path.name.lower()
    for own, other in ((".hdr", ".img"), (".img", ".hdr")):
        for packed in ("", ".gz"):
            if name.endswith(own + packed):
                stem = path.name[: len(name) - len(own + packed)]
                second = path.with_name(stem + other + packed)
                if not second.is_file():
                    raise InputError(f"the other file of the pair is absent ({second.name})", where=path)
                return (path, second) if own == ".hdr" else (second, path)
    return path, path


def read_header(path: Path, *, single: bool) -> tuple[Any, list[str]]:
    """The header, mended where nibabel can mend it, and what was mended.

    Raises:
        InputError: neither NIfTI-1 nor NIfTI-2.
    """
    head = head_of(path, nib.Nifti2Header.sizeof_hdr)
    if head[344:348].rstrip(b"\0") in (b"n+1", b"ni1"):
        cls = nib.Nifti1Header if single else Nifti1PairHeader
    elif head[:4] in (struct.pack("<i", 540), struct.pack(">i", 540)):
        cls = nib.Nifti2Header if single else Nifti2PairHeader
    else:
        raise InputError("is not a NIfTI-1 or NIfTI-2 file", where=path)
    if len(head) < cls.sizeof_hdr:
        raise InputError("the header is cut short", where=path, fix="copy the file again")
    header = cls(head[: cls.sizeof_hdr], check=False)
    mended = logging.Logger("nifti", logging.WARNING)
    messages = _Messages()
    mended.addHandler(messages)
    header.check_fix(mended, logging.ERROR)
    return header, messages.lines


def check_extensions(head: bytes, header: Any, *, single: bool) -> None:
    """Follow the chain of extensions: their sizes must lead to the pixels, or to the end of the header file of a pair.

    Args:
        head: all bytes before the pixels, or the whole header file of a pair.
        header: the header that was read from them.
        single: header and pixels share one file.

    Raises:
        ValueError: an extension has an impossible size. Its content is not looked at.
    """
    place = header.sizeof_hdr + 4
    if len(head) < place or head[place - 4] == 0:
        return
    end = int(header["vox_offset"]) if single else len(head)
    order = "<" if header.endianness == "<" else ">"
    while end - place >= (16 if single else 1):
        size = struct.unpack_from(f"{order}i", head, place)[0] if len(head) - place >= 8 else 0
        if size < 8 or place + size > len(head):
            raise ValueError("the size of a header extension is impossible")
        place += size
    if end < place:
        raise ValueError("the pixels start before the header extensions end")


class _Messages(logging.Handler):
    """Keeps the messages of nibabel's header check, which would otherwise be printed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"header: {' '.join(record.getMessage().split())}")


def affine(header: Any) -> tuple[Affine | None, list[str]]:
    """sform, else qform, else the spacing alone, in mm; a broken one is passed over and named."""
    problems: list[str] = []
    unit = header.get_xyzt_units()[0]
    if unit in _NOT_MM:
        problems.append(f"the header gives lengths in {unit}s: turned to mm")
    to_mm = np.array([[_NOT_MM.get(unit, 1.0)]] * 3 + [[1.0]])
    for name in ("sform", "qform"):
        if int(header[f"{name}_code"]) > 0:
            try:
                matrix = header.get_sform() if name == "sform" else header.get_qform()
                return check_affine(to_mm * np.asarray(matrix, dtype=np.float64)), problems
            except (GeometryError, ValueError, ArithmeticError, HeaderDataError) as error:
                reason = error.what if isinstance(error, GeometryError) else "it is not a rotation"
                problems.append(f"the {name} is not usable: {reason}")
    spacing = np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64))
    problems.append("neither sform nor qform: orientation unknown, spacing only")
    try:
        return check_affine(to_mm * np.diag([*spacing, 1.0])), problems
    except GeometryError:
        return None, [*problems, "the voxel spacing is zero or not finite"]


def time(header: Any, frames: int, path: Path) -> tuple[tuple[float, ...] | None, TMeaning, list[str]]:
    """Frame times in ms (None where the unit or the interval is not stated), what T means, and what is missing."""
    if frames == 1:
        return None, "unknown", []
    _, unit = header.get_xyzt_units()
    step = float(str(header["pixdim"][4])) * _TIME_MS.get(unit, math.nan)  # str: 0.046 for float32(0.046)
    if _has_gradients(path, frames):
        return None, "diffusion", []
    if not math.isfinite(step) or step <= 0:
        return None, "unknown", ["the time unit or the frame interval is not stated"]
    start = float(header["toffset"]) * _TIME_MS[unit]
    start = start if math.isfinite(start) else 0.0
    return tuple(start + step * frame for frame in range(frames)), "time", []


def _has_gradients(path: Path, frames: int) -> bool:
    """True where BIDS says so: "dwi" is a word of the name, or a .bval file beside it lists one value per frame."""
    if _DIFFUSION_WORDS & set(re.split(r"[^a-z]+", path.name.lower())):
        return True
    bval = path.with_name(path.name.split(".nii")[0] + ".bval")
    try:
        check_memory(_WORD_BYTES * bval.stat().st_size, bval)
        return len(bval.read_text(encoding="ascii").split()) == frames
    except (OSError, UnicodeDecodeError):
        return False


def text_warnings(header: bytes) -> list[str]:
    """One sentence for the text fields and one for the extensions, where there are any."""
    parsed = _parse(header)
    kept = [name for name in _TEXT_FIELDS if name in parsed.dtype.names and bytes(parsed[name].item()).strip(b"\0 ")]
    warnings = []
    if kept:
        warnings.append(f"NIfTI text fields are kept ({', '.join(kept)}); --strip blanks them")
    if len(header) > parsed.dtype.itemsize + 4 and any(header[parsed.dtype.itemsize : parsed.dtype.itemsize + 1]):
        warnings.append("NIfTI header extensions are kept; --strip drops them")
    return warnings


def strip(header: bytes) -> bytes:
    """Blank the text fields and the extensions; the length stays, so the pixel offset does too."""
    parsed = _parse(header)
    blanked = bytearray(header)
    for name in _TEXT_FIELDS:
        if name in (parsed.dtype.names or ()):
            dtype, start = parsed.dtype.fields[name][:2]
            blanked[start : start + dtype.itemsize] = bytes(dtype.itemsize)
    end = parsed.dtype.itemsize
    blanked[end:] = bytes(len(blanked) - end)
    return bytes(blanked)


def _parse(header: bytes) -> Any:
    """The header as a structured array in its own byte order."""
    size = struct.unpack("<i", header[:4])[0]
    order = "<" if size in (348, 540) else ">"
    cls = nib.Nifti2Header if 540 in (size, struct.unpack(">i", header[:4])[0]) else nib.Nifti1Header
    dtype = cls.template_dtype.newbyteorder(order)
    return np.frombuffer(header[: dtype.itemsize], dtype=dtype)[0]
