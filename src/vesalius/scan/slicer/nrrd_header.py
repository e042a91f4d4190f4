"""The text header of an NRRD file: fields, key/value pairs, and the place of the values.

Fields are `name: value` (names without spaces and in lower case here), pairs are `key:=value`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.scan.signature import head_of_file
from vesalius.scan.slicer.flat_pixels import Encoding, FileSpan, TextHeader, beside

MAX_HEADER_BYTES = 1 << 22
MAX_AXES = 16
MAX_FILES = 1 << 16
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


@dataclass(frozen=True)
class NrrdHeader(TextHeader):
    """A parsed header with its pairs, key -> text."""

    kind = "NRRD"
    pairs: dict[str, str]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Axis lengths, fastest first."""
        sizes = tuple(self.numbers("sizes", int))
        axes = self.numbers("dimension", int)
        if not sizes or len(sizes) > MAX_AXES or axes != [len(sizes)]:
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
        paths = self._paths()
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

    def _paths(self) -> list[Path]:
        text = self.fields.get("datafile")
        if text is None:
            return [self.path]
        names = list(self.data_files) if text.split()[:1] == ["LIST"] else self._numbered(text)
        if not names:
            raise self.wrong("`data file` names no file")
        return [beside(self.path, name) for name in names]

    def _numbered(self, text: str) -> list[str]:
        """Expand `pattern first last step`, or return one plain name."""
        match = re.fullmatch(r"(.*%0?\d*d.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(\s+\d+)?", text)
        if match is None:
            return [text] if text else []
        first, last, step = (int(match[group]) for group in (2, 3, 4))
        if step == 0 or abs(last - first) // abs(step) >= MAX_FILES:
            raise self.wrong("`data file` lists too many files")
        return [number_into(match[1], number) for number in range(first, last + (1 if step > 0 else -1), step)]


def read_header(path: Path) -> NrrdHeader:
    """Parse the header of a .nrrd or .nhdr file.

    Raises:
        InputError: not an NRRD file, or a line that is neither a field nor a pair.
    """
    head = head_of_file(path, MAX_HEADER_BYTES)
    if not re.match(rb"NRRD000\d\s", head):
        raise InputError("is not an NRRD file", where=path)
    end = re.search(rb"\r?\n\r?\n", head)
    length = len(head) if end is None else end.end()
    fields, pairs, files = _parse(path, head[: length if end is None else end.start()])
    return NrrdHeader(path, fields, length, files, pairs)


def number_into(pattern: str, number: int) -> str:
    """Insert `number` where the pattern says %d, %3d or %03d.

    Example:
        >>> number_into("slice%03d.raw", 7)
        'slice007.raw'
    """
    match = re.search(r"%(0?)(\d{0,3})d", pattern)
    if match is None:
        return pattern
    width = int(match[2] or 0)
    shown = str(number).zfill(width) if match[1] else str(number).rjust(width)
    return pattern[: match.start()] + shown + pattern[match.end() :]


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
            if not file.readline(MAX_HEADER_BYTES):
                break
        return file.tell()
