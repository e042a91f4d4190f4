"""Stored values as one flat array over one or several files: raw, compressed or text (NRRD, MetaImage).

Letters: C channel, T time, I J K voxel axes. `axes` names the axes of the file, fastest first, e.g. "CIJK"; several C
are flattened, the first fastest.
"""

from __future__ import annotations

import bz2
import io
import math
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.damage import COPY_FIX, DEFLATE_MAX_RATIO, read_to_end, surplus_notes
from vesalius.scan.pixels import ALL

Encoding = Literal["raw", "zlib", "bzip2", "text", "hex"]
"""zlib stands for zlib and gzip streams."""

_MAX_FILES = 1 << 16
"""Most data files of one header."""
_BLOCK = 1 << 20
_WORD_BYTES = 100
"""Memory for a number read as text: a string, an integer, and their places in two lists."""


@dataclass(frozen=True)
class FileSpan:
    """A stretch of values in one file, from the byte `offset`; `skip` decoded bytes precede the first value."""

    path: Path
    offset: int = 0
    skip: int = 0


@dataclass(frozen=True)
class TextHeader:
    """The text header of a file.

    Args:
        fields: name -> text.
        length: bytes up to the values of an attached header.
        data_files: names of data files in a list after the header.
    """

    kind: ClassVar[str]
    counted: ClassVar[str]
    """Pattern of a field that lists numbered files: name with %d, first, last, step."""
    path: Path
    fields: dict[str, str]
    length: int
    data_files: tuple[str, ...]

    def text(self, name: str) -> str | None:
        """Return the text of a field, None where it is absent."""
        return self.fields.get(name)

    def numbers(self, name: str, kind: type = float) -> list[Any]:
        """Return the numbers of a field, [] where it is absent."""
        try:
            return [kind(word) for word in (self.text(name) or "").split()]
        except ValueError as error:
            raise self.wrong(f"`{name}` does not hold numbers") from error

    def paths(self, field: str, text: str) -> list[Path]:
        """Return the data files that a field names: in the list after the header, by numbers, or by one plain name."""
        names = [text]
        numbered = re.fullmatch(self.counted, text)
        if text.split()[:1] == ["LIST"]:
            names = list(self.data_files)
        elif numbered:
            first, last, step = int(numbered[2]), int(numbered[3]), int(numbered[4] or 1)
            if step == 0 or abs(last - first) // abs(step) >= _MAX_FILES:
                raise self.wrong(f"`{field}` lists too many files")
            numbers = range(first, last + (1 if step > 0 else -1), step)
            names = [number_into(numbered[1], number) for number in numbers]
        if not names or not names[0]:
            raise self.wrong(f"`{field}` names no file")
        return [beside(self.path, name) for name in names]

    def wrong(self, what: str) -> InputError:
        """Return an error about this header."""
        return InputError(what, where=self.path, fix=f"check that it is an intact {self.kind} file")


def beside(header: Path, name: str) -> Path:
    """Return the path of a data file that a header names.

    Raises:
        InputError: it lies outside the folder of the header, where a foreign header must not lead, or its name is
            impossible.
    """
    path = header.parent / name
    try:
        path.is_file()  # raises where the name is too long, `resolve` where it holds a NUL character
        inside = path.resolve().is_relative_to(header.parent.resolve())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds a NUL character"
        raise InputError(f"names a data file that cannot be opened ({reason})", where=header, fix=COPY_FIX) from error
    if not inside:
        fix = "move the data file next to the header"
        raise InputError("names a data file outside its folder", where=header, fix=fix)
    return path


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


