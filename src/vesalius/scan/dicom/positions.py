"""Frames of a stack by orientation and by position along the normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.scan.dicom.frames import FrameFacts, Place, Vector
from vesalius.scan.dicom.header import InstanceFacts
from vesalius.scan.stack import GAP_TOLERANCE_MM, PARALLEL_COSINE


@dataclass(frozen=True)
class StackFrame:
    """One frame of a stack: where it is stored and what is stated about it.

    Args:
        instance: number of its instance.
        index: number of the frame in the file.
        number: InstanceNumber.
        uid: SOPInstanceUID.
        facts: what is stated.
    """

    instance: int
    index: int
    number: int | None
    uid: str
    facts: FrameFacts


def frames_of(instances: Sequence[InstanceFacts]) -> list[StackFrame]:
    """All frames of the instances."""
    return [
        StackFrame(n, index, instance.number, instance.uid, facts)
        for n, instance in enumerate(instances)
        for index, facts in zip(instance.indices(), instance.frames, strict=True)
    ]


def by_orientation(frames: Sequence[StackFrame]) -> list[list[StackFrame]]:
    """Frames that share directions and pixel spacing (within rounding), sorted by their normals."""
    groups: list[list[StackFrame]] = []
    known: dict[tuple[Vector, Vector], list[StackFrame]] = {}
    for frame in sorted(frames, key=by_number):
        place = place_of(frame)
        steps = (place.step_i, place.step_j)
        if steps not in known:
            group = next((group for group in groups if _same_directions(place_of(group[0]), place)), None)
            if group is None:
                group = []
                groups.append(group)
            known[steps] = group
        known[steps].append(frame)
    return sorted(groups, key=lambda group: np.round(normal_of(place_of(group[0])), 3).tolist())


def by_position(frames: Sequence[StackFrame]) -> list[list[StackFrame]]:
    """Frames of parallel slices, grouped by position and sorted along the normal."""
    normal = normal_of(place_of(frames[0]))
    origins = np.array([place_of(frame).origin for frame in frames])
    heights = origins @ normal
    by_height = np.argsort(heights, kind="stable")
    positions: list[list[int]] = []
    level_start = 0
    for n, index in enumerate(by_height.tolist()):
        if n == 0 or heights[index] - heights[by_height[n - 1]] > GAP_TOLERANCE_MM:
            level_start = len(positions)
        for position in positions[level_start:]:
            if np.linalg.norm(origins[index] - origins[position[0]]) <= GAP_TOLERANCE_MM:
                position.append(index)
                break
        else:
            positions.append([index])
    return [[frames[index] for index in position] for position in positions]


def by_number(frame: StackFrame) -> tuple[Any, ...]:
    """A key that sorts by instance number."""
    return (frame.number is None, frame.number or 0, frame.uid, frame.index, frame.instance)


def place_of(frame: StackFrame) -> Place:
    """The place of a frame that has one."""
    place = frame.facts.place
    assert place is not None  # stacks hold either frames with a place or frames without
    return place


def normal_of(place: Place) -> NDArray[np.float64]:
    """The unit normal, i x j."""
    normal = np.cross(place.step_i, place.step_j)
    return normal / np.linalg.norm(normal)


def _same_directions(first: Place, second: Place) -> bool:
    for a, b in ((first.step_i, second.step_i), (first.step_j, second.step_j)):
        if np.dot(a, b) < PARALLEL_COSINE * np.linalg.norm(a) * np.linalg.norm(b):
            return False
        if not np.isclose(np.linalg.norm(a), np.linalg.norm(b), rtol=1e-3):
            return False
    return True
