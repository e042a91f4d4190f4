"""From the frames of a stack to slices and times: (t, k) -> (instance, frame).

Slices are sorted by position along the normal, never by instance number or file name. Frames at one position are
sorted by the best statement of time that distinguishes them at every position. Where positions have different numbers
of frames, or frames cannot be distinguished, all frames become slices (T = 1): nothing is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.scan.dicom.frames import FrameFacts, Place, Vector
from vesalius.scan.dicom.header import InstanceFacts
from vesalius.scan.dicom.values import finite
from vesalius.scan.scan import TMeaning
from vesalius.scan.stack import GAP_TOLERANCE_MM, PARALLEL_COSINE, SliceStack
from vesalius.wording import some


@dataclass(frozen=True)
class StackFrame:
    """One frame of a stack: the number of its instance, its number in that file, InstanceNumber and SOPInstanceUID."""

    instance: int
    index: int
    number: int | None
    uid: str
    facts: FrameFacts


@dataclass(frozen=True)
class Arrangement:
    """Arrangement of the frames of a stack in time and space.

    Args:
        frames_TK: the frames, T rows of K.
        stack: geometry of the K slices, or None where none is stated.
        frame_ms: start of each frame, or None.
        t_meaning: meaning of the T axis.
        problems: caveats, one sentence each.
    """

    frames_TK: list[list[StackFrame]]
    stack: SliceStack | None
    frame_ms: tuple[float, ...] | None
    t_meaning: TMeaning
    problems: tuple[str, ...]

    def order(self) -> NDArray[np.int64]:
        """Return instance and frame of each (t, k), shape (T, K, 2)."""
        return np.array([[(frame.instance, frame.index) for frame in row] for row in self.frames_TK], dtype=np.int64)


def arrange(instances: Sequence[InstanceFacts]) -> Arrangement:
    """Arrange all frames of the instances of one stack; either all of them have a place or none has."""
    frames = frames_of(instances)
    if any(frame.facts.place is None for frame in frames):
        return _without_places(frames)
    stack = _stack(frames)
    if stack is not None and not stack.is_parallel:
        rows = _by_orientation(frames)
        return Arrangement([rows], _stack(rows), None, "unknown", ())
    return _in_time(by_position(frames))


# Frames by orientation and position


def frames_of(instances: Sequence[InstanceFacts]) -> list[StackFrame]:
    """Return all frames of the instances."""
    return [
        StackFrame(n, index, instance.number, instance.uid, facts)
        for n, instance in enumerate(instances)
        for index, facts in zip(instance.indices(), instance.frames, strict=True)
    ]


def by_orientation(frames: Sequence[StackFrame]) -> list[list[StackFrame]]:
    """Group frames that share directions and pixel spacing (within rounding), sorted by their normals."""
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
    """Group frames of parallel slices by position, sorted along the normal."""
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
    """Return a key that sorts by instance number."""
    return (frame.number is None, frame.number or 0, frame.uid, frame.index, frame.instance)


def place_of(frame: StackFrame) -> Place:
    """Return the place of a frame that has one."""
    place = frame.facts.place
    assert place is not None  # stacks hold either frames with a place or frames without
    return place


def normal_of(place: Place) -> NDArray[np.float64]:
    """Return the unit normal, i x j."""
    normal = np.cross(place.step_i, place.step_j)
    return normal / np.linalg.norm(normal)


def _same_directions(first: Place, second: Place) -> bool:
    for a, b in ((first.step_i, second.step_i), (first.step_j, second.step_j)):
        if np.dot(a, b) < PARALLEL_COSINE * np.linalg.norm(a) * np.linalg.norm(b):
            return False
        if not np.isclose(np.linalg.norm(a), np.linalg.norm(b), rtol=1e-3):
            return False
    return True


# Frames without a place


def _without_places(frames: list[StackFrame]) -> Arrangement:
    reason = next(frame.facts.no_place for frame in frames if frame.facts.place is None)
    problems = [f"no geometry: {reason}"]
    if len({frame.instance for frame in frames}) > 1:
        ordered = sorted(frames, key=by_number)
        if len(ordered) > 1:
            problems.append("without positions the pictures are ordered by instance number")
        return Arrangement([ordered], None, None, "unknown", tuple(problems))
    if frames[0].facts.slice_index is not None:
        groups: dict[int, list[StackFrame]] = {}
        for frame in frames:
            groups.setdefault(frame.facts.slice_index or 0, []).append(frame)
        arranged = _in_time([groups[index] for index in sorted(groups)])
        return replace(arranged, problems=(*problems, *arranged.problems))
    starts = _plain_times([[frame] for frame in frames], "reference_ms")
    if len(frames) > 1 and starts is None:
        problems.append("what changes from frame to frame is not stated")
    meaning: TMeaning = "unknown" if starts is None else "time"
    return Arrangement([[frame] for frame in frames], None, starts, meaning, tuple(problems))


def _plain_times(frames_TK: list[list[StackFrame]], name: str) -> tuple[float, ...] | None:
    times = [getattr(row[0].facts, name) for row in frames_TK]
    return None if len(times) < 2 or None in times else tuple(times)


# Frames with a place


def _by_orientation(frames: list[StackFrame]) -> list[StackFrame]:
    positions = [position for group in by_orientation(frames) for position in by_position(group)]
    return [frame for position in positions for frame in sorted(position, key=_any_time)]


def _in_time(positions: list[list[StackFrame]]) -> Arrangement:
    """Arrange positions of equal length as T x K if their frames can be distinguished, else as T = 1."""
    count = len(positions[0])
    if any(len(position) != count for position in positions):
        return _irregular(positions)
    if count == 1:
        rows = [position[0] for position in positions]
        return Arrangement([rows], _stack(rows), None, "unknown", ())
    varying = _varying(positions)
    for name, key in _orders(varying):
        columns = _sorted_by(positions, key)
        if columns is None:
            continue
        frames_TK = [list(row) for row in zip(*columns, strict=True)]
        if name in _ALIGNED and not _is_aligned(frames_TK, key):
            continue
        return _regular(frames_TK, name, varying)
    return _irregular(positions)


def _varying(positions: list[list[StackFrame]]) -> tuple[str, ...]:
    """Return what besides time changes within a position."""
    names = ["component", "echo_ms", "diffusion"]
    names += dict.fromkeys(name for position in positions for frame in position for name, _ in frame.facts.settings)
    if all(states_time(frame) for position in positions for frame in position):
        names = [name for name in names if name != "repetition times"]  # in a gated scan they follow the heart
    return tuple(name for name in names if any(len({_fact(frame, name) for frame in row}) > 1 for row in positions))


def _fact(frame: StackFrame, name: str) -> Any:
    """Return a fact by the name of its field, or a setting in a form that can be sorted even where it is missing."""
    if name in _FIELDS:
        return getattr(frame.facts, name)
    stated = dict(frame.facts.settings).get(name)
    if stated is None:
        return (0, 0.0, "")
    numeric = finite([stated])
    return (1, *numeric, "") if numeric else (2, 0.0, stated)


def states_time(frame: StackFrame) -> bool:
    """True where a frame states a time other than a clock time."""
    facts = frame.facts
    return (facts.temporal_index, facts.trigger_ms, facts.reference_ms) != (None, None, None)


_Key = Callable[[StackFrame], tuple[Any, ...]]
_FIELDS = frozenset(field.name for field in fields(FrameFacts))
_WORDS = {"component": "image types", "echo_ms": "echo times", "diffusion": "diffusion weightings"}
_BY_CLOCK = "the acquisition time"
_ALIGNED = frozenset({"the echo times", "the temporal position"})
"""Keys whose values must be the same at every position."""

_WEAK = frozenset({"the dimension index", "the acquisition number", "the content time", "the instance number"})
"""Keys that give an order but no time."""
_TIE_ORDER = """
    component echo_ms temporal_index trigger_ms reference_ms acquired_ms acquisition diffusion settings content_ms
