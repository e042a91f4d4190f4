"""MetaImage, .mha and .mhd with its data file: read only.

Axes: the file's (i, j, k) stay as they are, a fourth axis is T, interleaved channels are C. The file's world is LPS
(as ITK writes and reads it, whatever `AnatomicalOrientation` says) and is converted to RAS+ mm. `ElementSize` serves as
the spacing only where `ElementSpacing` is absent.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from vesalius.errors import GeometryError, InputError
from vesalius.scan.geometry import Affine, check_affine, lps_to_ras
from vesalius.scan.intensity import Intensity
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan
from vesalius.scan.signature import head_of_file
from vesalius.scan.slicer.flat_pixels import Encoding, FileSpan, FlatPixels, TextHeader

MAX_HEADER_BYTES = 1 << 20
_DTYPES = {
    "CHAR": "i1",
    "UCHAR": "u1",
    "SHORT": "i2",
    "USHORT": "u2",
    "INT": "i4",
    "UINT": "u4",
    "LONG": "i4",
    "ULONG": "u4",
    "LONG_LONG": "i8",
    "ULONG_LONG": "u8",
    "FLOAT": "f4",
    "DOUBLE": "f8",
}
"""MET_LONG has four bytes in every MetaImage file, whatever the machine that wrote it."""
_NAMES = {
    "offset": ("Offset", "Position", "Origin"),
    "matrix": ("TransformMatrix", "Rotation", "Orientation"),
    "spacing": ("ElementSpacing", "ElementSize"),
    "msb": ("ElementByteOrderMSB", "BinaryDataByteOrderMSB"),
}
_MODALITIES = {"MET_MOD_CT": "CT", "MET_MOD_MR": "MR", "MET_MOD_US": "US", "MET_MOD_NM": "NM"}


class _Header(TextHeader):
    kind = "MetaImage"
    counted = r"(.*%0?\d*d.*?)\s+(\d+)\s+(\d+)(?:\s+(\d+))?"

    def text(self, name: str) -> str | None:
        """Return the field, looked up under all its names."""
        values = [self.fields[known] for known in _NAMES.get(name, (name,)) if known in self.fields]
        return values[0] if values else None

    def flag(self, name: str) -> bool:
        return (self.text(name) or "").strip().lower() in {"true", "1"}

    def whole(self, name: str, default: int) -> int:
        return int(next(iter(self.numbers(name, int)), default))


def read(path: Path, reading: Reading = AS_STATED) -> Scan:
    """Open a MetaImage file; pixels stay on disk.

    Raises:
        InputError: not a MetaImage file, a damaged header, or fewer values than it promises.
    """
    header = _read_header(path)
    sizes = _sizes(header)
    channels = header.whole("ElementNumberOfChannels", 1)
    if not 1 <= channels <= 1 << 16:
        raise header.wrong(f"{channels} channels are impossible")
    pixels = _pixels(header, (channels, *sizes), "CIJKT"[: len(sizes) + 1])
    pixels.check_length()
    geometry, problems = _geometry(header, len(sizes))
    problems += pixels.problems()
    if len(sizes) == 4 and sizes[3] > 1:
        problems.append("the file states no unit of time")
    intensity = _intensity(header, problems)
    return Scan(
        pixels=pixels,
        geometry=geometry,
        intensity=intensity,
        modality=_MODALITIES.get(header.text("Modality") or "", "unknown"),
        colour="grey" if channels == 1 else "channels",
        problems=tuple(problems),
    )


def _sizes(header: _Header) -> list[int]:
    sizes, axes = header.numbers("DimSize", int), header.numbers("NDims", int)
    if axes != [len(sizes)] or not 2 <= len(sizes) <= 4:
        raise header.wrong("`NDims` and `DimSize` do not give 2, 3 or 4 axes")
    if min(sizes) < 1:
        raise header.wrong(f"the image is empty (DimSize {' '.join(map(str, sizes))})")
    return sizes


def _pixels(header: _Header, shape: tuple[int, ...], axes: str) -> FlatPixels:
    word = (header.text("ElementType") or "").removeprefix("MET_").removesuffix("_ARRAY")
    if word not in _DTYPES:
        raise header.wrong(f"values of type {header.text('ElementType')!r} cannot be read")
    dtype = np.dtype(_DTYPES[word])
    if dtype.itemsize > 1:
        dtype = dtype.newbyteorder(">" if header.flag("msb") else "<")
    encoding: Encoding = "zlib" if header.flag("CompressedData") else "raw"
    if header.text("BinaryData") is not None and not header.flag("BinaryData"):
        encoding, dtype = "text", dtype.newbyteorder("=")
    pieces = _pieces(header, math.prod(shape) * dtype.itemsize, encoding)
    return FlatPixels(pieces, encoding, dtype, shape, axes)


def _pieces(header: _Header, bytes_of_values: int, encoding: Encoding) -> tuple[FileSpan, ...]:
    name = (header.text("ElementDataFile") or "").strip()
    paths = [header.path] if name.upper() == "LOCAL" else header.paths("ElementDataFile", name)
    skip = header.whole("HeaderSize", 0)
    if skip < -1 or (skip == -1 and encoding != "raw"):
        raise header.wrong(f"the header size {skip} is impossible")
    pieces = []
    for path in paths:
        offset = header.length if path == header.path else max(skip, 0)
        if skip == -1 and path.is_file():  # the values are the end of the file
            offset = max(path.stat().st_size - bytes_of_values // len(paths), 0)
        pieces.append(FileSpan(path, offset))
    return tuple(pieces)


def _intensity(header: _Header, problems: list[str]) -> Intensity:
    slope = next(iter(header.numbers("ElementToIntensityFunctionSlope")), 1.0)
    inter = next(iter(header.numbers("ElementToIntensityFunctionOffset")), 0.0)
    if slope == 0 or not math.isfinite(slope) or not math.isfinite(inter):
        problems.append("the intensity slope or offset is zero or not finite; the scaling is ignored")
        return Intensity()
    return Intensity() if (slope, inter) == (1.0, 0.0) else Intensity.linear(slope, inter)


def _geometry(header: _Header, axes: int) -> tuple[Affine | None, list[str]]:
    spacing = header.numbers("spacing") or [1.0] * axes
    matrix = header.numbers("matrix") or np.eye(axes).ravel().tolist()
    offset = header.numbers("offset") or [0.0] * axes
    if len(spacing) != axes or len(matrix) != axes * axes or len(offset) != axes:
        raise header.wrong("spacing, matrix and offset do not fit the number of axes")
    if axes == 2:
        shown = " x ".join(f"{step:.6g}" for step in spacing)
        return None, [f"no geometry: the file is two-dimensional (spacing {shown}, unit not stated)"]
    directions = np.array(matrix).reshape(axes, axes)  # row n: direction of axis n
    words = {"spacing": "spacing", "offset": "position", "matrix": "orientation"}
    problems = [f"the {word} is not stated" for name, word in words.items() if not header.text(name)]
    if axes == 4 and (directions[3, :3].any() or directions[:3, 3].any()):
        return None, [*problems, "no geometry: the matrix mixes space and time"]
    affine = np.eye(4)
    affine[:3, :3] = lps_to_ras(directions[:3, :3] * np.array(spacing[:3])[:, None]).T
    affine[:3, 3] = lps_to_ras(offset[:3])
    try:
        return check_affine(affine), problems
    except GeometryError as error:
        return None, [*problems, error.what]


def _read_header(path: Path) -> _Header:
    head = head_of_file(path, MAX_HEADER_BYTES)
    end = re.search(rb"^ElementDataFile\s*=[^\n]*(\n|$)", head, re.MULTILINE)
    if end is None:
        raise InputError("is not a MetaImage file (no ElementDataFile)", where=path)
    fields = {}
    for line in head[: end.end()].decode("utf-8", errors="replace").splitlines():
        name, equals, value = line.partition("=")
        if not equals and line.strip():
            raise InputError("a header line is not `name = value`", where=path)
        fields[name.strip()] = value.strip()
    files: tuple[str, ...] = ()
    if fields["ElementDataFile"].split()[:1] == ["LIST"]:
        files = tuple(line.strip() for line in head[end.end() :].decode("utf-8", errors="replace").splitlines())
    return _Header(path, fields, end.end(), tuple(name for name in files if name))
