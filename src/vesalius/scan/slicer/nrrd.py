"""NRRD, attached (.nrrd) and detached (.nhdr): read only.

Axes: up to three spatial axes are I, J, K in the file's order; an axis of kind `time` is T; a list of gradients
(DWMRI) or of frames (MultiVolume) is T too; every other axis that is not spatial is C. World coordinates of the
patient spaces RAS, LAS and LPS are converted to RAS+ mm. `scanner-xyz` and the 3D-handed spaces do not state how the
patient lies, so they give no geometry.

A header holds fields `name: value` (names without spaces and in lower case here) and pairs `key:=value`.
"""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import GeometryError, InputError
from vesalius.files import regular
from vesalius.scan.geometry import Affine, check_affine
from vesalius.scan.intensity import Intensity
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Colour, Scan, TMeaning
from vesalius.scan.signature import head_of_file
from vesalius.scan.slicer.flat_pixels import Encoding, FileSpan, FlatPixels, TextHeader
from vesalius.scan.stack import SliceStack

_SPACES = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
}
"""Patient space -> signs that convert it to RAS."""
_MM = {"mm": 1.0, "millimeter": 1.0, "millimetre": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001, "µm": 0.001}
_MS = {"s": 1000.0, "sec": 1000.0, "seconds": 1000.0, "ms": 1.0, "msec": 1.0, "milliseconds": 1.0, "us": 0.001}
_Time = tuple[tuple[float, ...] | None, TMeaning, list[str]]
"""Frame times in ms, meaning of T, and notes."""
_SPATIAL_KINDS = frozenset({"domain", "space"})
_FRAME_LABELS = frozenset({"frame", "time", "t"})
_TAG_MEANINGS: dict[str, TMeaning] = {"TriggerTime": "time", "AcquisitionTime": "time", "EchoTime": "echo"}
_MODALITIES = {"DWMRI": "MR", "MR": "MR", "MRI": "MR", "CT": "CT", "PT": "PT", "PET": "PT", "US": "US"}
_MAX_HEADER_BYTES = 1 << 22
_MAX_AXES = 16
_TYPES = {
    "i1": "signedchar int8 int8_t",
    "u1": "uchar unsignedchar uint8 uint8_t",
    "i2": "short shortint signedshort signedshortint int16 int16_t",
    "u2": "ushort unsignedshort unsignedshortint uint16 uint16_t",
    "i4": "int signedint int32 int32_t",
    "u4": "uint unsignedint uint32 uint32_t",
    "i8": "longlong longlongint signedlonglong signedlonglongint int64 int64_t",
    "u8": "ulonglong unsignedlonglong unsignedlonglongint uint64 uint64_t",
    "f4": "float",
    "f8": "double",
}
_DTYPES = {word: code for code, words in _TYPES.items() for word in words.split()}
_ENCODINGS: dict[str, Encoding] = {
    "raw": "raw",
    "gzip": "zlib",
    "gz": "zlib",
    "bzip2": "bzip2",
    "bz2": "bzip2",
    "ascii": "text",
    "text": "text",
    "txt": "text",
    "hex": "hex",
}
_ENDS = {"little": "<", "big": ">"}


def read(path: Path, reading: Reading = AS_STATED) -> Scan:
    """Open an NRRD file; pixels stay on disk.

    Raises:
        InputError: not an NRRD file, a damaged header, or fewer values than it promises.
    """
    header = _read_header(path)
    sizes, dtype = header.sizes, header.dtype
    axes, problems = _axes(header)
    pieces = header.pieces(math.prod(sizes) * dtype.itemsize)
    pixels = FlatPixels(pieces, header.encoding, dtype, sizes, axes)
    pixels.check_length()
    geometry, geometry_problems = _geometry(header, axes)
    frame_ms, meaning, time_problems = _time(header, axes, pixels.shape[1])
    return Scan(
        pixels=pixels,
        geometry=geometry,
        intensity=Intensity(unit=header.fields.get("sampleunits", "").strip('"')),
        frame_ms=frame_ms,
        t_meaning=meaning,
        modality=_MODALITIES.get(header.pairs.get("modality", "").strip().upper(), "unknown"),
        colour=_colour(header, axes, pixels.shape[0]),
        problems=tuple(problems + pixels.problems() + geometry_problems + time_problems),
    )


