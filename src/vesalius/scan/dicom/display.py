"""Statements of a DICOM header about showing the picture (PS3.3 C.11.2 VOI LUT, C.7.6.1.1.1 patient orientation).

The photometric interpretation alone says whether low values are bright (`Scan.colour`); PresentationLUTShape only
repeats it, and a contradiction is a note. A projection (a frame without a place in the patient) also states the shape
of its pixels and the direction of its rows and columns here; other frames state both by their place.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import cast, get_args

from pydicom.dataset import Dataset

from vesalius.scan.dicom.rescale import lookup_entries
from vesalius.scan.dicom.values import item, items, numbers, text, value, words
from vesalius.scan.display_state import DisplayState, VoiFunction, VoiTable, VoiWindow

_SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}
_MOST_BITS = 16
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
"""Rows and columns in mm, the first that is stated counts; PixelAspectRatio comes after all of them."""
_SIDES = frozenset("LRAPHF")


def read_display(
    data: Dataset, padding: tuple[float, float] | None, *, is_projection: bool
) -> tuple[DisplayState, list[str]]:
    """Return the statements of an instance, those of its first frame where frames differ, and notes.

    Args:
        data: the header.
        padding: least and largest real value of pixels outside the picture.
        is_projection: the frame has no place in the patient.
    """
    notes: list[str] = []
    source = _voi_source(data)
    voi = _table(data, source, notes) or _window(source, notes)
    if is_projection:
        notes += _others(source, voi)
    shape, wanted = text(data, "PresentationLUTShape"), _SHAPES.get(text(data, "PhotometricInterpretation"))
    if shape in _SHAPES.values() and wanted is not None and shape != wanted:
        notes.append(f"PresentationLUTShape {shape} contradicts the photometric interpretation, which is followed")
    if text(data, "BurnedInAnnotation") == "YES":
        notes.append("text is burned into the picture (BurnedInAnnotation)")
    if not is_projection:
        return DisplayState(voi, padding), notes
    directions = _directions(data)
    if directions is not None and directions[0] == "R":
        notes.append("the rows run towards the patient's right: the picture is mirrored against the usual view")
    return DisplayState(voi, padding, _aspect(data, notes), directions), notes


def _voi_source(data: Dataset) -> Dataset:
    """Return the data set that holds window and table: that of the first frame where functional groups state it."""
    for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
        group = item(item(data, groups), "FrameVOILUTSequence")
        if group is not None:
            return group
    return data


def _table(data: Dataset, source: Dataset, notes: list[str]) -> VoiTable | None:
    tables = items(source, "VOILUTSequence")
    if not tables:
        return None
    bits = _integer_at(tables[0], "LUTDescriptor", 2)
    entries, first = lookup_entries(tables[0], value(data, "PixelRepresentation") == 1)
    if not len(entries) or bits is None or not 8 <= bits <= _MOST_BITS:
        notes.append("its VOI lookup table is unreadable and not applied")
        return None
    return _shared(first, bits, entries.astype("<u2").tobytes())


@lru_cache(maxsize=8)
def _shared(first: int, bits: int, entries: bytes) -> VoiTable:
    """Return one object for equal tables: a series of a thousand files has one."""
    return VoiTable(first, bits, entries)


def _window(source: Dataset, notes: list[str]) -> VoiWindow | None:
    centers, widths = numbers(source, "WindowCenter"), numbers(source, "WindowWidth")
    if not centers or not widths:
        return None
    function = text(source, "VOILUTFunction").upper() or "LINEAR"
    least = 1.0 if function == "LINEAR" else 0.0
    if function not in get_args(VoiFunction) or not widths[0] >= least or widths[0] == 0:
        notes.append("its window has an unknown function or an impossible width and is not applied")
        return None
    return VoiWindow(centers[0], widths[0], cast(VoiFunction, function))


def _others(source: Dataset, voi: VoiWindow | VoiTable | None) -> list[str]:
    """Return a note where several tables or windows are stated, with the coded names of windows."""
    keyword = "VOILUTSequence" if isinstance(voi, VoiTable) else "WindowCenter"
    count = len(items(source, keyword) if isinstance(voi, VoiTable) else numbers(source, keyword))
    if voi is None or count < 2:
        return []
    if isinstance(voi, VoiTable):
        return [f"{count} VOI lookup tables are stated; the first is used to show it"]
    names = [word for word in words(source, "WindowCenterWidthExplanation") if word.isascii() and word.isalnum()]
    named = f" ({', '.join(names)})" if len(names) == count else ""
    return [f"{count} windows are stated{named}; the first is used to show it"]


def _aspect(data: Dataset, notes: list[str]) -> float:
    stated = next((pair for keyword in _SPACINGS if len(pair := numbers(data, keyword)) == 2 and min(pair) > 0), None)
    pair = stated or numbers(data, "PixelAspectRatio")
    if len(pair) != 2 or min(pair) <= 0 or math.isclose(pair[0], pair[1], rel_tol=1e-3):
        return 1.0
    notes.append(f"pixels are not square: {pair[0] / pair[1]:.4g} times as tall as wide")
    return pair[0] / pair[1]


def _directions(data: Dataset) -> tuple[str, str] | None:
    sides = [side[:1] for side in words(data, "PatientOrientation")]
    return (sides[0], sides[1]) if len(sides) == 2 and set(sides) <= _SIDES else None


def _integer_at(data: Dataset, keyword: str, place: int) -> int | None:
    """Return one of several whole numbers of an attribute, or None."""
    many = numbers(data, keyword)
    return int(many[place]) if len(many) > place and many[place] == int(many[place]) else None
