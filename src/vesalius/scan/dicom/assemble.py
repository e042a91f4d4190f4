"""One stack of DICOM instances as a Scan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.scan.dicom.header import InstanceFacts
from vesalius.scan.dicom.intensity import intensity_of
from vesalius.scan.dicom.native import DicomNative
from vesalius.scan.dicom.order import Arrangement, arrange
from vesalius.scan.dicom.pixels import DicomPixels
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.scan.scan import Scan


def scan_of(
    instances: Sequence[InstanceFacts], *, folder: bool, reading: Reading = AS_STATED, notes: Sequence[str] = ()
) -> Scan:
    """The Scan of the instances of one stack (same size, dtype and colour; all with a place or none).

    Args:
        instances: their header facts.
        folder: the stack is written back as a folder of files.
        reading: choices where the instances leave some open.
        notes: further problems of the scan.
    """
    arranged = arrange(instances)
    intensity, doubts = intensity_of(instances, arranged, reading)
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
        problems.append("the palette is missing, damaged, or another one for each file: its colours are not known")
    return problems


def _palette(instances: Sequence[InstanceFacts]) -> NDArray[np.unsignedinteger[Any]] | None:
    """The palette that all instances share."""
    first, *others = (instance.palette_N3 for instance in instances)
    if first is None or any(other is None or not np.array_equal(first, other) for other in others):
        return None
    return first


def _rests_on_clock(arranged: Arrangement) -> bool:
    """True where T is time and only clock times, which are dropped without identifiers, say so."""
    return arranged.t_meaning == "time" and any(
        (frame.facts.temporal_index, frame.facts.trigger_ms, frame.facts.reference_ms) == (None, None, None)
        for row in arranged.frames_TK
        for frame in row
    )


def _common(values: list[Any]) -> Any:
    """The value that all share, else ""."""
    return values[0] if len(set(values)) == 1 else ""
