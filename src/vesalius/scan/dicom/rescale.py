"""Statements of a DICOM header about real values: real = slope * stored + intercept, or why that is unknown.

Four statements are read, in this order: RescaleSlope and RescaleIntercept, DoseGridScaling, a modality lookup table, a
real world value mapping. The last two count where they are the only statement and a straight line. An
unusable statement is a problem, never the identity.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from vesalius.scan.dicom.values import holds, integer, item, items, number, numbers, text, value

_LINE_TOLERANCE = 1e-6
_UNITS = {"[hnsf'U]": "HU", "Bq/ml": "BQML", "{SUVbw}g/ml": "GML"}
"""Code of MeasurementUnitsCodeSequence -> the term that DICOM uses for it elsewhere."""
_OTHER_UNIT = "OTHER"
"""Prevents an unstated unit from being read as that of the modality."""


@dataclass(frozen=True)
class Rescale:
    """The statement of one frame.

    Args:
        slope: real = slope * stored + inter; 1 where nothing is stated.
        inter: 0 where nothing is stated.
        stated: True where there is a usable statement.
        unit: unit of the real values in DICOM's terms.
        problem: clause that says why a statement is unusable.
        note: caveat about the choice, a sentence.
    """

    slope: float = 1.0
    inter: float = 0.0
    stated: bool = False
    unit: str = ""
    problem: str = ""
    note: str = ""


def read_rescale(data: Dataset, transformation: Dataset | None = None, mappings: Sequence[Dataset] = ()) -> Rescale:
    """Read the statement of a frame.

    An enhanced frame has an item of PixelValueTransformationSequence and items of RealWorldValueMappingSequence.
    """
    source = data if transformation is None else transformation
    mappings = mappings or items(data, "RealWorldValueMappingSequence")
    table = item(data, "ModalityLUTSequence")
    line = _line(source) or _dose(data)
    if line is not None:
        return _with_note(line, table, mappings)
    if table is not None:
        return _of_table(data, table)
    if mappings:
        return _of_mappings(data, mappings)
    return Rescale()


def _line(source: Dataset) -> Rescale | None:
    wrong = []
    for keyword in ("RescaleSlope", "RescaleIntercept"):
        if not holds(source, keyword):
            wrong.append(f"{keyword} is missing")
        elif number(source, keyword) is None:
            wrong.append(f"{keyword} is unreadable")
    if wrong == ["RescaleSlope is missing", "RescaleIntercept is missing"]:
        return None
    slope, inter = number(source, "RescaleSlope"), number(source, "RescaleIntercept")
    if slope == 0:
        wrong.append("RescaleSlope is 0")
    if wrong or slope is None or inter is None:
        return Rescale(problem=" and ".join(wrong))
    return Rescale(slope, inter, True, text(source, "RescaleType"))


def _dose(data: Dataset) -> Rescale | None:
    if not holds(data, "DoseGridScaling"):
        return None
    scaling = number(data, "DoseGridScaling")
    if not scaling:
        return Rescale(problem="DoseGridScaling is 0 or unreadable")
    return Rescale(scaling, 0.0, True, text(data, "DoseUnits"))


def _with_note(line: Rescale, table: Dataset | None, mappings: Sequence[Dataset]) -> Rescale:
    note = ""
    if table is not None:
        note = "there is a modality lookup table besides slope and intercept; it is kept but not applied"
    elif line.stated and mappings and _mapped(mappings) not in (None, (line.slope, line.inter)):
        note = "a real world value mapping contradicts slope and intercept; it is kept but not applied"
    return replace(line, note=note)


def _of_table(data: Dataset, table: Dataset) -> Rescale:
    """Read a modality lookup table; it counts as a line only if it covers every value that can be stored."""
    entries, first = lookup_entries(table, value(data, "PixelRepresentation") == 1)
    if len(entries) < 2:
        return Rescale(problem="its modality lookup table is unreadable")
    steps = np.diff(entries)
    low, high = _stored_range(data)
    if np.abs(steps - steps[0]).max() > 0 or steps[0] == 0:
        return Rescale(problem="its modality lookup table is not a straight line")
    if low < first or high > first + len(entries) - 1:
        return Rescale(problem="its modality lookup table does not cover all stored values")
    slope = float(steps[0])
    return Rescale(slope, float(entries[0]) - slope * first, True, text(table, "ModalityLUTType") or _OTHER_UNIT)


def lookup_entries(table: Dataset, is_signed: bool) -> tuple[NDArray[np.float64], int]:
    """Return the entries of a lookup table and the stored value of the first; none where it is unreadable."""
    descriptor, data = numbers(table, "LUTDescriptor"), value(table, "LUTData")
    if len(descriptor) != 3 or data is None:
        return np.zeros(0), 0
    count, first = int(descriptor[0]) % (1 << 16) or 1 << 16, int(descriptor[1])
    if is_signed and first >= 1 << 15:  # read as unsigned
        first -= 1 << 16
    if isinstance(data, bytes):
        kind = "u1" if len(data) < 2 * count else "<u2"
        entries = np.frombuffer(data[: count * np.dtype(kind).itemsize], kind).astype(np.float64)
    else:
        entries = np.array(numbers(table, "LUTData"), dtype=np.float64)
    return (entries, first) if len(entries) == count else (np.zeros(0), 0)


def _of_mappings(data: Dataset, mappings: Sequence[Dataset]) -> Rescale:
    line = _mapped(mappings)
    if line is None:
        several = " (there are several)" if len(mappings) > 1 else ""
        return Rescale(problem=f"its real world value mapping is not a single straight line{several}")
    note = "real values come from the real world value mapping, which is the only statement"
    low, high = _stored_range(data)
    first, last = _ends(mappings[0])
    if (first is not None and low < first) or (last is not None and high > last):
        note += f" and is made for stored values from {first:g} to {last:g}" if None not in (first, last) else ""
    code = text(item(mappings[0], "MeasurementUnitsCodeSequence"), "CodeValue")
    return Rescale(*line, True, _UNITS.get(code, _OTHER_UNIT), note=note)


def _mapped(mappings: Sequence[Dataset]) -> tuple[float, float] | None:
    lines = {
        (number(mapping, "RealWorldValueSlope"), number(mapping, "RealWorldValueIntercept")) for mapping in mappings
    }
    if len(lines) != 1:
        return None
    slope, inter = lines.pop()
    if slope is None and inter is None:
        return _line_of(mappings[0]) if len(mappings) == 1 else None
    return None if not slope or inter is None else (slope, inter)


def _line_of(mapping: Dataset) -> tuple[float, float] | None:
    entries, first = numbers(mapping, "RealWorldValueLUTData"), _ends(mapping)[0]
    if len(entries) < 2 or first is None:
        return None
    slope = (entries[-1] - entries[0]) / (len(entries) - 1)
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.abs(np.asarray(entries) - entries[0] - slope * np.arange(len(entries))).max()
    inter = entries[0] - slope * first
    if slope == 0 or not math.isfinite(slope) or not math.isfinite(inter) or off > _LINE_TOLERANCE * abs(slope):
        return None
    return slope, inter


def _ends(mapping: Dataset) -> tuple[float | None, float | None]:
    ends = []
    for name in ("RealWorldValueFirstValueMapped", "RealWorldValueLastValueMapped"):
        whole = number(mapping, name)
        ends.append(number(mapping, f"DoubleFloat{name}") if whole is None else whole)
    return ends[0], ends[1]


def _stored_range(data: Dataset) -> tuple[int, int]:
    bits = min(max(integer(data, "BitsStored") or integer(data, "BitsAllocated") or 16, 1), 64)
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if value(data, "PixelRepresentation") == 1 else (0, (1 << bits) - 1)