@dataclass(frozen=True)
class _Header(TextHeader):
    """A parsed header with its pairs, key -> text."""

    kind = "NRRD"
    counted = r"(.*%0?\d*d.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(\s+\d+)?"
    pairs: dict[str, str]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Axis lengths, fastest first."""
        sizes = tuple(self.numbers("sizes", int))
        axes = self.numbers("dimension", int)
        if not sizes or len(sizes) > _MAX_AXES or axes != [len(sizes)]:
            raise self.wrong("`dimension` and `sizes` do not agree")
        if min(sizes) < 1:
            raise self.wrong(f"the image is empty (sizes {' '.join(map(str, sizes))})")
        return sizes

    @property
    def encoding(self) -> Encoding:
        word = self.fields.get("encoding", "").lower()
        if word not in _ENCODINGS:
            raise self.wrong(f"the encoding {word!r} is not one of {', '.join(_ENCODINGS)}")
        return _ENCODINGS[word]

    @property
    def dtype(self) -> np.dtype[Any]:
        word = self.fields.get("type", "").lower()
        code = _DTYPES.get(word.replace(" ", ""))
        if code is None:
            raise self.wrong(f"values of type {word!r} cannot be read")
        if code[1] == "1" or self.encoding == "text":
            return np.dtype(code)
        end = self.fields.get("endian", "").lower()
        if end not in _ENDS:
            raise self.wrong("`endian` is missing, so the byte order is unknown")
        return np.dtype(_ENDS[end] + code)

    def words(self, name: str) -> list[str]:
        """Return one word per axis, quoted or not; "" for each axis where the field is absent."""
        try:
            words = shlex.split(self.fields.get(name, ""))
        except ValueError as error:
            raise self.wrong(f"`{name}` has an unclosed quote") from error
        return words if len(words) == len(self.sizes) else [""] * len(self.sizes)

    def vectors(self, name: str) -> list[np.ndarray[Any, np.dtype[np.float64]] | None]:
        """Return the vectors "(x,y,z)" of a field, None for each "none"; [] where it is absent."""
        vectors: list[np.ndarray[Any, np.dtype[np.float64]] | None] = []
        for word in re.findall(r"\([^()]*\)|[^\s()]+", self.fields.get(name, "")):
            if word.lower() == "none":
                vectors.append(None)
                continue
            try:
                vectors.append(np.array([float(part) for part in word.strip("()").split(",")]))
            except ValueError as error:
                raise self.wrong(f"`{name}` does not hold vectors") from error
        return vectors

    def pieces(self, bytes_of_values: int) -> tuple[FileSpan, ...]:
        """Where the values lie: behind the header, or in the data files that it names."""
        text = self.fields.get("datafile")
        paths = [self.path] if text is None else self.paths("data file", text)
        lines, skip = (self.numbers(name, int) or [0] for name in ("lineskip", "byteskip"))
        if lines[0] < 0 or skip[0] < -1 or (skip[0] == -1 and self.encoding != "raw"):
            raise self.wrong("`line skip` or `byte skip` is impossible")
        pieces = []
        for path in paths:
            offset = _after_lines(path, self.length if path == self.path else 0, lines[0])
            if skip[0] == -1 and path.is_file():  # the values are the end of the file
                offset = max(path.stat().st_size - bytes_of_values // len(paths), offset)
            pieces.append(FileSpan(path, offset, max(skip[0], 0)))
        return tuple(pieces)


def _axes(header: _Header) -> tuple[str, list[str]]:
    """Return one letter per axis of the file, and notes."""
    kinds = [kind.lower() for kind in header.words("kinds")]
    directions = _directions(header)
    problems: list[str] = []
    letters: list[str] = []
    for axis, kind in enumerate(kinds):
        spatial = _is_spatial(kind, directions[axis]) if directions else _is_domain(kind)
        if spatial and sum(letter in "IJK" for letter in letters) < 3:
            letters.append("IJK"[sum(letter in "IJK" for letter in letters)])
        elif "T" not in letters and (spatial or _is_frames(header, axis, kind)):
            letters.append("T")
            if kind != "time":
                problems.append(f"axis {axis} of the file is read as T: {_why_t(header, kind, spatial)}")
        else:
            letters.append("C")
    if sum(letter in "IJK" for letter in letters) < 2:
        raise header.wrong("fewer than two axes are spatial")
    return "".join(letters), problems


def _is_domain(kind: str) -> bool:
    return kind in _SPATIAL_KINDS or kind in {"", "none", "???"}


def _is_spatial(kind: str, direction: NDArray[np.float64] | None) -> bool:
    """True unless the axis has no direction, or points along time in a space of four dimensions."""
    return direction is not None and kind != "time" and (len(direction) < 4 or bool(direction[:3].any()))


def _is_frames(header: _Header, axis: int, kind: str) -> bool:
    if kind in {"time", "", "none", "???"}:
        return True
    if kind not in {"list", "vector"}:
        return False
    frames = header.pairs.get("modality", "") == "DWMRI" or "MultiVolume.FrameLabels" in header.pairs
    return frames or header.words("labels")[axis].lower() in _FRAME_LABELS


def _why_t(header: _Header, kind: str, spatial: bool) -> str:
    if spatial and kind in _SPATIAL_KINDS:
        return "a fourth spatial axis"
    if header.pairs.get("modality", "") == "DWMRI":
        return "a list of gradients"
    return "a list of frames" if kind in {"list", "vector"} else "its kind is not stated"


def _directions(header: _Header) -> list[NDArray[np.float64] | None]:
    directions = header.vectors("spacedirections")
    if not directions:
        return []
    lengths = {len(direction) for direction in directions if direction is not None}
    if len(directions) != len(header.sizes) or len(lengths) != 1 or min(lengths) < 2:
        raise header.wrong("`space directions` does not fit the axes")
    return directions


def _geometry(header: _Header, axes: str) -> tuple[Affine | SliceStack | None, list[str]]:
    directions = _directions(header)
    space = header.fields.get("space", "").strip().lower().removesuffix("-time")
    space = space[:3] if space in {"rast", "last", "lpst"} else space
    if not directions or space not in _SPACES:
        return None, [_no_geometry(header, axes, directions, space)]
    unit = next(iter(header.fields.get("spaceunits", '"mm"').replace('"', " ").split()), "mm")
    if unit.lower() not in _MM:
        return None, [f"no geometry: the space unit {unit!r} is unknown"]
    origin = next(iter(header.vectors("spaceorigin")), None)
    problems = [] if origin is not None else ["no space origin is stated: the first voxel is placed at 0, 0, 0"]
    turn = np.array(_SPACES[space]) * _MM[unit.lower()]
    steps = [_three(directions[axes.index(letter)]) * turn for letter in "IJK" if letter in axes]
    start = (np.zeros(3) if origin is None else _three(origin)) * turn
    single = len(steps) == 2
    matrix = np.eye(4)
    matrix[:3] = np.stack([*steps, np.cross(steps[0], steps[1]), start] if single else [*steps, start], axis=1)
    try:
        affine = check_affine(matrix)
    except GeometryError as error:
        return None, [*problems, error.what]
    return SliceStack(start[None], steps[0][None], steps[1][None]) if single else affine, problems


def _three(vector: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the three spatial components of a vector, NaN where they are missing."""
    three = np.full(3, np.nan)
    if vector is not None:
        three[: min(len(vector), 3)] = vector[:3]
    return three


