"""Room for a decoded scan: an array, or for a large scan a temporary file of which little is in memory at a time.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import CorruptFileError
from vesalius.scan.pixels import ALL

IN_MEMORY_BYTES = 1 << 26
"""A decoded scan above this size is kept in a temporary file."""
Shape = tuple[int, int, int, int, int]


@dataclass(frozen=True, eq=False)
class Room:
    """Voxels (C, T, I, J, K) that are written piece by piece, then read: an array in memory, or a temporary file.

    A file holds them slice by slice and frame by frame, (C, T, K, I, J). Every access maps the file again, so that
    memory is given back.
    """

    shape: Shape
    dtype: np.dtype[Any]
    held: NDArray[Any] | IO[bytes]
    direct = True

    def put(self, t: slice, k: slice, values_CTIJK: NDArray[Any] | Any) -> None:
        """Set frames `t` of slices `k`."""
        self._voxels("r+")[:, t, :, :, k] = values_CTIJK

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        """Return frames `t` and slices `k`, (C, t, I, J, k)."""
        return self._voxels("r")[:, t, :, :, k]

    def _voxels(self, mode: Any) -> NDArray[Any]:
        if isinstance(self.held, np.ndarray):
            return self.held
        c, t, i, j, k = self.shape
        mapped: NDArray[Any] = np.memmap(self.held, self.dtype, mode, 0, (c, t, k, i, j))
        return mapped.transpose(0, 1, 3, 4, 2)


def room_for(shape: Shape, dtype: np.dtype[Any], source: Path) -> Room:
    """Make room for a scan of shape (C, T, I, J, K) and this stored dtype.

    Raises CorruptFileError, which names `source`, where the disk has no room for the temporary file.
    """
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if size <= IN_MEMORY_BYTES:
        return Room(shape, dtype, np.empty(shape, dtype))
    needs = CorruptFileError(f"needs {size} bytes of temporary space", where=source, fix="set TMPDIR to a larger disk")
    if size > shutil.disk_usage(tempfile.gettempdir()).free:
        raise needs
    try:
        spill = tempfile.TemporaryFile(prefix="vesalius-", suffix=".raw")  # noqa: SIM115 - lives as long as its pixels
        spill.truncate(size)
    except (OSError, ValueError, OverflowError) as error:
        raise needs from error
    room = Room(shape, dtype, spill)
    weakref.finalize(room, spill.close)
    return room
