"""How the voxels of a scan are cut into chunks that each decode alone.

Letters: C channel, T time, I J K voxel axes. Chunks are numbered slice by slice, within a slice in time order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Access = Literal["slice", "frame"]
FRAME_GROUP = 4
"""Frames per chunk under `--access frame` where the coder uses time."""
GROUPED_VALUES = 1 << 24
"""A chunk of several frames holds at most this many values, so that coding it takes little memory."""
MAX_CHUNK_VALUES = 1 << 26
"""No chunk holds more values than this; a reader refuses it before it takes memory."""
MAX_CHUNKS = 1 << 18
"""No tier has more chunks than this."""


@dataclass(frozen=True)
class Chunk:
    """One chunk: the frames [t_start, t_stop) of slice k, all channels."""

    number: int
    k: int
    t_start: int
    t_stop: int

    @property
    def t(self) -> slice:
        """Its frames."""
        return slice(self.t_start, self.t_stop)

    @property
    def slices(self) -> slice:
        """Its slice, as a slice object."""
        return slice(self.k, self.k + 1)


@dataclass(frozen=True)
class Layout:
    """The chunks of a scan.

    Args:
        shape: (C, T, I, J, K).
        frames_per_chunk: frames in a chunk; the last one of a slice may have fewer.
    """

    shape: tuple[int, int, int, int, int]
    frames_per_chunk: int

    @classmethod
    def of(cls, shape: tuple[int, int, int, int, int], access: Access, *, temporal: bool) -> Layout:
        """All frames of a slice together ("slice"), or frames alone or in small groups ("frame").

        A slice whose frames are too many for one chunk (GROUPED_VALUES) is cut into chunks of nearly equal length.
        """
        c, frames, i, j, _ = shape
        most = max(1, GROUPED_VALUES // (c * i * j))
        if access == "frame":
            return cls(shape, min(frames, most, FRAME_GROUP if temporal else 1))
        return cls(shape, -(-frames // -(-frames // most)))

    @property
    def groups(self) -> int:
        """Chunks per slice."""
        return -(-self.shape[1] // self.frames_per_chunk)

    @property
    def chunk_values(self) -> int:
        """Values of the largest chunk."""
        c, frames, i, j, _ = self.shape
        return c * i * j * min(frames, self.frames_per_chunk)

    def __len__(self) -> int:
        return self.groups * self.shape[4]

    def __getitem__(self, number: int) -> Chunk:
        if not 0 <= number < len(self):
            raise IndexError(number)
        k, group = divmod(number, self.groups)
        start = group * self.frames_per_chunk
        return Chunk(number, k, start, min(start + self.frames_per_chunk, self.shape[1]))

    def __iter__(self) -> Iterator[Chunk]:
        return (self[number] for number in range(len(self)))

    def covering(self, t: slice, k: slice) -> list[Chunk]:
        """The chunks that hold frames `t` of slices `k`."""
        frames = range(self.shape[1])[t]
        groups = sorted({frame // self.frames_per_chunk for frame in frames})
        return [self[slice_k * self.groups + group] for slice_k in range(self.shape[4])[k] for group in groups]
