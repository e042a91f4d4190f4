"""Chunks: pieces of a scan that each decode alone.

Letters: C channel, T time, I J K voxel axes, N pictures of a chunk: frames of one slice, or slices of a still scan.
Chunks are numbered slice by slice, within a slice in time order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from vesalius.codec.options import Access

FRAME_GROUP = 4
"""Frames per chunk under `--access frame` where the coder uses time."""
GROUPED_VALUES = 1 << 24
"""A chunk of several frames holds at most this many values, so that coding it takes little memory."""
STACK = 32
"""Most slices of a still scan in one chunk, where the coder uses what slices share."""
STACKED_VALUES, WHOLE_VALUES = 1 << 21, 1 << 18
"""Most values in such a chunk; a still scan of at most WHOLE_VALUES is one chunk."""
MAX_CHUNK_VALUES = 1 << 26
"""No chunk holds more values than this; a reader refuses it before it takes memory."""
MAX_CHUNKS = 1 << 18
"""No tier has more chunks than this."""


@dataclass(frozen=True)
class Chunk:
    """One chunk: the frames [t_start, t_stop) of `depth` slices from k on, all channels."""

    number: int
    k: int
    t_start: int
    t_stop: int
    depth: int = 1

    @property
    def t(self) -> slice:
        return slice(self.t_start, self.t_stop)

    @property
    def slices(self) -> slice:
        return slice(self.k, self.k + self.depth)

    @property
    def name(self) -> str:
        """Name in error messages."""
        if self.depth == 1:
            return f"chunk {self.number} (slice {self.k})"
        return f"chunk {self.number} (slices {self.k} to {self.k + self.depth - 1})"

    def pictures(self, array_CTIJK: NDArray[Any]) -> NDArray[Any]:
        """Return the voxels of the chunk as pictures, (C, N, I, J)."""
        c, t, i, j, k = array_CTIJK.shape
        return array_CTIJK.transpose(0, 1, 4, 2, 3).reshape(c, t * k, i, j)

    def voxels(self, array_CNIJ: NDArray[Any]) -> NDArray[Any]:
        """Invert `pictures`."""
        c, n, i, j = array_CNIJ.shape
        return array_CNIJ.reshape(c, n // self.depth, self.depth, i, j).transpose(0, 1, 3, 4, 2)


@dataclass(frozen=True)
class Chunking:
    """The chunks of a scan.

    Example:
        >>> chunking = Chunking((1, 5, 64, 64, 2), frames_per_chunk=4)
        >>> [chunk.name for chunk in chunking.covering(slice(0, 1), slice(1, 2))]
        ['chunk 2 (slice 1)']

    Args:
        shape: (C, T, I, J, K).
        frames_per_chunk: frames in a chunk; the last one of a slice may have fewer.
        slices_per_chunk: slices in a chunk, more than one only where there is one frame; the last one may have fewer.
    """

    shape: tuple[int, int, int, int, int]
    frames_per_chunk: int
    slices_per_chunk: int = 1

    @classmethod
    def of(
        cls, shape: tuple[int, int, int, int, int], access: Access, *, temporal: bool, stacked: bool = False
    ) -> Chunking:
        """Keep all frames of a slice together ("slice"), or code frames alone or in small groups ("frame").

        A slice whose frames are too many for one chunk (GROUPED_VALUES) is cut into chunks of nearly equal length.
        With `stacked`, "slice" puts up to STACK slices of a still scan into a chunk, or all of a small one, and no
        group of pictures takes more than STACKED_VALUES.
        """
        c, frames, i, j, slices = shape
        most = max(1, (STACKED_VALUES if stacked else GROUPED_VALUES) // (c * i * j))
        if access == "frame":
            return cls(shape, min(frames, most, FRAME_GROUP if temporal else 1))
        if not stacked or frames > 1:
            return cls(shape, _even(frames, most))
        return cls(shape, 1, slices if c * i * j * slices <= WHOLE_VALUES else _even(slices, min(most, STACK)))

    @property
    def groups(self) -> int:
        """Chunks per slice."""
        return -(-self.shape[1] // self.frames_per_chunk)

    @property
    def chunk_values(self) -> int:
        """Values of the largest chunk."""
        c, frames, i, j, _ = self.shape
        return c * i * j * min(frames, self.frames_per_chunk) * min(self.shape[4], self.slices_per_chunk)

    def __len__(self) -> int:
        return self.groups * -(-self.shape[4] // self.slices_per_chunk)

    def __getitem__(self, number: int) -> Chunk:
        if not 0 <= number < len(self):
            raise IndexError(number)
        stack, group = divmod(number, self.groups)
        start, k = group * self.frames_per_chunk, stack * self.slices_per_chunk
        stop = min(start + self.frames_per_chunk, self.shape[1])
        return Chunk(number, k, start, stop, min(self.slices_per_chunk, self.shape[4] - k))

    def __iter__(self) -> Iterator[Chunk]:
        return (self[number] for number in range(len(self)))

    def covering(self, t: slice, k: slice) -> list[Chunk]:
        """Return the chunks that hold frames `t` of slices `k`."""
        frames = range(self.shape[1])[t]
        groups = sorted({frame // self.frames_per_chunk for frame in frames})
        stacks = dict.fromkeys(slice_k // self.slices_per_chunk for slice_k in range(self.shape[4])[k])
        return [self[stack * self.groups + group] for stack in stacks for group in groups]


def _even(count: int, most: int) -> int:
    """Return the size of nearly equal groups, none above `most`."""
    return -(-count // -(-count // most))