"""
"""Facts in the order in which they sort frames that no key distinguishes."""
_UNEVEN = 1.5
"""Clock steps that differ by this factor may be phases of an examination rather than a time series."""


def _orders(varying: tuple[str, ...]) -> Iterator[tuple[str, _Key]]:
    """Yield sort keys from the most to the least reliable: (name, key)."""
    labels = tuple(name for name in varying if name != "diffusion")

    def by(*names: str) -> _Key:
        return lambda frame: tuple(_fact(frame, name) for name in (*labels, *names))

    if labels and "diffusion" not in varying:
        yield f"the {_in_words(labels)}", by()
    yield "the temporal position", by("temporal_index")
    if "diffusion" not in varying:
        yield "the trigger time", by("trigger_ms")
    yield "the frame reference time", by("reference_ms")
    yield "the dimension index", by("dimensions")
    yield _BY_CLOCK, by("acquired_ms")
    yield "the acquisition number", by("acquisition")
    if "diffusion" in varying:
        yield "the diffusion weighting", by("diffusion")
    yield "the content time", by("content_ms")
    yield "the instance number", lambda frame: (frame.number, frame.index)


def _in_words(varying: tuple[str, ...]) -> str:
    return " and ".join(_WORDS.get(name, name) for name in varying)


def _sorted_by(positions: list[list[StackFrame]], key: _Key) -> list[list[StackFrame]] | None:
    """Sort each position; None where the key is missing or does not distinguish the frames."""
    columns = []
    for position in positions:
        keys = [key(frame) for frame in position]
        if any(None in parts for parts in keys) or len(set(keys)) < len(keys):
            return None
        columns.append(sorted(position, key=key))
    return columns


def _is_aligned(frames_TK: list[list[StackFrame]], key: _Key) -> bool:
    return all(len({key(frame) for frame in row}) == 1 for row in frames_TK)


def _regular(frames_TK: list[list[StackFrame]], name: str, varying: tuple[str, ...]) -> Arrangement:
    problems = []
    if name in _WEAK:
        problems.append(f"the frames are ordered in time by {name} only")
    meaning = _meaning(name, varying)
    if varying and meaning == "unknown":
        problems.append(f"the T axis mixes {_in_words(varying)} and perhaps time")
    if meaning == "diffusion" and not _is_aligned(frames_TK, lambda frame: (frame.facts.diffusion,)):
        problems.append("the diffusion weighting differs between slices of one frame")
    if meaning == "time" and any(_is_weighted(frame) for row in frames_TK for frame in row):
        meaning = "unknown"
        problems.append("the pictures are diffusion-weighted or diffusion maps; what changes along T is not stated")
    frame_ms = None
    if meaning == "time":
        frame_ms, reason = _frame_times(frames_TK)
        problems += [reason] if reason else []
        if name == _BY_CLOCK and frame_ms is not None and _is_uneven(frame_ms):
            problems.append("T is read as time by the acquisition clock only, whose steps are uneven: perhaps phases")
    return Arrangement(frames_TK, _stack(frames_TK[0]), frame_ms, meaning, tuple(problems))


def _is_weighted(frame: StackFrame) -> bool:
    return frame.facts.is_diffusion or (frame.facts.diffusion or (0.0,))[0] > 0


def _is_uneven(frame_ms: tuple[float, ...]) -> bool:
    steps = np.diff(frame_ms)
    return bool(steps.max() > _UNEVEN * steps.min())


def _meaning(name: str, varying: tuple[str, ...]) -> TMeaning:
    if varying == ("diffusion",):
        return "diffusion"
    if varying == ("echo_ms",) and name == f"the {_in_words(varying)}":
        return "echo"
    if varying or name in _WEAK:
        return "unknown"
    return "time"


def _frame_times(frames_TK: list[list[StackFrame]]) -> tuple[tuple[float, ...] | None, str]:
    """Return the start of each frame: the median over the slices, if each slice is within half a frame of it."""
    for name in ("trigger_ms", "reference_ms", "acquired_ms"):
        times = [[getattr(frame.facts, name) for frame in row] for row in frames_TK]
        if any(None in row for row in times):
            continue
        times_TK = np.array(times, dtype=np.float64)
        if name == "acquired_ms":
            times_TK = times_TK - times_TK[0]
        median_T = np.median(times_TK, axis=1)
        steps = np.diff(median_T)
        if (steps <= 0).any():
            continue
        spread = float(np.abs(times_TK - median_T[:, None]).max())
        if spread > np.median(steps) / 2:
            return None, f"frame times differ between slices by up to {spread:.0f} ms, so they are dropped"
        return tuple(median_T.tolist()), ""
    return None, "the time of the frames is not stated"


def _irregular(positions: list[list[StackFrame]]) -> Arrangement:
    rows = [frame for position in positions for frame in sorted(position, key=_any_time)]
    counts = Counter(map(len, positions))
    problems = []
    if len(counts) > 1 and max(counts) > 1:
        usual = counts.most_common(1)[0][0]
        odd = len(positions) - counts[usual]
        sizes = ", ".join(str(size) for size in sorted(counts) if size != usual)
        where = some([str(k) for k, position in enumerate(positions) if len(position) != usual])
        problems.append(
            f"{odd} of {len(positions)} positions have {sizes} frame(s), the others {usual}:"
            f" number {where}, counted from 0; all frames are kept as slices"
        )
    doubles = sum(len(position) - len({_any_time(frame)[:-2] for frame in position}) for position in positions)
    if doubles:
        problems.append(f"{doubles} duplicate frame(s): same position and same time")
    return Arrangement([rows], _stack(rows), None, "unknown", tuple(problems))


# Geometry and tie-breaking


def _stack(frames: list[StackFrame]) -> SliceStack | None:
    places = [frame.facts.place for frame in frames if frame.facts.place is not None]
    if len(places) < len(frames):
        return None
    thickness = {frame.facts.thickness_mm for frame in frames}
    return SliceStack(
        origins_K3=np.array([place.origin for place in places]),
        steps_i_K3=np.array([place.step_i for place in places]),
        steps_j_K3=np.array([place.step_j for place in places]),
        thickness_mm=thickness.pop() if len(thickness) == 1 else None,
    )


def _any_time(frame: StackFrame) -> tuple[Any, ...]:
    """Return a key that orders any frames, missing values first; its last two entries only break ties."""
    stated = [getattr(frame.facts, name) for name in _TIE_ORDER.split()]
    number = -1 if frame.number is None else frame.number
    return (*((fact is not None, fact) for fact in stated), number, frame.index)
