"""From the frames of a stack to slices and times: (t, k) -> (instance, frame).

Slices are sorted by position along the normal, never by instance number or file name. Frames at one position are
sorted by the best statement on time that tells them apart at every position. Where positions have different numbers
of frames, or frames cannot be told apart, all frames become slices (T = 1): nothing is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.scan.dicom.frames import FrameFacts
from vesalius.scan.dicom.header import InstanceFacts
from vesalius.scan.dicom.positions import StackFrame, by_number, by_orientation, by_position, frames_of
from vesalius.scan.dicom.values import finite
from vesalius.scan.scan import TMeaning
from vesalius.scan.stack import SliceStack
from vesalius.wording import some


@dataclass(frozen=True)
class Arrangement:
    """How the frames of a stack lie in time and space.

    Args:
        frames_TK: the frames, T rows of K.
        stack: geometry of the K slices, or None where none is stated.
        frame_ms: start of each frame, or None.
        t_meaning: what the T axis is.
        problems: one sentence each.
    """

    frames_TK: list[list[StackFrame]]
    stack: SliceStack | None
    frame_ms: tuple[float, ...] | None
    t_meaning: TMeaning
    problems: tuple[str, ...]

    def order(self) -> NDArray[np.int64]:
        """Instance and frame of each (t, k), shape (T, K, 2)."""
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


# Frames without a place


def _without_places(frames: list[StackFrame]) -> Arrangement:
    reason = next(frame.facts.no_place for frame in frames if frame.facts.place is None)
    problems = [f"no geometry: {reason}"]
    if len({frame.instance for frame in frames}) > 1:
        ordered = sorted(frames, key=by_number)
        if len(ordered) > 1:
            problems.append("without positions the pictures are kept in the order of their instance numbers")
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
    """Frames of several orientations: one orientation after the other, each sorted along its own normal."""
    positions = [position for group in by_orientation(frames) for position in by_position(group)]
    return [frame for position in positions for frame in sorted(position, key=_any_time)]


def _in_time(positions: list[list[StackFrame]]) -> Arrangement:
    """Positions of equal length become T x K if the frames of each can be told apart, else T = 1."""
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
    """What else than time changes within a position."""
    names = ["component", "echo_ms", "diffusion"]
    names += dict.fromkeys(name for position in positions for frame in position for name, _ in frame.facts.settings)
    if all(_states_time(frame) for position in positions for frame in position):
        names = [name for name in names if name != "repetition times"]  # of a gated scan they follow the heart
    return tuple(name for name in names if any(len({_fact(frame, name) for frame in row}) > 1 for row in positions))


def _fact(frame: StackFrame, name: str) -> Any:
    """A fact of a frame by the name of its field, or one of its settings in a form that sorts also where it lacks."""
    if name in _FIELDS:
        return getattr(frame.facts, name)
    stated = dict(frame.facts.settings).get(name)
    if stated is None:
        return (0, 0.0, "")
    numeric = finite([stated])
    return (1, *numeric, "") if numeric else (2, 0.0, stated)


def _states_time(frame: StackFrame) -> bool:
    facts = frame.facts
    return (facts.temporal_index, facts.trigger_ms, facts.reference_ms) != (None, None, None)


_Key = Callable[[StackFrame], tuple[Any, ...]]
_FIELDS = frozenset(field.name for field in fields(FrameFacts))
_WORDS = {"component": "image types", "echo_ms": "echo times", "diffusion": "diffusion weightings"}
_BY_CLOCK = "the acquisition time"
_ALIGNED = frozenset({"the echo times", "the temporal position"})
"""Keys whose values must be the same at every position."""

_WEAK = frozenset({"the dimension index", "the acquisition number", "the content time", "the instance number"})
"""Keys that order frames without saying that they are times."""
_UNEVEN = 1.5
"""Steps of the clock that differ by this factor may be phases of an examination rather than a series in time."""


def _orders(varying: tuple[str, ...]) -> Iterator[tuple[str, _Key]]:
    """Sort keys from the most to the least telling: (name, key)."""
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
    """Each position sorted, or None where the key is missing or does not tell the frames apart."""
    columns = []
    for position in positions:
        keys = [key(frame) for frame in position]
        if any(None in one for one in keys) or len(set(keys)) < len(keys):
            return None
        columns.append(sorted(position, key=key))
    return columns


def _is_aligned(frames_TK: list[list[StackFrame]], key: _Key) -> bool:
    return all(len({key(frame) for frame in row}) == 1 for row in frames_TK)


def _regular(frames_TK: list[list[StackFrame]], name: str, varying: tuple[str, ...]) -> Arrangement:
    problems = []
    if name in _WEAK:
        problems.append(f"the order of the frames in time rests on {name}")
    meaning = _meaning(name, varying)
    if varying and meaning == "unknown":
        problems.append(f"the T axis mixes {_in_words(varying)}, and perhaps time")
    if meaning == "diffusion" and not _is_aligned(frames_TK, lambda frame: (frame.facts.diffusion,)):
        problems.append("the diffusion weighting differs between slices of one frame")
    if meaning == "time" and any(_is_weighted(frame) for row in frames_TK for frame in row):
        meaning = "unknown"
        problems.append("the pictures are diffusion-weighted or maps of diffusion; what changes along T is not stated")
    frame_ms = None
    if meaning == "time":
        frame_ms, reason = _frame_times(frames_TK)
        problems += [reason] if reason else []
        if name == _BY_CLOCK and frame_ms is not None and _is_uneven(frame_ms):
            problems.append(
                "that T is time rests on the clock of the acquisition, whose steps are uneven: perhaps phases"
            )
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
    """Start of each frame: the median over the slices, if every slice is within half a frame of it."""
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
            return None, f"frame times differ between slices by up to {spread:.0f} ms, so none is given"
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
            f"{odd} of {len(positions)} positions have {sizes} frame(s) and the others {usual}:"
            f" number {where}, counted from 0; all frames are kept as slices"
        )
    doubles = sum(len(position) - len({_any_time(frame)[:-2] for frame in position}) for position in positions)
    if doubles:
        problems.append(f"{doubles} duplicate frame(s): same position and same time")
    return Arrangement([rows], _stack(rows), None, "unknown", tuple(problems))


# Small parts


def _stack(frames: list[StackFrame]) -> SliceStack | None:
    """The geometry of these slices, or None where one has no place."""
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
    """A key that orders any frames, missing values first; the last two only break ties."""
    facts = frame.facts
    stated = (
        facts.component,
        facts.echo_ms,
        facts.temporal_index,
        facts.trigger_ms,
        facts.reference_ms,
        facts.acquired_ms,
        facts.acquisition,
        facts.diffusion,
        facts.settings,
        facts.content_ms,
    )
    number = -1 if frame.number is None else frame.number
    return (*((one is not None, one) for one in stated), number, frame.index)
