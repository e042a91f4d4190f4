"""The intensity map of a DICOM stack: the statements of its frames, taken together.

A frame that states nothing while others do, or whose statement cannot be used, has unknown real values. They stay
unknown (NaN in the map, which refuses to make real values) unless the user assumes a slope and an intercept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vesalius.scan.dicom.header import InstanceFacts
from vesalius.scan.dicom.order import Arrangement
from vesalius.scan.dicom.positions import StackFrame
from vesalius.scan.intensity import Intensity
from vesalius.scan.reading import Reading
from vesalius.wording import some


def intensity_of(
    instances: Sequence[InstanceFacts], arranged: Arrangement, reading: Reading
) -> tuple[Intensity, list[str]]:
    """Slopes and intercepts per frame, one for all where they agree, and what a careful reader should know of them."""
    rescales_TK = [[frame.facts.rescale for frame in row] for row in arranged.frames_TK]
    slope_TK = np.array([[one.slope for one in row] for row in rescales_TK], dtype=np.float64)
    inter_TK = np.array([[one.inter for one in row] for row in rescales_TK], dtype=np.float64)
    unit, problems = _unit(instances)
    unknown, reasons = _unknown(instances, arranged, reading)
    problem = ""
    if unknown:
        t, k = np.transpose(unknown)
        where = f"{len(unknown)} of {slope_TK.size} pictures ({', '.join(reasons)}: {_named(arranged, unknown)})"
        if reading.assume_rescale is None:
            problem = f"no usable slope and intercept are stated for {where}"
            slope_TK[t, k] = inter_TK[t, k] = np.nan
            problems.append(f"real values are not known: {problem}")
        else:
            slope, inter = reading.assume_rescale
            slope_TK[t, k], inter_TK[t, k] = slope, inter
            problems.append(f"slope {slope:g} and intercept {inter:g} are assumed for {where}")
    elif _is_bare_ct(instances):
        problems.append("no slope and intercept are stated: values are the stored ones, HU or other")
    if len(np.unique(slope_TK)) == len(np.unique(inter_TK)) == 1:  # NaN equals NaN here
        slope_TK, inter_TK = slope_TK[:1, :1], inter_TK[:1, :1]
    return Intensity(slope_TK, inter_TK, unit, problem), problems


def _unit(instances: Sequence[InstanceFacts]) -> tuple[str, list[str]]:
    """The unit of the instances that state a usable map, or of all where none does."""
    stating = [instance for instance in instances if any(frame.rescale.stated for frame in instance.frames)]
    units = {instance.unit for instance in stating or instances}
    if len(units) > 1:
        return "", ["the instances state different units; none is given"]
    return units.pop(), []


def _is_bare_ct(instances: Sequence[InstanceFacts]) -> bool:
    """True for grey CT of which nothing says what the stored values are."""
    is_ct = all(instance.modality == "CT" and instance.colour == "grey" for instance in instances)
    return is_ct and not any(frame.rescale.stated for instance in instances for frame in instance.frames)


def _unknown(
    instances: Sequence[InstanceFacts], arranged: Arrangement, reading: Reading
) -> tuple[list[tuple[int, int]], list[str]]:
    """(t, k) of the frames whose real values nothing tells, and the reasons, each once."""
    frames = [(t, k, frame.facts.rescale) for t, row in enumerate(arranged.frames_TK) for k, frame in enumerate(row)]
    says = any(one.stated or one.problem for _, _, one in frames)
    is_assumed_ct = reading.assume_rescale is not None and all(one.modality == "CT" for one in instances)
    if not says and not is_assumed_ct:  # stored values are the real ones
        return [], []
    unknown = [(t, k, one.problem or "nothing is stated") for t, k, one in frames if not one.stated]
    return [(t, k) for t, k, _ in unknown], list(dict.fromkeys(reason for _, _, reason in unknown))


def _named(arranged: Arrangement, places: Sequence[tuple[int, int]]) -> str:
    """Slices by their number in the stack and the number of their instance, at most five."""
    frames = len(arranged.frames_TK)
    shown = [_name(t if frames > 1 else None, k, arranged.frames_TK[t][k]) for t, k in places]
    return some(shown)


def _name(t: int | None, k: int, frame: StackFrame) -> str:
    place = f"slice {k}" if t is None else f"frame {t} of slice {k}"
    return place if frame.number is None else f"{place} = instance {frame.number}"
