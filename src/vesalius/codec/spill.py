"""Room for a decoded scan: an array, or beyond a size a temporary file of which little is in memory at a time.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import CorruptFileError
from vesalius.scan.pixels import ALL, ArrayPixels, Pixels

IN_MEMORY_BYTES = 1 << 26
"""A decoded scan above this size is kept in a temporary file."""
Shape = tuple[int, int, int, int, int]


class Room(Protocol):
    """Voxels that are written piece by piece, then read."""

    def put(self, t: slice, k: slice, values_CTIJK: NDArray[Any] | Any) -> None:
        """Set frames `t` of slices `k`."""
        ...

    @property
    def pixels(self) -> Pixels:
        """What was put."""
        ...


def room_for(shape: Shape, dtype: np.dtype[Any], source: Path) -> Room:
    """Room for a scan.

    Args:
        shape: (C, T, I, J, K).
        dtype: stored dtype.
        source: the file to name in an error.

    Raises:
        CorruptFileError: the disk has no room for the temporary file.
    """
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size <= IN_MEMORY_BYTES:
        return _Memory(np.empty(shape, dtype))
    needs = CorruptFileError(f"needs {size} bytes of temporary space", where=source, fix="set TMPDIR to a larger disk")
    if size > shutil.disk_usage(tempfile.gettempdir()).free:
        raise needs
    try:
        spill = tempfile.TemporaryFile(prefix="vesalius-", suffix=".raw")  # noqa: SIM115 - lives as long as its pixels
        spill.truncate(size)
    except (OSError, ValueError, OverflowError) as error:
        raise needs from error
    made = _File(spill, shape, dtype)
    weakref.finalize(made, spill.close)
    return made


@dataclass(frozen=True, eq=False)
class _Memory:
    array_CTIJK: NDArray[Any]

    def put(self, t: slice, k: slice, values_CTIJK: NDArray[Any] | Any) -> None:
        self.array_CTIJK[:, t, :, :, k] = values_CTIJK

    @property
    def pixels(self) -> Pixels:
        return ArrayPixels(self.array_CTIJK)


@dataclass(frozen=True, eq=False)
class _File:
    """Slice after slice, each frame by frame: (C, T, K, I, J). Every access maps anew, so that memory is given back."""

    spill: IO[bytes]
    shape: Shape
    dtype: np.dtype[Any]

    direct = True

    def put(self, t: slice, k: slice, values_CTIJK: NDArray[Any] | Any) -> None:
        self._mapped("r+")[:, t, :, :, k] = values_CTIJK

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        """Frames `t` and slices `k`, (C, t, I, J, k)."""
        return self._mapped("r")[:, t, :, :, k]

    @property
    def pixels(self) -> Pixels:
        return self

    def _mapped(self, mode: Any) -> NDArray[Any]:
        c, t, i, j, k = self.shape
        whole: NDArray[Any] = np.memmap(self.spill, self.dtype, mode, 0, (c, t, k, i, j))
        return whole.transpose(0, 1, 3, 4, 2)
