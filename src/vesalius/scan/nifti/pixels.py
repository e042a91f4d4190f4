"""The bytes of NIfTI files, gzipped or not, and their stored values, read slab by slab."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import InputError
from vesalius.files import regular
from vesalius.memory import check_memory
from vesalius.scan.damage import DEFLATE_MAX_RATIO, not_decodable, read_to_end
from vesalius.scan.native import Json
from vesalius.scan.pixels import ALL

_BLOCK = 1 << 20


@dataclass(frozen=True, eq=False)
class NiftiPixels:
    """Stored values of a NIfTI file, mapped into memory, or inflated where the file is gzipped.

    Args:
        path: the file with the pixels.
        file_shape: dims of the file, (i, j, k, t, c...), at least three.
        file_dtype: dtype of the file, byte order included; RGB24 and RGBA32 are structured.
        offset: first byte of the pixels.
    """

    path: Path
    file_shape: tuple[int, ...]
    file_dtype: np.dtype[Any]
    offset: int

    @property
    def colours(self) -> int:
        """3 or 4 for RGB24 and RGBA32, else 1."""
        return len(self.file_dtype.names or "1")

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        i, j, k, t, *channels = (*self.file_shape, 1)
        return math.prod(channels) * self.colours, t, i, j, k

    @property
    def dtype(self) -> np.dtype[Any]:
        """Stored dtype; uint8 for RGB24 and RGBA32."""
        return np.dtype(np.uint8) if self.file_dtype.names else self.file_dtype

    @property
    def direct(self) -> bool:
        """False where the file is gzipped: it is inflated from its start for every piece."""
        return not is_gzip(self.path)

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        """Read as `Pixels` says; damage and surplus of a gzip stream are seen only where the last value is read."""
        self._check_memory(t, k)
        try:
            array = self._mapped(t, k) if self.direct else self._inflated(t, k)
        except InputError:
            raise
        except Exception as error:  # zlib, gzip and numpy raise many kinds here
            raise not_decodable(self.path, error, "NIfTI") from error
        if self.file_dtype.names:
            array = _split_colours(array)
        return array.transpose(4, 3, 0, 1, 2)

    def facts(self, *, pair: bool) -> dict[str, Json]:
        """Return what `nifti.read.restore` needs to know of the file."""
        code = {1: self.file_dtype.str, 3: "RGB24", 4: "RGBA32"}[self.colours]
        return {"pair": pair, "file_shape": [int(n) for n in self.file_shape], "file_dtype": code}

    def check_length(self) -> None:
        """Compare the promise of the header with the length of the file, before any memory is taken.

        Raises:
            InputError: the file is missing or too short, or its values are not of a numeric type.
        """
        if self.file_dtype.kind == "V" and not self.file_dtype.names:
            raise InputError("the header states no numeric type for the values", where=self.path)
        if not regular(self.path).is_file():
            raise InputError("no such file", where=self.path)
        size, needed = self.path.stat().st_size, self.end
        if needed > (size if self.direct else size * DEFLATE_MAX_RATIO):
            what = f"the header promises {needed} bytes, the file has {size}"
            raise InputError(what, where=self.path, fix="copy the file again")

    def left_over(self) -> int:
        """Return the bytes behind the last value of an uncompressed file; `read` checks the end of a stream."""
        return self.path.stat().st_size - self.end if self.direct else 0

    @property
    def end(self) -> int:
        """The first byte behind the last value, in the inflated file."""
        return self.offset + math.prod(self.file_shape) * self.file_dtype.itemsize

    def _check_memory(self, t: slice, k: slice) -> None:
        i, j, slices, frames, more = self._five
        plane = i * j * self.file_dtype.itemsize
        kept = plane * len(range(slices)[k]) * len(range(frames)[t]) * more
        inflated = 0 if self.direct else 2 * kept + plane * slices
        split = 2 * kept if self.colours > 1 else 0
        instead = None if self.direct else "uncompress the file, so that it can be mapped"
        check_memory(inflated + split, self.path, instead=instead)

    @property
    def _five(self) -> tuple[int, int, int, int, int]:
        i, j, k, t, *more = (*self.file_shape, 1)
        return i, j, k, t, math.prod(more)

    def _mapped(self, t: slice, k: slice) -> NDArray[Any]:
        whole = np.memmap(regular(self.path), self.file_dtype, "r", self.offset, self._five, order="F")
        return whole[:, :, k, t]

    def _inflated(self, t: slice, k: slice) -> NDArray[Any]:
        """Read volume by volume: unwanted ones are skipped, and no memory is taken before its bytes exist."""
        i, j, slices, frames, more = self._five
        length = i * j * slices * self.file_dtype.itemsize
        wanted, height = range(frames)[t], len(range(slices)[k])
        numbers = [frame + frames * plane for plane in range(more) for frame in wanted]
        kept: list[bytes] = []
        with gzip.open(regular(self.path), "rb") as file:
            place = 0
            for number in numbers:
                start = self.offset + number * length
                for _ in blocks(file, start - place):
                    pass
                place = start + length
                kept.append(self._slices(b"".join(blocks(file, length)), k))
            if place == self.end:
                read_to_end(file.read, self.path)
        return np.frombuffer(b"".join(kept), self.file_dtype).reshape((i, j, height, len(wanted), more), order="F")

    def _slices(self, volume: bytes, k: slice) -> bytes:
        if k == ALL:
            return volume
        array = np.frombuffer(volume, self.file_dtype).reshape(self.file_shape[:3], order="F")
        return array[:, :, k].tobytes(order="F")


def is_gzip(path: Path) -> bool:
    """True where the first two bytes are those of gzip; the suffix decides for a file that does not exist."""
    try:
        with regular(path).open("rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError:
        return path.name.lower().endswith(".gz")


def head_of(path: Path, size: int) -> bytes:
    """Return the first `size` bytes, fewer where the file is shorter.

    Raises:
        InputError: missing, or not a gzip file although its name says so.
    """
    try:
        with gzip.open(regular(path), "rb") if is_gzip(path) else regular(path).open("rb") as file:
            return bytes(file.read(size))
    except (OSError, EOFError, zlib.error) as error:
        raise not_decodable(path, error, "NIfTI") from error


def blocks(file: Any, length: int) -> Iterator[bytes]:
    """Yield exactly `length` bytes block by block, so that no memory is taken before the bytes exist.

    Raises:
        EOFError: the file ends early.
    """
    while length > 0:
        block = file.read(min(length, _BLOCK))
        if not block:
            raise EOFError("the file ends early")
        length -= len(block)
        yield block


@contextmanager
def create(path: Path) -> Iterator[Any]:
    """Open a file for writing, gzipped by suffix; without name and time, so that equal values give equal bytes."""
    with path.open("wb") as file:
        if not path.name.lower().endswith(".gz"):
            yield file
            return
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            yield packed


def _split_colours(array: NDArray[np.void]) -> NDArray[np.uint8]:
    """Convert (I, J, K, T, C) of RGB records to (I, J, K, T, C * 3) of uint8, the colour fastest."""
    names = array.dtype.names or ()
    parts = np.stack([array[name] for name in names], axis=-1)
    return parts.reshape(*array.shape[:4], array.shape[4] * len(names))
