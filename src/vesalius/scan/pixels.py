"""Sources of the stored numbers of a scan: an array in memory, or a file read piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

ALL = slice(None)


class Pixels(Protocol):
    """Stored values of shape (C, T, I, J, K), read lazily.

    `read` returns the frames `t` and slices `k` as (C, t, I, J, k) in the stored dtype, byte order included. It raises
    InputError where a file is damaged, ends early, cannot be decoded, or holds more than its header promises.
    """

    @property
    def shape(self) -> tuple[int, int, int, int, int]: ...

    @property
    def dtype(self) -> np.dtype[Any]: ...

    @property
    def direct(self) -> bool:
        """True where reading one slice costs no more than its own bytes (an array, a memory map)."""
        ...

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]: ...


@dataclass(frozen=True, eq=False)
class ArrayPixels:
    """Pixels of an array (C, T, I, J, K); it may be a memory map."""

    array_CTIJK: NDArray[Any]
    direct = True

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        c, t, i, j, k = self.array_CTIJK.shape
        return c, t, i, j, k

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array_CTIJK.dtype

    def read(self, t: slice = ALL, k: slice = ALL) -> NDArray[Any]:
        return self.array_CTIJK[:, t, :, :, k]
