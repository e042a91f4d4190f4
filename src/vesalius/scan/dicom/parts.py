"""The parts of a DICOM stack that are separate scans: orientations, and the pictures of incomplete frames.

A series may hold a localizer among axial slices, or the three planes of a localizer or long-axis cine. Each
orientation is a part. Of a cine with a missing picture the complete frames are one part and the rest another:
nothing is dropped. Many pictures with a different orientation each (a rotating projection) stay together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vesalius.scan.dicom.header import InstanceFacts
from vesalius.scan.dicom.order import StackFrame, by_orientation, by_position, frames_of, normal_of, place_of
from vesalius.scan.reading import Orientation
from vesalius.wording import some

_MOST_SINGLES = 6
"""Most single pictures of different orientations in a localizer; more are a rotating projection."""
_FEWEST_FRAMES = 3
_LARGEST_SHARE = 0.1
"""Largest share of the pictures that may be missing."""
_PLANES: tuple[Orientation, ...] = ("sagittal", "coronal", "axial")
"""The plane whose normal lies nearest to each world axis."""
_EXACT, _NEAR = ("temporal_index", "diffusion", "echo_ms"), ("trigger_ms", "reference_ms")
"""Facts that identify a frame in every slice by an equal value, and by a similar one."""


@dataclass(frozen=True)
class StackPart:
    """A part of a stack.

    Args:
        instances: the instances, with the frames of the part only.
        plane: plane nearest to its slices, None where no place is stated or the planes differ.
        notes: what is missing or in another part, one sentence each.
    """

    instances: list[InstanceFacts]
    plane: Orientation | None = None
    notes: tuple[str, ...] = ()

    @property
    def pictures(self) -> int:
        """Number of frames."""
        return sum(len(instance.frames) for instance in self.instances)


def parts(instances: list[InstanceFacts], orientation: Orientation | None = None) -> list[StackPart]:
    """Return the parts of a stack, whose frames all have a place or none; one where there is nothing to separate.

    Where the user wants planes of an `orientation`, a rotating projection is separated too.
    """
    frames = frames_of(instances)
    if any(frame.facts.place is None for frame in frames):
        return [StackPart(instances)]
    groups = by_orientation(frames)
    if len(groups) == len(frames) > _MOST_SINGLES and orientation is None:
        return [StackPart(instances)]
    separated = []
    for group in groups:
        plane = _PLANES[int(np.argmax(np.abs(normal_of(place_of(group[0])))))]
        whole, left, missing = _complete(by_position(group))
        if left:
            lacking = f"{len(missing)} picture(s) missing ({some(missing)})"
            note = f"{lacking}: the {len(left)} others of these frames are a separate scan"
            separated.append(StackPart(_with(instances, whole), plane, (note,)))
            separated.append(StackPart(_with(instances, left), plane, (f"left over from a series with {lacking}",)))
        else:
            separated.append(StackPart(_with(instances, group), plane))
    return separated


def _with(instances: Sequence[InstanceFacts], frames: Sequence[StackFrame]) -> list[InstanceFacts]:
    wanted: dict[int, list[int]] = defaultdict(list)
    for frame in frames:
        wanted[frame.instance].append(frame.index)
    return [instances[n].part(wanted[n]) for n in sorted(wanted)]


def _complete(positions: list[list[StackFrame]]) -> tuple[list[StackFrame], list[StackFrame], list[str]]:
    """Return the frames that are present at every position, the pictures of the others, and names of what is missing.

    Nothing is left over where nothing is missing, or where no statement assigns the pictures to frames.
    """
    frames = [frame for position in positions for frame in position]
    count = max(map(len, positions))
    missing = count * len(positions) - len(frames)
    if count < _FEWEST_FRAMES or not 0 < missing <= max(1, _LARGEST_SHARE * len(frames)):
        return frames, [], []
    if len({frame.facts.component for frame in frames}) > 1:
        return frames, [], []
    for name in (*_EXACT, *_NEAR):
        numbered = _numbered(positions, name, count)
        if numbered is None:
            continue
        present = [set(position) for position in numbered]
        whole = set.intersection(*present)
        if len(whole) < 2:
            continue
        kept = [position[t] for position in numbered for t in position if t in whole]
        left = [position[t] for position in numbered for t in position if t not in whole]
        full = next(position for position in numbered if len(position) == count)
        lacking = [(t, k) for k, numbers in enumerate(present) for t in full if t not in numbers]
        return kept, left, [_missing(t, k, name, full[t]) for t, k in sorted(lacking)]
    return frames, [], []


def _missing(t: int, k: int, name: str, frame: StackFrame) -> str:
    at = f" at about {getattr(frame.facts, name):.0f} ms" if name in _NEAR else ""
    return f"frame {t} of slice {k}{at}"


def _numbered(positions: list[list[StackFrame]], name: str, count: int) -> list[dict[int, StackFrame]] | None:
    """Return each position as {frame number: picture} by one fact, or None where it does not distinguish them."""
    values = [[getattr(frame.facts, name) for frame in position] for position in positions]
    if any(None in row or len(set(row)) < len(row) for row in values):
        return None
    rows = [sorted(row) for row in values]
    full = [row for row in rows if len(row) == count]
    if name in _EXACT:
        numbers = {value: t for t, value in enumerate(full[0])}
        if not all(set(row) <= set(numbers) for row in rows):
            return None
        return [
            {numbers[value]: frame for value, frame in zip(row, position, strict=True)}
            for row, position in zip(values, positions, strict=True)
        ]
    middle = np.median(np.array(full, dtype=np.float64), axis=0)
    reach = float(np.diff(middle).min()) / 2
    numbered = []
    for row, position in zip(values, positions, strict=True):
        nearest = [int(np.argmin(np.abs(middle - value))) for value in row]
        apart = [abs(middle[t] - value) for t, value in zip(nearest, row, strict=True)]
        if len(set(nearest)) < len(nearest) or max(apart) >= reach:
            return None
        numbered.append(dict(zip(nearest, position, strict=True)))
    return numbered
