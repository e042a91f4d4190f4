"""Statements of a DICOM header about diffusion weighting: standard attributes, else those of the vendors.

A vendor's attribute counts only in a block that the vendor's creator reserves, whatever the number of the block, or in
the usual block of a file of this manufacturer whose creator was removed. It may be stored as bytes (VR UN of implicit
files). Directions only distinguish frames: they are not converted to patient axes.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Literal

from pydicom.dataset import Dataset

from vesalius.scan.dicom.values import finite, item, number, numbers, text, words

_Kind = Literal["text", "f", "d"]


@dataclass(frozen=True)
class _Private:
    """A private attribute: group, last byte of the element, encoding of its bytes, creator."""

    group: int
    element: int
    kind: _Kind
    creator: str


_SIEMENS, _UIH = "SIEMENS MR HEADER", "Image Private Header"
_GE, _PHILIPS = "GEMS_ACQU_01", "Philips MR Imaging DD 001"
_VENDORS = (
    (_Private(0x0019, 0x0C, "text", _SIEMENS), (_Private(0x0019, 0x0E, "d", _SIEMENS),)),
    (
        _Private(0x0043, 0x39, "text", "GEMS_PARM_01"),
        tuple(_Private(0x0019, element, "text", _GE) for element in (0xBB, 0xBC, 0xBD)),
    ),
    (
        _Private(0x2001, 0x03, "f", "Philips Imaging DD 001"),
        tuple(_Private(0x2005, element, "f", _PHILIPS) for element in (0xB0, 0xB1, 0xB2)),
    ),
    (_Private(0x0065, 0x09, "d", _UIH), (_Private(0x0065, 0x37, "d", _UIH),)),
)
"""(b value, gradient direction) of Siemens, GE, Philips and United Imaging; Canon and Hitachi use the standard ones."""
_ATTRIBUTES = tuple(attribute for b_value, directions in _VENDORS for attribute in (b_value, *directions))
_MANUFACTURERS = (("SIEMENS", "SIEMENS"), ("GEMS_", "GE "), ("Philips", "PHILIPS"), ("Image Private", "UIH"))
"""(beginning of a creator, beginning of the manufacturer's name in capitals)."""
_USUAL_BLOCK = 0x10
_GROUPS = frozenset(attribute.group for attribute in _ATTRIBUTES)
_GE_OFFSET = 1e9
"""Newer GE systems add this to the b value."""
_LARGEST_B = 1e5
_SEQUENCE_NAME = re.compile(r"ep_b(\d{1,5})(?:#\d{1,4})?t?")
"""Siemens: "*ep_b1000#12" is the twelfth direction at b = 1000 s/mm2, "ep_b1000t" a trace image."""
_COMMENT = re.compile(r"b=(\d{1,5})(?:\((-?[\d.]+),(-?[\d.]+),(-?[\d.]+)\))?")
"""Toshiba: "b=1000(0.445,0.000,0.895)"."""
_WORDS = frozenset(("DIFFUSION", "TRACEW", "TRACE", "ADC", "EADC", "FA", "TENSOR", "DIFFUSION_ANISO", "DWI"))


def read_diffusion(data: Dataset, group: Dataset | None = None) -> tuple[float, ...] | None:
    """Return (b value in s/mm2, then the gradient direction where stated), or None without a b value.

    `data` is the data set, or the functional groups of an enhanced frame with its item of MRDiffusionSequence, `group`.
    """
    source = data if group is None else group
    strength = number(source, "DiffusionBValue")
    if strength is not None:
        holder = source if group is None else item(group, "DiffusionGradientDirectionSequence")
        return (strength, *numbers(holder, "DiffusionGradientOrientation"))
    blocks = _blocks(data)
    for b_value, directions in _VENDORS if blocks else ():
        stated = _values(data, blocks, b_value)
        if not stated:
            continue
        strength = stated[0] - _GE_OFFSET if stated[0] >= _GE_OFFSET else stated[0]
        if not 0 <= strength < _LARGEST_B:
            continue
        direction = [step for attribute in directions for step in _values(data, blocks, attribute)]
        return (strength, *direction) if strength > 0 and len(direction) == 3 else (strength,)
    return _written(data)


def is_diffusion(data: Dataset, kind: Dataset | None = None) -> bool:
    """True where the image type states diffusion weighting or a map made of such pictures.

    `kind` is the item of MRImageFrameTypeSequence of an enhanced frame.
    """
    if text(data, "Modality") != "MR":
        return False
    stated = {*words(data, "ImageType"), *words(kind, "FrameType")}
    contrast = text(kind, "AcquisitionContrast") or text(data, "AcquisitionContrast")
    return bool(stated & _WORDS) or contrast == "DIFFUSION"


def is_weighting(sequence_name: str) -> bool:
    """True where the name of a Siemens sequence consists of the b value."""
    return bool(_SEQUENCE_NAME.fullmatch(sequence_name.lstrip("*")))


def _written(data: Dataset) -> tuple[float, ...] | None:
    match = _SEQUENCE_NAME.fullmatch(text(data, "SequenceName").lstrip("*"))
    if match:
        return (float(match[1]),)
    match = _COMMENT.fullmatch(text(data, "ImageComments").replace(" ", ""))
    if not match:
        return None
    many = finite([group for group in match.groups() if group is not None])
    return many or None


def _blocks(data: Dataset) -> dict[tuple[int, str], int]:
    """Return (group, creator) -> the reserved block, for the groups of vendors."""
    tags = [tag for tag in data.keys() if tag.group in _GROUPS]  # noqa: SIM118
    creators = sorted((tag for tag in tags if 0x10 <= tag.element <= 0xFF), reverse=True)
    blocks = {(tag.group, _as_text(_raw(data, tag.group, tag.element))): tag.element for tag in creators}
    bare = {tag.group for tag in tags if tag.element >> 8 == _USUAL_BLOCK} - {tag.group for tag in creators}
    return blocks | (_usual(text(data, "Manufacturer").upper(), bare) if bare else {})


def _usual(manufacturer: str, groups: set[int]) -> dict[tuple[int, str], int]:
    """Return (group, creator) -> the manufacturer's usual block, for groups whose creators are gone."""
    starts = tuple(creator for creator, name in _MANUFACTURERS if f"{manufacturer} ".startswith(name))
    return {
        (attribute.group, attribute.creator): _USUAL_BLOCK
        for attribute in _ATTRIBUTES
        if starts and attribute.group in groups and attribute.creator.startswith(starts)
    }


def _values(data: Dataset, blocks: dict[tuple[int, str], int], attribute: _Private) -> tuple[float, ...]:
    block = blocks.get((attribute.group, attribute.creator))
    stored = None if block is None else _raw(data, attribute.group, (block << 8) | attribute.element)
    return () if stored is None else _decoded(stored, attribute.kind)


def _raw(data: Dataset, group: int, element: int) -> object:
    tag = (group << 16) | element
    if tag not in data:
        return None
    try:
        stored: object = data[tag].value
    except Exception:  # conversion of a damaged value
        return None
    return stored


def _as_text(stored: object) -> str:
    text = stored.decode("latin-1") if isinstance(stored, bytes) else str(stored)
    return text.strip(" \0")


def _decoded(stored: object, kind: _Kind) -> tuple[float, ...]:
    if not isinstance(stored, bytes):
        return finite([stored] if isinstance(stored, str | float | int) else stored)
    if kind == "text":
        return finite(_as_text(stored).split("\\"))
    size = struct.calcsize(f"<{kind}")
    if not stored or len(stored) % size:
        return ()
    return finite(struct.unpack(f"<{len(stored) // size}{kind}", stored))