def _no_geometry(header: _Header, axes: str, directions: list[NDArray[np.float64] | None], space: str) -> str:
    if directions:
        spacings = [math.nan if direction is None else float(np.linalg.norm(direction)) for direction in directions]
    else:
        spacings = header.numbers("spacings")
    shown = ""
    if len(spacings) == len(axes):
        shown = " x ".join(f"{spacings[axes.index(letter)]:.6g}" for letter in "IJK" if letter in axes)
        shown = f" (spacing {shown}, unit not checked)"
    reason = f"{space!r} is not a patient space" if space else "the file states no patient space"
    return f"no geometry: {reason}{shown}"


def _time(header: _Header, axes: str, frames: int) -> _Time:
    if "T" not in axes or frames == 1:
        return None, "unknown", []
    if header.pairs.get("modality", "") == "DWMRI":
        return None, "diffusion", []
    axis = axes.index("T")
    if "MultiVolume.FrameLabels" in header.pairs:
        return _multi_volume(header, frames)
    if header.words("kinds")[axis].lower() != "time":
        return None, "unknown", []
    step, unit = _time_step(header, axis)
    scale = _MS.get(unit.lower(), math.nan)
    if not math.isfinite(step * scale) or step <= 0:
        return None, "time", ["the time unit or the frame interval is not stated"]
    starts = header.numbers("axismins")
    start = starts[axis] if len(starts) == len(axes) and math.isfinite(starts[axis]) else 0.0
    return tuple((start + step * frame) * scale for frame in range(frames)), "time", []