@dataclass(frozen=True, eq=False)
class FlatPixels:
    """Stored values of shape (C, T, I, J, K) in one flat array over `pieces`.

    Args:
        pieces: the files in order; each holds an equal share.
        encoding: encoding of the values.
        dtype: stored dtype, byte order included.
        file_shape: axis lengths, fastest first.
        axes: one letter of CTIJK per axis of the file.
    """

    pieces: tuple[FileSpan, ...]
    encoding: Encoding
    dtype: np.dtype[Any]
    file_shape: tuple[int, ...]
    axes: str

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        lengths = list(zip(self.file_shape, self.axes, strict=True))
        c, t, i, j, k = (math.prod(length for length, axis in lengths if axis == letter) for letter in "CTIJK")
        return c, t, i, j, k

    @property
    def direct(self) -> bool:
        return self.encoding == "raw" and len(self.pieces) == 1

    @cached_property
    def bytes_per_piece(self) -> int:
        """Decoded bytes in every file."""
        return math.prod(self.file_shape) * self.dtype.itemsize // len(self.pieces)

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        letters = self.axes + "".join(letter for letter in "TIJK" if letter not in self.axes)
        array = self._mapped() if self.direct else self._decoded()
        array = array.reshape(*array.shape, *(1,) * (len(letters) - array.ndim))
        array = array[tuple({"T": t, "K": k}.get(letter, ALL) for letter in letters)]
        channels = [axis for axis, letter in enumerate(letters) if letter == "C"][::-1]
        array = array.transpose(*channels, *(letters.index(letter) for letter in "TIJK"))
        return array.reshape(math.prod(array.shape[: len(channels)]), *array.shape[len(channels) :])

    def check_length(self) -> None:
        """Compare the promise of the header with the length of the files, before any memory is taken.

        Raises:
            InputError: a file is missing or too short.
        """
        if math.prod(self.file_shape) % len(self.pieces):
            what = f"the values cannot be spread evenly over {len(self.pieces)} files"
            raise InputError(what, where=self.pieces[0].path)
        for piece in self.pieces:
            if not regular(piece.path).is_file():
                raise InputError("the file with the values is missing", where=piece.path, fix=COPY_FIX)
            size = max(piece.path.stat().st_size - piece.offset, 0)
            needed = piece.skip + self.bytes_per_piece
            if needed > self._most(size):
                what = f"the header promises {needed} bytes of values, the file has {size}"
                raise InputError(what, where=piece.path, fix=COPY_FIX)

    def problems(self) -> list[str]:
        """Return a note where raw files hold more than is read; `read` checks the end of all others."""
        if self.encoding != "raw":
            return []
        sizes = [piece.path.stat().st_size - piece.offset - piece.skip for piece in self.pieces]
        length = sum(sizes) - self.bytes_per_piece * len(sizes)
        return surplus_notes(length)

    def _most(self, size: int) -> float:
        """Return the most decoded bytes that `size` bytes can hold; bzip2 has no useful bound: inflated in steps."""
        most: dict[str, float] = {
            "raw": size,
            "zlib": size * DEFLATE_MAX_RATIO,
            "bzip2": math.inf,
            "text": (size + 1) // 2 * self.dtype.itemsize,
            "hex": size // 2,
        }
        return most[self.encoding]

    def _mapped(self) -> NDArray[Any]:
        (piece,) = self.pieces
        offset = piece.offset + piece.skip
        try:
            return np.memmap(regular(piece.path), self.dtype, "r", offset, self.file_shape, order="F")
        except (OSError, ValueError) as error:
            raise InputError("the file with the values cannot be read", where=piece.path, fix=COPY_FIX) from error

    def _decoded(self) -> NDArray[Any]:
        self._check_memory()
        flat = np.concatenate([self._piece(piece) for piece in self.pieces], dtype=self.dtype)  # keeps the byte order
        return flat.reshape(self.file_shape, order="F")

    def _check_memory(self) -> None:
        size = max(piece.path.stat().st_size for piece in self.pieces)
        values = math.prod(self.file_shape)
        words = {"text": 3 * size + _WORD_BYTES * values // len(self.pieces), "hex": 3 * size}
        needed = 2 * values * self.dtype.itemsize + words.get(self.encoding, 0)
        check_memory(
            needed, self.pieces[0].path, instead="write the values raw in one file, so that they can be mapped"
        )

    def _piece(self, piece: FileSpan) -> NDArray[Any]:
        needed = piece.skip + self.bytes_per_piece
        try:
            with regular(piece.path).open("rb") as file:
                file.seek(piece.offset)
                if self.encoding == "text":
                    return _from_text(file.read(), self.dtype, self.bytes_per_piece // self.dtype.itemsize)
                read, data = _decoder(file, self.encoding), bytearray()
                while len(data) < needed and (block := read(min(_BLOCK, needed - len(data)))):
                    data += block
                if self.encoding != "raw":
                    read_to_end(read, piece.path)
        except (OSError, EOFError, ValueError, ArithmeticError, zlib.error) as error:
            what = f"the values cannot be decoded ({_words(error)})"
            raise InputError(what, where=piece.path, fix=COPY_FIX) from error
        if len(data) < needed:
            what = f"the values end early: {len(data)} bytes instead of {needed}"
            raise InputError(what, where=piece.path, fix=COPY_FIX)
        return np.frombuffer(data, self.dtype, self.bytes_per_piece // self.dtype.itemsize, piece.skip)


def _decoder(file: Any, encoding: Encoding) -> Callable[[int], bytes]:
    """Return a function that gives at most the requested number of decoded bytes, none at the end."""
    if encoding == "zlib":
        return _Inflated(file).read
    if encoding == "bzip2":
        return bz2.open(file, "rb").read
    if encoding == "hex":
        return io.BytesIO(bytes.fromhex(file.read().decode("ascii"))).read
    read: Callable[[int], bytes] = file.read
    return read


class _Inflated:
    """A zlib stream, or a gzip file of one or more members; zero bytes may follow."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._engine = zlib.decompressobj(wbits=47)  # zlib or gzip, whichever it is

    def read(self, size: int) -> bytes:
        """Return at most `size` inflated bytes, none at the end.

        Raises:
            EOFError: the stream breaks off before its checksum.
            zlib.error: damaged, or its checksum does not match.
        """
        while True:
            data = self._next_member() if self._engine.eof else self._engine.unconsumed_tail or self._file.read(_BLOCK)
            if not data and self._engine.eof:
                return b""
            inflated = self._engine.decompress(data, size)
            if inflated:
                return inflated
            if not data and not self._engine.eof:
                raise EOFError("the stream breaks off")

    def _next_member(self) -> bytes:
        """Return the beginning of what follows a finished stream; b"" at the end of the file."""
        data = self._engine.unused_data.lstrip(b"\0")
        while not data:
            block = self._file.read(_BLOCK)
            if not block:
                return b""
            data = block.lstrip(b"\0")
        self._engine = zlib.decompressobj(wbits=47)
        return data


def _from_text(data: bytes, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
    words = data.decode("ascii").replace(",", " ").split(maxsplit=count)
    if len(words) != count:
        raise ValueError(f"{len(words) if len(words) < count else 'more'} numbers instead of {count}")
    if dtype.kind == "f":
        return np.array(words, dtype=np.float64).astype(dtype)
    bounds = np.iinfo(dtype)
    numbers = [int(word) for word in words]
    if min(numbers) < bounds.min or max(numbers) > bounds.max:
        raise ValueError(f"a number does not fit {dtype}")
    return np.array(numbers, dtype=dtype)


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
