"""Analyze 7.5 pairs (.hdr, .img), the format before NIfTI: values and spacing; orientation is unknown.

Writers of the format never agreed on an orientation, so left and right are never certain. A scale factor in the place
where SPM stores one is applied, as in SPM. The pair is restored byte for byte.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from vesalius.errors import GeometryError, InputError
from vesalius.scan.damage import COPY_FIX
from vesalius.scan.geometry import Affine, check_affine
from vesalius.scan.intensity import Intensity
from vesalius.scan.native import Identifiers, Kept, Packed, left_out
from vesalius.scan.nifti.pixels import NiftiPixels, head_of
from vesalius.scan.note import Note
from vesalius.scan.scan import Scan

_BYTES = 348
_MAX_BEFORE_PIXELS = 1 << 26
_SCALE_AT = 112
"""Place of SPM's scale factor and offset, two floats; other writers leave them 0."""
_TEXTS = {
    "db_name": (14, 18),
    "descrip": (148, 80),
    "aux_file": (228, 24),
    "originator": (253, 10),
    "generated": (263, 10),
    "scannum": (273, 10),
    "patient_id": (283, 10),
    "exp_date": (293, 10),
    "exp_time": (303, 10),
}
"""Text field -> (place, length)."""
_UNITS = ("", "mm")


@dataclass(frozen=True, eq=False)
class AnalyzeNative:
    """The header of an Analyze pair and the bytes before the pixels."""

    header: bytes
    before: bytes
    pixels: NiftiPixels
    format: str = "nifti"

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Pack as a NIfTI pair, whose writer restores it; "strip" blanks the text fields."""
        header, warnings = self.header, []
        kept = [name for name, (start, size) in _TEXTS.items() if header[start : start + size].strip(b"\0 ")]
        if identifiers == "strip":
            blanked = bytearray(header)
            for start, size in _TEXTS.values():
                blanked[start : start + size] = bytes(size)
            header = bytes(blanked[:_BYTES])
        elif kept:
            warnings.append(f"Analyze text fields are kept ({', '.join(kept)}); --strip blanks them")
        blobs = {"before_pixels": self.before, "pair_header": header}
        return Packed("nifti", self.pixels.facts(pair=True), blobs, True, tuple(warnings))

    def kept(self, packed: Packed) -> tuple[Kept, ...]:
        """Count the text fields that "strip" blanked, and the bytes behind the values, which are never kept."""
        now = packed.blobs.get("pair_header", b"")
        blanked = [
            name
            for name, (start, size) in _TEXTS.items()
            if self.header[start : start + size] != now[start : start + size]
        ]
        return left_out(blanked, self.pixels.left_over())


def is_analyze(head: bytes) -> bool:
    """True for the header of an Analyze 7.5 pair in either byte order, False for NIfTI pairs."""
    return len(head) >= _BYTES and head[344:348].rstrip(b"\0") not in (b"n+1", b"ni1") and _order(head) is not None


def read_pair(header_path: Path, pixels_path: Path) -> Scan:
    """Open an Analyze pair; pixels stay on disk.

    Raises:
        InputError: a damaged header, or fewer values than it promises.
    """
    head = head_of(header_path, _MAX_BEFORE_PIXELS)
    try:
        header = nib.AnalyzeHeader(head[:_BYTES], endianness=_order(head), check=False)
        shape = tuple(int(n) for n in header.get_data_shape())
        dtype, offset = header.get_data_dtype(), float(header["vox_offset"])
    except Exception as error:  # a damaged header raises nearly anything
        what = f"cannot be read as Analyze 7.5 ({str(error)[:120]})"
        raise InputError(what, where=header_path, fix=COPY_FIX) from error
    if not shape or min(shape) < 1:
        raise InputError(f"the Analyze header states the impossible shape {shape}", where=header_path)
    if not (0 <= offset <= _MAX_BEFORE_PIXELS and offset.is_integer()):
        raise InputError(f"the Analyze header states the impossible pixel offset {offset:g}", where=header_path)
    pixels = NiftiPixels(pixels_path, shape + (1,) * (3 - len(shape)), dtype, int(offset))
    pixels.check_length()
    geometry, problems = _geometry(header)
    if header_path.with_suffix(".mat").exists():
        plain = "the position in a .mat file beside the pair is not read"
        problems.append(Note(f"the position in {header_path.stem}.mat is not read", plain))
    intensity, scaling = _intensity(head, header.endianness)
    if pixels.shape[1] > 1:
        problems.append("the time unit or the frame interval is not stated")
    return Scan(
        pixels=pixels,
        geometry=geometry,
        intensity=Intensity() if dtype.names else intensity,
        colour="rgb" if dtype.names else "grey" if pixels.shape[0] == 1 else "channels",
        spaces=() if geometry is None else ("unknown",),
        problems=tuple(problems + scaling),
        native=AnalyzeNative(head, head_of(pixels_path, int(offset)), pixels),
    )


def _order(head: bytes) -> str | None:
    for order in "<>":
        size, dims = struct.unpack_from(f"{order}i", head)[0], struct.unpack_from(f"{order}h", head, 40)[0]
        code, bits = struct.unpack_from(f"{order}hh", head, 70)
        known = nib.AnalyzeHeader._data_type_codes
        if size == _BYTES and 1 <= dims <= 7 and code in known and bits == known.dtype[code].itemsize * 8:
            return order
    return None


def _geometry(header: Any) -> tuple[Affine | None, list[str]]:
    problems = ["Analyze 7.5 states no orientation: left and right are unknown, only the spacing is used"]
    unit = bytes(header["vox_units"].item()).rstrip(b"\0 ").decode("ascii", "replace").lower()
    if unit not in _UNITS:
        return None, [*problems, "the unit of the voxel spacing is not mm, so the spacing is ignored"]
    spacing = np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64))
    try:
        return check_affine(np.diag([*spacing, 1.0])), problems
    except GeometryError:
        return None, [*problems, "the voxel spacing is zero or not finite"]


def _intensity(head: bytes, order: str) -> tuple[Intensity, list[str]]:
    slope, inter = struct.unpack_from(f"{order}ff", head, _SCALE_AT)
    if slope in (0.0, 1.0) or not math.isfinite(slope):
        return Intensity(), []
    inter = inter if math.isfinite(inter) else 0.0
    return Intensity.linear(slope, inter), [f"values are scaled as in SPM: stored x {slope:g} + {inter:g}"]
