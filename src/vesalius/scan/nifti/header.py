"""The header of a NIfTI file: finding it, repairing it as nibabel can, and its units, time and texts."""

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

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.nifti.pixels import head_of
from vesalius.scan.scan import TMeaning

_UNITS = {0: "unknown", 1: "meter", 2: "mm", 3: "micron"}
_TIME_MS = {8: 1000.0, 16: 1.0, 24: 0.001}
"""Code -> milliseconds."""
_NOT_TIME = {32: "Hz", 40: "ppm", 48: "rad/s"}
_DIFFUSION_WORDS = frozenset({"dwi", "dmri", "dti"})
_WORD_BYTES = 50
"""Most memory per byte of a text that is split into words of one byte."""
_TEXT_FIELDS = ("descrip", "aux_file", "intent_name", "db_name")


def find_files(path: Path) -> tuple[Path, Path]:
    """Return (file with the header, file with the pixels); the same for .nii."""
    name = path.name.lower()
    for suffix, other in ((".hdr", ".img"), (".img", ".hdr")):
        for packed in ("", ".gz"):
            if name.endswith(suffix + packed):
                stem = path.name[: len(name) - len(suffix + packed)]
                second = path.with_name(stem + other + packed)
                if not regular(second).is_file():
                    raise InputError(f"the other file of the pair is missing ({second.name})", where=path)
                return (path, second) if suffix == ".hdr" else (second, path)
    return path, path


def read_header(path: Path, *, single: bool) -> tuple[Any, list[str]]:
    """Return the header, repaired where nibabel can, and what was repaired.

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
    _check_offset(header, path, single=single)
    return header, _repair(header)


def _check_offset(header: Any, path: Path, *, single: bool) -> None:
    """Check that the pixels begin at a whole byte, behind the header where both share a file."""
    stated = header["vox_offset"].item()
    least = header.single_vox_offset if single else 0
    if not math.isfinite(stated) or stated != int(stated):
        raise InputError(f"vox_offset is {stated:g}, not a whole number of bytes", where=path)
    if stated < least:
        what = f"vox_offset is {int(stated)}, where the pixels of this kind of file start at {least} or later"
        is_half = single and header["magic"].item().rstrip(b"\0") in (b"ni1", b"ni2")
        raise InputError(what, where=path, fix="name it .hdr, with its .img beside it" if is_half else None)


def _repair(header: Any) -> list[str]:
    """Let nibabel repair what it can, and return its messages; a spacing of 0 stays 0 (nibabel would set 1)."""
    pixdim = header["pixdim"].copy()
    shape = np.array((*header.get_data_shape(), 1, 1, 1)[:3])
    missing = pixdim[1:4] == 0
    header["pixdim"][1:4][missing] = 1
    messages = _Messages()
    logger = logging.Logger("nifti", logging.WARNING)
    logger.addHandler(messages)
    header.check_fix(logger, logging.ERROR)
    header["pixdim"][1:4][missing & (shape > 1)] = 0
    lines = messages.lines
    if (missing & (shape <= 1)).any():
        lines.append("header: no spacing is stated along an axis of one voxel; 1 is used")
    if pixdim[0] not in (-1, 0, 1) and int(header["qform_code"]) > 0:
        lines.append(f"header: pixdim[0] (qfac) is {pixdim[0]:g}, not 1 or -1; 1 is used")
    return lines


def check_extensions(head: bytes, header: Any, *, single: bool) -> None:
    """Follow the chain of extensions in the bytes before the pixels, or in the header file of a pair, to its end.

    Raises:
        ValueError: an extension has an impossible size. Its content is not read.
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
    """Collects the messages of nibabel's header check, which would otherwise be printed."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"header: {' '.join(record.getMessage().split())}")


def spatial_unit(header: Any) -> tuple[str, list[str]]:
    """Return the unit of lengths ("unknown" counts as mm), and a note where its code is wrong."""
    code = int(header["xyzt_units"]) % 8
    if code in _UNITS:
        return _UNITS[code], []
    return "unknown", [f"the unit of lengths (code {code}) is unknown to NIfTI: read as mm"]


def scaling(header: Any, path: Path) -> tuple[float, float, list[str]]:
    """Return slope, intercept and notes; 1 and 0 where the header states none (slope 0 or NaN).

    Raises:
        InputError: a slope with an intercept that is not a number.
    """
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or math.isnan(slope):
        return 1.0, 0.0, []
    if math.isinf(slope):
        return 1.0, 0.0, ["the slope is infinite: stored values are used"]
    if not math.isfinite(inter):
        what = f"scl_slope is {slope:g}, but scl_inter is not a number, so real values are unknown"
        raise InputError(what, where=path)
    return slope, inter, []


def time(header: Any, frames: int, path: Path) -> tuple[tuple[float, ...] | None, TMeaning, list[str]]:
    """Return frame times in ms (None where unit or interval is not stated), the meaning of T, and notes."""
    if frames == 1:
        return None, "unknown", []
    unit = int(header["xyzt_units"]) & 0b111000
    step = float(str(header["pixdim"][4])) * _TIME_MS.get(unit, math.nan)  # str: 0.046 for float32(0.046)
    if _has_gradients(path, frames):
        return None, "diffusion", []
    if unit in _NOT_TIME:
        return None, "unknown", [f"the fourth axis is in {_NOT_TIME[unit]}, so it is not time"]
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
        return len(regular(bval).read_text(encoding="ascii").split()) == frames
    except (OSError, UnicodeDecodeError):
        return False


def text_warnings(header: bytes) -> list[str]:
    """Return one sentence for the text fields and one for the extensions, where they exist."""
    parsed = _parse(header)
    kept = [name for name in _TEXT_FIELDS if name in parsed.dtype.names and bytes(parsed[name].item()).strip(b"\0 ")]
    warnings = []
    if kept:
        warnings.append(f"NIfTI text fields are kept ({', '.join(kept)}); --strip blanks them")
    if len(header) > parsed.dtype.itemsize + 4 and any(header[parsed.dtype.itemsize : parsed.dtype.itemsize + 1]):
        warnings.append("NIfTI header extensions are kept; --strip drops them")
    return warnings


def strip(header: bytes) -> bytes:
    """Blank the text fields and the extensions; the length, and so the pixel offset, stays."""
    parsed = _parse(header)
    blanked = bytearray(header)
    for name in _TEXT_FIELDS:
        if name in (parsed.dtype.names or ()):
            dtype, start = parsed.dtype.fields[name][:2]
            blanked[start : start + dtype.itemsize] = bytes(dtype.itemsize)
    end = parsed.dtype.itemsize
    blanked[end:] = bytes(len(blanked) - end)
    return bytes(blanked)


def differences(header: bytes, other: bytes) -> list[str]:
    """Return the names of the fields in which two headers differ, and "extensions"."""
    if header == other:
        return []
    first, second = _parse(header), _parse(other.ljust(len(header), b"\0"))
    names = [name for name in first.dtype.names or () if first[name].tobytes() != second[name].tobytes()]
    end = first.dtype.itemsize
    return names + (["extensions"] if header[end:] != other[end:] else [])


def _parse(header: bytes) -> Any:
    size = struct.unpack("<i", header[:4])[0]
    order = "<" if size in (348, 540) else ">"
    cls = nib.Nifti2Header if 540 in (size, struct.unpack(">i", header[:4])[0]) else nib.Nifti1Header
    dtype = cls.template_dtype.newbyteorder(order)
    return np.frombuffer(header[: dtype.itemsize], dtype=dtype)[0]
