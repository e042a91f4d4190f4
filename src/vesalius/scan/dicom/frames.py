"""Facts that a DICOM header states about each frame: place in the patient, time, rescaling.

Four layouts are read: single-frame instances, enhanced multi-frame instances (functional groups), RT Dose
(GridFrameOffsetVector) and reconstructed NM (SliceVector). Nothing is guessed: a frame without a
stated place has none. Vectors are converted from LPS to RAS+ here, so nothing above this file knows LPS.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from vesalius.scan.dicom.diffusion import is_diffusion, is_weighting, read_diffusion
from vesalius.scan.dicom.rescale import Rescale, read_rescale
from vesalius.scan.dicom.values import clock_ms, integer, item, items, moment_ms, number, numbers, text, value, words
from vesalius.scan.geometry import lps_to_ras

Vector = tuple[float, float, float]
_T = TypeVar("_T")

_AXIS_TOLERANCE = 0.02
"""Tolerance of unit length and right angle of direction cosines (rounding in the file)."""
_SLICE_VECTOR, _TIME_SLOT_VECTOR = 0x00540080, 0x00540070
_SETTINGS = (
    ("inversion times", "InversionTime"),
    ("inversion times", "InversionTimes"),
    ("flip angles", "FlipAngle"),
    ("echo numbers", "EchoNumbers"),
    ("repetition times", "RepetitionTime"),
    ("magnetization transfer", "MagnetizationTransfer"),
    ("sequences", "SequenceName"),
    ("sequence variants", "SequenceVariant"),
    ("scan options", "ScanOptions"),
    ("tube voltages", "KVP"),
    ("reconstruction kernels", "ConvolutionKernel"),
)
"""Name of a setting, and the attribute that states it."""
_SETTING_GROUPS = (
    "MRTimingAndRelatedParametersSequence",
    "MRModifierSequence",
    "CTXRayDetailsSequence",
    "CTReconstructionSequence",
)
_TIME_POINTERS = frozenset({0x00181063, 0x00181065, _TIME_SLOT_VECTOR, 0x00540100})
"""FrameTime, FrameTimeVector, TimeSlotVector, TimeSliceVector."""


@dataclass(frozen=True)
class Place:
    """Place of a frame in RAS+ mm: centre of pixel (0, 0), steps along a row (i, column index), down the rows (j)."""

    origin: Vector
    step_i: Vector
    step_j: Vector


@dataclass(frozen=True)
class FrameFacts:
    """Facts stated about one frame; None where nothing is stated. Times in ms.

    Args:
        place: its place.
        no_place: clause that says why `place` is None.
        thickness_mm: nominal slice thickness.
        rescale: map from stored to real values.
        slice_index: number of the slice in an instance that numbers slices without a place (NM).
        temporal_index: number of the temporal position.
        trigger_ms: time after the R peak.
        reference_ms: PET frame reference time, or offset of the temporal position.
        acquired_ms: clock time of the acquisition; only differences mean anything.
        content_ms: clock time at which the picture was made; gives an order, not a time of the patient.
        acquisition: acquisition number.
        dimensions: dimension index values of an enhanced frame.
        echo_ms: echo time.
        diffusion: (b value, gradient direction) or None.
        is_diffusion: True where the image type states diffusion weighting or a diffusion map.
        settings: (name, value) of scanner settings that may distinguish frames.
        component: part of the image type that distinguishes pictures of one place and time (magnitude and phase).
    """

    place: Place | None = None
    no_place: str = "no position is stated"
    thickness_mm: float | None = None
    rescale: Rescale = field(default_factory=Rescale)
    slice_index: int | None = None
    temporal_index: int | None = None
    trigger_ms: float | None = None
    reference_ms: float | None = None
    acquired_ms: float | None = None
    content_ms: float | None = None
    acquisition: int | None = None
    dimensions: tuple[float, ...] | None = None
    echo_ms: float | None = None
    diffusion: tuple[float, ...] | None = None
    is_diffusion: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    component: str = ""


def read_frames(data: Dataset, count: int) -> tuple[FrameFacts, ...]:
    """Return the facts of the `count` frames of an instance."""
    groups = items(data, "PerFrameFunctionalGroupsSequence")
    shared = item(data, "SharedFunctionalGroupsSequence")
    if any(groups) or shared:  # some single-frame writers leave an empty sequence
        return tuple(_enhanced(data, shared, groups[n] if n < len(groups) else None) for n in range(count))
    first = _single(data)
    if count == 1:
        return (first,)
    if numbers(data, "GridFrameOffsetVector"):
        return _dose(data, first, count)
    if _SLICE_VECTOR in pointers(data):
        return _nuclear(data, first, count)
    return _cine(data, first, count)


def pointers(data: Dataset) -> frozenset[int]:
    """Return the tags in FrameIncrementPointer: what changes from frame to frame."""
    stated = value(data, "FrameIncrementPointer")
    try:
        return frozenset(int(tag) for tag in ([stated] if isinstance(stated, int) else stated or ()))
    except (TypeError, ValueError):
        return frozenset()


def _single(data: Dataset) -> FrameFacts:
    place, reason = _place(data, data, data)
    if "MOSAIC" in words(data, "ImageType"):
        place, reason = None, "the picture is a mosaic of slices whose places are not stated"
    rescale = read_rescale(data)
    acquired = moment_ms(data, "AcquisitionDateTime")
    return FrameFacts(
        place=place,
        no_place=reason,
        thickness_mm=number(data, "SliceThickness") or None,
        rescale=rescale,
        temporal_index=_first(integer(data, "TemporalPositionIndex"), integer(data, "TemporalPositionIdentifier")),
        trigger_ms=number(data, "TriggerTime"),
        reference_ms=number(data, "FrameReferenceTime"),
        acquired_ms=_first(clock_ms(data, "AcquisitionDate", "AcquisitionTime"), acquired),
        content_ms=clock_ms(data, "ContentDate", "ContentTime"),
        acquisition=integer(data, "AcquisitionNumber"),
        echo_ms=number(data, "EchoTime"),
        diffusion=read_diffusion(data),
        is_diffusion=is_diffusion(data),
        settings=_settings(data),
        component=text(data, "ComplexImageComponent") or "\\".join(words(data, "ImageType")[2:]),
    )


def _enhanced(data: Dataset, shared: Dataset | None, frame: Dataset | None) -> FrameFacts:
    def group(name: str) -> Dataset | None:
        return item(frame, name) or item(shared, name)

    place, reason = _place(
        group("PlanePositionSequence"), group("PlaneOrientationSequence"), group("PixelMeasuresSequence")
    )
    content, diffusion = group("FrameContentSequence"), group("MRDiffusionSequence")
    trigger, kind = group("CardiacSynchronizationSequence"), group("MRImageFrameTypeSequence")
    mappings = items(frame, "RealWorldValueMappingSequence") or items(shared, "RealWorldValueMappingSequence")
    rescale = read_rescale(data, group("PixelValueTransformationSequence"), mappings)
    offset_s = number(group("TemporalPositionSequence"), "TemporalPositionTimeOffset")
    return FrameFacts(
        place=place,
        no_place=reason,
        thickness_mm=number(group("PixelMeasuresSequence"), "SliceThickness") or None,
        rescale=rescale,
        temporal_index=integer(content, "TemporalPositionIndex"),
        trigger_ms=_first(
            number(trigger, "NominalCardiacTriggerDelayTime"), number(trigger, "ActualCardiacTriggerDelayTime")
        ),
        reference_ms=None if offset_s is None else offset_s * 1000,
        acquired_ms=_first(
            moment_ms(content, "FrameReferenceDateTime"), moment_ms(content, "FrameAcquisitionDateTime")
        ),
        acquisition=integer(content, "FrameAcquisitionNumber"),
        dimensions=numbers(content, "DimensionIndexValues") or None,
        echo_ms=number(group("MREchoSequence"), "EffectiveEchoTime"),
        diffusion=_first(None if frame is None else read_diffusion(frame, diffusion), read_diffusion(data, diffusion)),
        is_diffusion=is_diffusion(data, kind),
        settings=_settings(*(group(name) for name in _SETTING_GROUPS), data),
        component=text(kind, "ComplexImageComponent"),
    )


def _cine(data: Dataset, first: FrameFacts, count: int) -> tuple[FrameFacts, ...]:
    """Return frames over time: a single stated place holds for all of them only where time is what changes."""
    if not pointers(data) & _TIME_POINTERS:
        first = replace(first, place=None, no_place="no position is stated for each frame")
    starts = _frame_starts_ms(data, count)
    return tuple(
        replace(first, reference_ms=None if starts is None else starts[n], acquired_ms=None, content_ms=None)
        for n in range(count)
    )


def _frame_starts_ms(data: Dataset, count: int) -> list[float] | None:
    vector = numbers(data, "FrameTimeVector")
    if len(vector) == count and min(vector[1:], default=1) > 0:
        return np.cumsum([0.0, *vector[1:]]).tolist()
    step = number(data, "FrameTime")
    return [step * n for n in range(count)] if step is not None and step > 0 else None


def _dose(data: Dataset, first: FrameFacts, count: int) -> tuple[FrameFacts, ...]:
    """Read RT Dose: offsets along the normal, relative to the first plane (absolute offsets give no place)."""
    offsets = numbers(data, "GridFrameOffsetVector")
    if len(offsets) != count or offsets[0] != 0:
        reason = "GridFrameOffsetVector does not give an offset for each frame from the first"
        return (replace(first, place=None, no_place=reason),) * count
    return tuple(_moved(first, offset) for offset in offsets)


def _nuclear(data: Dataset, first: FrameFacts, count: int) -> tuple[FrameFacts, ...]:
    """Read NM: slice and time numbers per frame; reconstructed slices lie SpacingBetweenSlices apart on the normal."""
    slices, slots = numbers(data, "SliceVector"), numbers(data, "TimeSlotVector")
    if len(slices) != count:
        return (replace(first, place=None, no_place="SliceVector does not number each frame"),) * count
    detector = item(data, "DetectorInformationSequence")
    place, reason = _place(detector, detector, data)
    step = number(data, "SpacingBetweenSlices")
    if not step or words(data, "ImageType")[2:3] not in (("RECON TOMO",), ("RECON GATED TOMO",)):
        place, reason = None, "no position is stated for each slice"
    first = replace(first, place=place, no_place=reason)
    frames = []
    for n, index in enumerate(slices):
        frame = _moved(first, (index - 1) * step) if step else first
        slot = int(slots[n]) if len(slots) == count else None
        frames.append(replace(frame, slice_index=int(index), temporal_index=slot))
    return tuple(frames)


def _moved(frame: FrameFacts, offset_mm: float) -> FrameFacts:
    if frame.place is None:
        return frame
    normal = np.cross(frame.place.step_i, frame.place.step_j)
    origin = np.asarray(frame.place.origin) + offset_mm * normal / np.linalg.norm(normal)
    return replace(frame, place=replace(frame.place, origin=_vector(origin)))


def _place(position: Dataset | None, orientation: Dataset | None, measures: Dataset | None) -> tuple[Place | None, str]:
    """Return the place, or None and the reason. PixelSpacing is (between rows, between columns)."""
    origin = numbers(position, "ImagePositionPatient")
    cosines = numbers(orientation, "ImageOrientationPatient")
    spacing = numbers(measures, "PixelSpacing")
    for keyword, values, size in (
        ("ImagePositionPatient", origin, 3),
        ("ImageOrientationPatient", cosines, 6),
        ("PixelSpacing", spacing, 2),
    ):
        if len(values) != size:
            return None, f"{keyword} is missing or unreadable"
    if min(spacing) <= 0:
        return None, "PixelSpacing is not positive"
    row, column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not all(math.isclose(float(length), 1, abs_tol=_AXIS_TOLERANCE) for length in lengths):
        return None, "ImageOrientationPatient does not hold unit vectors"
    if abs(row @ column) > _AXIS_TOLERANCE:
        return None, "the vectors of ImageOrientationPatient are not perpendicular"
    step_i, step_j = row / lengths[0] * spacing[1], column / lengths[1] * spacing[0]
    return Place(_vector(lps_to_ras(origin)), _vector(lps_to_ras(step_i)), _vector(lps_to_ras(step_j))), ""


def _vector(values: NDArray[np.float64]) -> Vector:
    x, y, z = values.tolist()
    return x, y, z


def _settings(*sources: Dataset | None) -> tuple[tuple[str, str], ...]:
    """Return what besides time may change from frame to frame, each by the first source that states it."""
    settings = []
    for name, keyword in _SETTINGS:
        stated = next((joined for joined in ("\\".join(words(source, keyword)) for source in sources) if joined), "")
        if keyword == "SequenceName" and is_weighting(stated):  # the b value states it
            continue
        if stated and not (keyword == "EchoNumbers" and any(number(source, "EchoTime") for source in sources)):
            settings.append((name, stated))
    return tuple(settings)


def _first(*candidates: _T | None) -> _T | None:
    return next((candidate for candidate in candidates if candidate is not None), None)
