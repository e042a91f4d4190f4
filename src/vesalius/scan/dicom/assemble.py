"""One stack of DICOM instances as a Scan, with the intensity map of its frames.

A frame that states nothing while others do, or whose statement is unusable, has unknown real values. They stay NaN in
the map, which refuses to compute real values, unless the user assumes a slope and an intercept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.scan.dicom.header import InstanceFacts
from vesalius.scan.dicom.native import DicomNative
from vesalius.scan.dicom.order import Arrangement, StackFrame, arrange, states_time
from vesalius.scan.dicom.pixels import DicomPixels
from vesalius.scan.display_state import NOTHING_STATED
from vesalius.scan.intensity import Intensity
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan
from vesalius.wording import some


def scan_of(
    instances: Sequence[InstanceFacts], *, folder: bool, reading: Reading = AS_STATED, notes: Sequence[str] = ()
) -> Scan:
    """Return the Scan of the instances of one stack (same size, dtype and colour; all with a place or none).

    `folder` is True where the stack is restored as a folder of files; `notes` are further problems of the scan.
    """
    arranged = arrange(instances)
    intensity, doubts = _intensity(instances, arranged, reading)
    pixels = DicomPixels(
        tuple(instance.path for instance in instances),
        tuple(instance.pixels for instance in instances),
        arranged.order(),
    )
    return Scan(
        pixels=pixels,
        geometry=arranged.stack,
        spaces=() if arranged.stack is None else ("scanner",),
        intensity=intensity,
        frame_ms=arranged.frame_ms,
        t_meaning=arranged.t_meaning,
        modality=_common([instance.modality for instance in instances]) or "unknown",
        colour=instances[0].colour,
        palette_N3=_palette(instances),
        display_state=_common([instance.display_state for instance in instances]) or NOTHING_STATED,
        problems=(*notes, *_problems(instances, arranged), *doubts),
        native=DicomNative(
            pixels=pixels,
            uids=tuple(instance.uid for instance in instances),
            picked=tuple(instance.picked for instance in instances),
            colour=instances[0].colour,
            numbered_in_time=_rests_on_clock(arranged),
            folder=folder,
        ),
    )


def _problems(instances: Sequence[InstanceFacts], arranged: Arrangement) -> list[str]:
    problems = list(arranged.problems)
    stack = arranged.stack
    if stack is not None:
        references = {instance.frame_of_reference for instance in instances}
        if "" in references:
            problems.append("the frame of reference is not stated")
        elif len(references) > 1:
            problems.append(f"the slices belong to {len(references)} frames of reference")
    counts = Counter(note for instance in instances for note in dict.fromkeys(instance.notes))
    for note, count in counts.items():
        problems.append(note if count == len(instances) else f"{note} ({count} of {len(instances)} files)")
    if instances[0].colour == "palette" and _palette(instances) is None:
        problems.append("the palette is missing, damaged or different for each file, so its colours are unknown")
    return problems


def _palette(instances: Sequence[InstanceFacts]) -> NDArray[np.unsignedinteger[Any]] | None:
    first, *others = (instance.palette_N3 for instance in instances)
    if first is None or any(other is None or not np.array_equal(first, other) for other in others):
        return None
    return first


def _rests_on_clock(arranged: Arrangement) -> bool:
    """True where T is time by clock times only, which are dropped unless identifiers are kept."""
    frames = (frame for row in arranged.frames_TK for frame in row)
    return arranged.t_meaning == "time" and not all(map(states_time, frames))


def _common(values: list[Any]) -> Any:
    return values[0] if len(set(values)) == 1 else ""


def _intensity(
    instances: Sequence[InstanceFacts], arranged: Arrangement, reading: Reading
) -> tuple[Intensity, list[str]]:
    """Return slopes and intercepts per frame (one pair where they agree), and notes."""
    rescales_TK = [[frame.facts.rescale for frame in row] for row in arranged.frames_TK]
    slope_TK = np.array([[rescale.slope for rescale in row] for row in rescales_TK], dtype=np.float64)
    inter_TK = np.array([[rescale.inter for rescale in row] for row in rescales_TK], dtype=np.float64)
    unit, problems = _unit(instances)
    unknown, reasons = _unknown(instances, arranged, reading)
    problem = ""
    if unknown:
        t, k = np.transpose(unknown)
        where = f"{len(unknown)} of {slope_TK.size} pictures ({', '.join(reasons)}: {_named(arranged, unknown)})"
        if reading.assume_rescale is None:
            problem = f"no usable slope and intercept are stated for {where}"
            slope_TK[t, k] = inter_TK[t, k] = np.nan
            problems.append(f"real values are unknown: {problem}")
        else:
            slope, inter = reading.assume_rescale
            slope_TK[t, k], inter_TK[t, k] = slope, inter
            problems.append(f"slope {slope:g} and intercept {inter:g} are assumed for {where}")
    elif _is_bare_ct(instances):
        problems.append("no slope and intercept are stated: stored values are used, HU or not")
    if len(np.unique(slope_TK)) == len(np.unique(inter_TK)) == 1:  # NaN equals NaN in np.unique
        slope_TK, inter_TK = slope_TK[:1, :1], inter_TK[:1, :1]
    return Intensity(slope_TK, inter_TK, unit, problem), problems


def _unit(instances: Sequence[InstanceFacts]) -> tuple[str, list[str]]:
    """Return the unit of the instances that state a usable map, or of all where none does."""
    stating = [instance for instance in instances if any(frame.rescale.stated for frame in instance.frames)]
    units = {instance.unit for instance in stating or instances}
    if len(units) > 1:
        return "", ["the instances state different units, so no unit is given"]
    return units.pop(), []


def _is_bare_ct(instances: Sequence[InstanceFacts]) -> bool:
    """True for grey CT where nothing states what the stored values are."""
    is_ct = all(instance.modality == "CT" and instance.colour == "grey" for instance in instances)
    return is_ct and not any(frame.rescale.stated for instance in instances for frame in instance.frames)


def _unknown(
    instances: Sequence[InstanceFacts], arranged: Arrangement, reading: Reading
) -> tuple[list[tuple[int, int]], list[str]]:
    """Return (t, k) of the frames whose real values are unknown, and the reasons, each once."""
    frames = [(t, k, frame.facts.rescale) for t, row in enumerate(arranged.frames_TK) for k, frame in enumerate(row)]
    says = any(rescale.stated or rescale.problem for _, _, rescale in frames)
    is_assumed_ct = reading.assume_rescale is not None and all(instance.modality == "CT" for instance in instances)
    if not says and not is_assumed_ct:  # stored values are the real ones
        return [], []
    unknown = [(t, k, rescale.problem or "nothing is stated") for t, k, rescale in frames if not rescale.stated]
    return [(t, k) for t, k, _ in unknown], list(dict.fromkeys(reason for _, _, reason in unknown))


def _named(arranged: Arrangement, places: Sequence[tuple[int, int]]) -> str:
    frames = len(arranged.frames_TK)
    return some([_slice_name(t if frames > 1 else None, k, arranged.frames_TK[t][k]) for t, k in places])


def _slice_name(t: int | None, k: int, frame: StackFrame) -> str:
    place = f"slice {k}" if t is None else f"frame {t} of slice {k}"
    return place if frame.number is None else f"{place} = instance {frame.number}"
