"""NIfTI-1 and NIfTI-2 (.nii, .nii.gz, .hdr/.img pairs): read piece by piece, written back byte for byte.

Axes: the file's (i, j, k) stay as they are, dim 4 is T, dims 5 to 7 are C (flattened, dim 5 fastest). RGB24 and
RGBA32 become channels. `affine` decides between sform, qform and spacing. Header and extension bytes are kept
unchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vesalius.errors import CorruptFileError, GeometryError, InputError
from vesalius.scan.damage import not_decodable, surplus_notes
from vesalius.scan.intensity import Intensity
from vesalius.scan.native import Identifiers, Kept, LossyNote, Packed, left_out
from vesalius.scan.nifti.affine import place
from vesalius.scan.nifti.analyze import is_analyze, read_pair
from vesalius.scan.nifti.header import (
    check_extensions,
    differences,
    find_files,
    read_header,
    scaling,
    strip,
    text_warnings,
    time,
)
from vesalius.scan.nifti.pixels import NiftiPixels, create, head_of, is_gzip
from vesalius.scan.pixels import Pixels
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan

MAX_BEFORE_PIXELS = 1 << 26
"""Largest size of header and extensions together."""
_ANALYZE_BYTES = 348


@dataclass(frozen=True, eq=False)
class NiftiNative:
    """Header and extension bytes of a NIfTI file."""

    header: bytes
    pixels: NiftiPixels
    pair_header: bytes | None = None
    format: str = "nifti"

    def pack(self, identifiers: Identifiers, uid_key: bytes | None) -> Packed:
        """Pack everything before the pixels unchanged; "strip" blanks the text fields and drops the extensions."""
        is_pair = self.pair_header is not None
        header = self.header if self.pair_header is None else self.pair_header
        warnings = [] if identifiers == "strip" else text_warnings(header)
        header = strip(header) if identifiers == "strip" else header
        before, pair = (self.header, header) if is_pair else (header, b"")
        blobs = {"before_pixels": before, "pair_header": pair}
        packed = Packed("nifti", self.pixels.facts(pair=is_pair), blobs, is_pair, tuple(warnings))
        return replace(packed, kept=self.kept(packed))

    def kept(self, packed: Packed) -> tuple[Kept, ...]:
        """Count what "strip" blanked, and the bytes behind the values, which are never kept; all else is unchanged."""
        pairs = (("before_pixels", self.header), ("pair_header", self.pair_header or b""))
        blanked = [name for blob, ours in pairs for name in differences(ours, packed.blobs.get(blob, b""))]
        return left_out(blanked, self.pixels.left_over())


def read(path: Path, reading: Reading = AS_STATED) -> Scan:
    """Open a NIfTI file; pixels stay on disk.

    Raises:
        InputError: not a NIfTI file, a damaged header, or a file shorter than its header says.
    """
    try:
        header_path, pixels_path = find_files(path)
        if header_path != pixels_path and is_analyze(head_of(header_path, _ANALYZE_BYTES)):
            return read_pair(header_path, pixels_path)
        return _scan(path, header_path, pixels_path, reading)
    except (InputError, GeometryError) as error:
        raise error.at(path) from error
    except Exception as error:  # a damaged header raises nearly anything
        raise not_decodable(path, error, "NIfTI") from error


def restore(packed: Packed, pixels: Pixels, path: Path, lossy: LossyNote | None) -> None:
    """Write a NIfTI file with the original header and extension bytes and the given pixels.

    The suffix of `path` decides about gzip; a pair is written into the folder `path` as image.hdr and image.img.

    Raises:
        CorruptFileError: the stored facts do not fit the pixels.
    """
    try:
        shape = tuple(int(n) for n in packed.facts["file_shape"])  # type: ignore[arg-type,union-attr]
        code, pair = str(packed.facts["file_dtype"]), bool(packed.facts["pair"])
        before, pair_header = packed.blobs["before_pixels"], packed.blobs["pair_header"]
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptFileError("the stored NIfTI facts are incomplete", where=path) from error
    colours = {"RGB24": 3, "RGBA32": 4}.get(code, 1)
    c, t, i, j, k = pixels.shape
    if math.prod(shape) * colours != c * t * i * j * k or shape[:3] != (i, j, k):
        raise CorruptFileError("the stored NIfTI shape does not fit the pixels", where=path)
    if pair:
        (path / "image.hdr").write_bytes(pair_header)
        path = path / "image.img"
    with create(path) as file:
        file.write(before)
        for plane in range(c // colours):
            for frame in range(t):
                _write_frame(file, pixels, plane * colours, colours, frame)


def _scan(path: Path, header_path: Path, pixels_path: Path, reading: Reading) -> Scan:
    header, problems = read_header(header_path, single=header_path == pixels_path)
    shape = tuple(int(n) for n in header.get_data_shape())
    if not shape or len(shape) > 7 or min(shape) < 0:
        raise InputError(f"the header states the impossible shape {shape}", where=path)
    if 0 in shape:
        raise InputError(f"the image is empty (shape {shape})", where=path)
    offset = int(header.get_data_offset())
    pixels = NiftiPixels(pixels_path, shape + (1,) * (3 - len(shape)), header.get_data_dtype(), offset)
    pixels.check_length()
    problems += surplus_notes(pixels.left_over())
    if offset > MAX_BEFORE_PIXELS:
        raise InputError(f"{offset} bytes before the pixels are impossible", where=path)
    before = head_of(pixels_path, offset)
    pair_header = None if header_path == pixels_path else head_of(header_path, MAX_BEFORE_PIXELS)
    check_extensions(before if pair_header is None else pair_header, header, single=pair_header is None)
    if is_gzip(pixels_path) != pixels_path.name.lower().endswith(".gz"):
        problems.append(f"the file is {'' if is_gzip(pixels_path) else 'not '}gzipped, but its name says otherwise")
    placed = place(header, reading.spacing_from)
    slope, inter, scaling_problems = scaling(header, path)
    if (slope, inter) != (1, 0) and pixels.file_dtype.names:
        scaling_problems.append("the header scales RGB values; the scaling is ignored")
        slope, inter = 1.0, 0.0
    frame_ms, meaning, time_problems = time(header, pixels.shape[1], path)
    return Scan(
        pixels=pixels,
        geometry=placed.affine,
        intensity=Intensity.linear(slope, inter),
        frame_ms=frame_ms,
        t_meaning=meaning,
        colour="rgb" if pixels.colours == 3 else "grey" if pixels.shape[0] == 1 else "channels",
        spaces=placed.spaces,
        problems=(*problems, *placed.problems, *scaling_problems, *time_problems),
        native=NiftiNative(before, pixels, pair_header),
    )


def _write_frame(file: Any, pixels: Pixels, channel: int, colours: int, frame: int) -> None:
    array = pixels.read(t=slice(frame, frame + 1))[channel : channel + colours, 0]
    if colours > 1:
        file.write(np.ascontiguousarray(array.transpose(3, 2, 1, 0)).tobytes())
    else:
        file.write(array[0].tobytes(order="F"))