def _time_step(header: _Header, axis: int) -> tuple[float, str]:
    directions = _directions(header)
    direction = directions[axis] if directions else None
    if direction is not None and len(direction) == 4:
        units = header.fields.get("spaceunits", "").replace('"', " ").split()
        return float(direction[3]), units[3] if len(units) == 4 else ""
    spacings = header.numbers("spacings")
    return (spacings[axis] if len(spacings) == len(header.sizes) else math.nan), header.words("units")[axis]


def _multi_volume(header: _Header, frames: int) -> _Time:
    """Return frame times as a MultiVolume states them: a list of numbers and the attribute they come from."""
    meaning = _TAG_MEANINGS.get(header.pairs.get("MultiVolume.FrameIdentifyingDICOMTagName", "").strip(), "unknown")
    scale = _MS.get(header.pairs.get("MultiVolume.FrameIdentifyingDICOMTagUnits", "").strip().lower(), math.nan)
    try:
        times = tuple(float(word) * scale for word in header.pairs["MultiVolume.FrameLabels"].split(","))
    except ValueError:
        times = ()
    if meaning != "time" or len(times) != frames or not all(map(math.isfinite, times)):
        return None, meaning, [] if meaning == "echo" else ["the frame times are not stated"]
    return times, "time", []


def _colour(header: _Header, axes: str, channels: int) -> Colour:
    kinds: list[Any] = header.words("kinds")
    if axes.count("C") == 1 and channels == 3 and kinds[axes.index("C")].lower() == "rgb-color":
        return "rgb"
    return "grey" if channels == 1 else "channels"


def _read_header(path: Path) -> _Header:
    head = head_of_file(path, _MAX_HEADER_BYTES)
    if not re.match(rb"NRRD000\d\s", head):
        raise InputError("is not an NRRD file", where=path)
    end = re.search(rb"\r?\n\r?\n", head)
    length = len(head) if end is None else end.end()
    fields, pairs, files = _parse(path, head[: length if end is None else end.start()])
    return _Header(path, fields, length, files, pairs)


def _parse(path: Path, head: bytes) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    fields: dict[str, str] = {}
    pairs: dict[str, str] = {}
    lines = [line.rstrip() for line in head.decode("utf-8", errors="replace").splitlines()[1:]]
    for number, line in enumerate(lines):
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition(":=")
        if equals and ": " not in key:
            pairs[key] = value
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise InputError(f"header line {number + 2} is not a field", where=path)
        name = name.replace(" ", "").lower()
        if name in fields:
            raise InputError(f"the field `{name}` occurs twice", where=path)
        fields[name] = value.strip()
        if name == "datafile" and fields[name].split()[:1] == ["LIST"]:
            return fields, pairs, tuple(line for line in lines[number + 1 :] if line)
    return fields, pairs, ()


def _after_lines(path: Path, offset: int, lines: int) -> int:
    if not lines or not path.is_file():
        return offset
    with regular(path).open("rb") as file:
        file.seek(offset)
        for _ in range(lines):
            if not file.readline(_MAX_HEADER_BYTES):
                break
        return file.tell()
