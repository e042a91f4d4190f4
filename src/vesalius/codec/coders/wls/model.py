"""Side information of a chunk, ahead of its first pixel: neighbours, weights, the map of classes, the mask.

Letters: J rows, I columns (of pixels or of blocks), K classes, W weights.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.codec.coders import parts
from vesalius.codec.coders.wls import frozen, rice
from vesalius.errors import CorruptFileError

_HEAD = struct.Struct("<BBBBBBBHQ")
LEVELS = 3
"""Sets of weights: for the first picture, the second, and all others."""
MOST_CLASSES = 32
_MASKED, _CLASSED = 1, 2
_RAW = -15
"""Window bits of a deflate stream without head and checksum."""
_SAME = tuple(frozen.NOW.index((0, -n)) for n in range(1, 5))
"""Places in NOW of the neighbours in the same row: W, WW, WWW."""


@dataclass(frozen=True, eq=False)
class Model:
    """The predictors of a chunk.

    Args:
        neighbours: how many of frozen.NOW, of frozen.BEFORE, and of frozen.BEFORE two pictures back.
        shift: fraction bits of the weights.
        block_log2: the side of a block is 2**block_log2 pixels.
        top: largest value of the pictures.
        classes_JI: class of each block, uint8.
        weights: for each level that the pictures need, int16 (K, W); K is 1 or the number of classes.
        mask_JI: pixels that are 0 in every picture; None where there are none.
    """

    neighbours: tuple[int, int, int]
    shift: int
    block_log2: int
    top: int
    classes_JI: NDArray[np.uint8]
    weights: tuple[NDArray[np.int16], ...]
    mask_JI: NDArray[np.bool_] | None

    @property
    def classes(self) -> int:
        """Number of classes."""
        return max(len(weights) for weights in self.weights)

    def pack(self, state: int, words: NDArray[np.uint32]) -> bytes:
        """Return the model, then the words of the pixels."""
        flags = _MASKED * (self.mask_JI is not None)
        flags |= sum(_CLASSED << level for level, weights in enumerate(self.weights) if len(weights) > 1)
        head = _HEAD.pack(*self.neighbours, self.shift, self.block_log2, self.classes, flags, self.top, state)
        numbers = np.concatenate([_steps(weights).ravel() for weights in self.weights])
        plane = b"" if self.mask_JI is None else _deflate(np.packbits(self.mask_JI).tobytes())
        classes = b"" if self.classes == 1 else _deflate(self.classes_JI.tobytes())
        side = parts.join([rice.write(numbers.tolist()), classes, plane])
        return head + side + words.astype("<u4").tobytes()


def unpack(data: bytes, shape_NJI: tuple[int, int, int]) -> tuple[Model, int, NDArray[np.uint32]]:
    """Read a model, the first state and the words, without making anything larger than the pictures.

    Raises:
        CorruptFileError: not such bytes.
    """
    if len(data) < _HEAD.size:
        raise CorruptFileError("a chunk ends early")
    *counts, shift, block_log2, classes, flags, top, state = _HEAD.unpack_from(data)
    now, one, two = counts
    known = now <= len(frozen.NOW) and max(one, two) <= len(frozen.BEFORE) and 1 <= classes <= MOST_CLASSES
    if not (known and now > 0 and 7 <= shift <= 14 and 3 <= block_log2 <= 12 and 1 << 31 <= state < 1 << 63):
        raise CorruptFileError("a chunk has an impossible head")
    if flags >> (LEVELS + 1) or (classes == 1) != (flags < _CLASSED):
        raise CorruptFileError("a chunk has unknown flags")
    side, place = [], _HEAD.size
    for _ in range(3):
        length, place = parts.read_leb128(data, place)
        side.append(data[place : place + length])
        place += length
    if place > len(data) or (len(data) - place) % 4:
        raise CorruptFileError("a chunk ends early")
    weights = _read_weights(
        side[0], (now, one, two), [classes if flags & _CLASSED << n else 1 for n in range(min(shape_NJI[0], LEVELS))]
    )
    blocks = block_shape(shape_NJI[1:], block_log2)
    classes_JI = np.zeros(blocks, np.uint8)
    if classes > 1:
        plane = parts.inflate(side[1], classes_JI.size, "the classes of a chunk", wbits=_RAW)
        classes_JI = np.frombuffer(plane, np.uint8).reshape(blocks)
        if int(classes_JI.max()) >= classes:
            raise CorruptFileError("a chunk names a class that it lacks")
    mask_JI = None
    if flags & _MASKED:
        size = shape_NJI[1] * shape_NJI[2]
        plane = parts.inflate(side[2], -(-size // 8), "the mask of a chunk", wbits=_RAW)
        mask_JI = np.unpackbits(np.frombuffer(plane, np.uint8), count=size).reshape(shape_NJI[1:]).astype(bool)
    model = Model((now, one, two), shift, block_log2, top, classes_JI, weights, mask_JI)
    return model, state, np.frombuffer(data, "<u4", offset=place)


def block_shape(shape_JI: tuple[int, ...], block_log2: int) -> tuple[int, int]:
    """Rows and columns of blocks."""
    rows, columns = (-(-side >> block_log2) if side else 0 for side in shape_JI)
    return rows, columns


def taps_of(neighbours: tuple[int, int, int], level: int) -> list[tuple[int, int, int]]:
    """Return (pictures back, rows, columns) of the neighbours of a level, in the order of its weights."""
    sets = (frozen.NOW, frozen.BEFORE, frozen.BEFORE)
    return [(lag, *place) for lag in range(level + 1) for place in sets[lag][: neighbours[lag]]]


def kernel_arguments(model: Model) -> tuple[Any, ...]:
    """Return the arguments from `levels` to `counts` of the kernels."""
    ordered = [_for_kernel(model, level) for level in range(len(model.weights))]
    most = max(len(taps) for taps, _ in ordered)
    taps = np.zeros((LEVELS, most, 3), np.int64)
    taps[..., 1] = -1
    weights = np.zeros((LEVELS, model.classes, 4 + most), np.int32)
    levels, n_taps = np.zeros(LEVELS, np.uint8), np.zeros(LEVELS, np.int64)
    classes = np.zeros((LEVELS, *model.classes_JI.shape), np.uint8)
    for level, (places, columns) in enumerate(ordered):
        taps[level, : len(places)] = places
        n_taps[level] = len(places)
        weights[level, :, : columns.shape[1]] = columns
        if len(model.weights[level]) > 1:
            levels[level] = 1
            classes[level] = model.classes_JI
    return levels, taps, n_taps, weights, classes


def _for_kernel(model: Model, level: int) -> tuple[list[tuple[int, int, int]], NDArray[Any]]:
    """Neighbours known before the row (filled up to fours), and weights: three of the same row, then theirs."""
    taps = taps_of(model.neighbours, level)
    same = [n for n in _SAME if n < model.neighbours[0]]
    others = [n for n in range(len(taps)) if n not in same]
    fill = -len(others) % 4
    columns = np.zeros((len(model.weights[level]), 4 + len(others) + fill), np.int32)
    columns[:, : len(same)] = model.weights[level][:, same]
    columns[:, 4 : 4 + len(others)] = model.weights[level][:, others]
    return [taps[n] for n in others] + [(0, -1, 0)] * fill, columns


def _steps(weights_KW: NDArray[np.int16]) -> NDArray[np.int32]:
    """Return the weights of class 0, then the difference of each class from it."""
    wide = weights_KW.astype(np.int32)
    wide[1:] -= wide[:1].copy()
    return wide


def _read_weights(data: bytes, neighbours: tuple[int, int, int], classes: list[int]) -> tuple[NDArray[np.int16], ...]:
    sizes = [(count, len(taps_of(neighbours, level))) for level, count in enumerate(classes)]
    numbers = np.array(rice.read(data, sum(k * w for k, w in sizes)), np.int64)
    made, place = [], 0
    for k, w in sizes:
        steps = numbers[place : place + k * w].reshape(k, w)
        steps[1:] += steps[:1].copy()
        place += k * w
        made.append(steps)
    if any(int(np.abs(steps).max()) > 32767 for steps in made):
        raise CorruptFileError("a chunk has impossible weights")
    return tuple(steps.astype(np.int16) for steps in made)


def _deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, wbits=_RAW)
    return stream.compress(data) + stream.flush()
