"""Boxes of a volume for VoCo: a grid of base crops, random crops, and how much of one lies in the others.

VoCo (arXiv 2402.17300) takes the overlap in the plane of I and J of a grid of n x n x 1 boxes; here the grid may have
any counts and the overlap is that of the whole box. Where the grid tiles the region in which the crops lie, the shares
of each crop sum to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError

Box = tuple[slice, ...]
"""First and last + 1 voxel along each axis after the channel: x[(slice(None), *box)] is the crop."""


def grid_boxes(shape: Sequence[int], counts: Sequence[int], size: Sequence[int]) -> list[Box]:
    """counts[0] x counts[1] x ... neighbouring boxes in the middle of a shape, the last axis fastest.

    Raises:
        UsageError: they do not fit.
    """
    _check(shape, [count * step for count, step in zip(counts, size, strict=True)])
    firsts = [(room - count * step) // 2 for room, count, step in zip(shape, counts, size, strict=True)]
    return [
        _box([first + n * step for first, n, step in zip(firsts, number, size, strict=True)], size)
        for number in np.ndindex(*counts)
    ]


def region(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all."""
    axes = range(len(boxes[0]))
    return tuple(slice(min(box[n].start for box in boxes), max(box[n].stop for box in boxes)) for n in axes)


def random_box(generator: np.random.Generator, inside: Box, size: Sequence[int]) -> Box:
    """A box of a size anywhere in another.

    Raises:
        UsageError: it does not fit.
    """
    rooms = [span.stop - span.start for span in inside]
    _check(rooms, size)
    firsts = [
        span.start + int(generator.integers(room - step + 1))
        for span, room, step in zip(inside, rooms, size, strict=True)
    ]
    return _box(firsts, size)


def neighbour_boxes(
    generator: np.random.Generator, shape: Sequence[int], size: Sequence[int], overlap: float = 0.25
) -> list[Box]:
    """A main box and one on either side along the first two axes, each sharing `overlap` of its voxels with it.

    The main box is drawn so that all lie inside. UME's variant.

    Args:
        generator: for the place of the main box.
        shape: of the volume after the channel.
        size: of each box.
        overlap: share of the voxels, rounded to whole planes; above 0, below 1.

    Raises:
        UsageError: they do not fit.
    """
    steps = [step - round(overlap * step) for step in size[:2]]
    reach = [2 * step for step in steps] + [0] * (len(size) - 2)
    hull = random_box(
        generator,
        tuple(slice(0, room) for room in shape),
        [step + more for step, more in zip(size, reach, strict=True)],
    )
    main = [span.start + more // 2 for span, more in zip(hull, reach, strict=True)]
    found = [_box(main, size)]
    for axis, step in enumerate(steps):
        beside = ([first + move * (n == axis) for n, first in enumerate(main)] for move in (-step, step))
        found += [_box(firsts, size) for firsts in beside]
    return found


def overlap_shares(box: Box, others: Sequence[Box]) -> NDArray[np.float64]:
    """Share of the voxels of `box` that lie in each of the others."""
    shares = [
        math.prod(_common(one, other) / (one.stop - one.start) for one, other in zip(box, each, strict=True))
        for each in others
    ]
    return np.array(shares)


def _common(one: slice, other: slice) -> int:
    return max(0, min(one.stop, other.stop) - max(one.start, other.start))


def _box(firsts: Sequence[int], size: Sequence[int]) -> Box:
    return tuple(slice(first, first + step) for first, step in zip(firsts, size, strict=True))


def _check(shape: Sequence[int], size: Sequence[int]) -> None:
    if any(step > room for step, room in zip(size, shape, strict=True)):
        raise UsageError(f"boxes over {tuple(size)} do not fit into {tuple(shape)}", fix="pad the volume first")
