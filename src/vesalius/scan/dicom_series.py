"""From files to DICOM stacks: which files are pictures, and which of them belong together.

A stack is what shares SeriesInstanceUID (files without one: the folder), size, samples, depth, sign, colour, and
having a place or not. Instances without a place that hold several frames are stacks of their own. The parts of a stack
(see `dicom_parts`) are scans of their own; the largest part of a series comes first.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vesalius.errors import InputError
from vesalius.scan.choose import some
from vesalius.scan.reading import AS_STATED, Reading

if TYPE_CHECKING:
    from vesalius.scan.dicom_header import InstanceFacts
    from vesalius.scan.dicom_parts import Part
    from vesalius.scan.open import Found
    from vesalius.scan.scan import Scan

_SUFFIXES = (".dcm", ".dicom", ".ima")


def find_series(files: Sequence[Path], reading: Reading = AS_STATED) -> list[Found]:
    """The DICOM stacks among the files, in a stable order; what is not DICOM is passed over.

    A second scan of the same series gets a UID that ends in "#2". A damaged picture becomes a Found of its own
    whose `open` raises InputError.
    """
    from vesalius.scan.open import Found

    stacks, broken = _sort_out(files)
    found, per_series = [], Counter[str]()
    names = Counter[str]()
    series: dict[str, list[Part]] = {}
    for stack in stacks:
        from vesalius.scan.dicom_parts import parts

        series.setdefault(stack[0].series_uid or str(stack[0].path.parent), []).extend(
            parts(stack, reading.orientation)
        )
    for of_series in series.values():
        of_series.sort(key=lambda part: -part.pictures)  # the localizer comes last
        for part in of_series:
            first = part.instances[0]
            uid = first.series_uid or None
            per_series[first.series_uid] += 1
            if uid and per_series[first.series_uid] > 1:
                uid = f"{uid}#{per_series[first.series_uid]}"
            name = _name(part.instances)
            names[name] += 1
            found.append(
                Found(
                    path=_path(part.instances),
                    format="dicom",
                    open=_opener(part, _notes(of_series), reading),
                    series_uid=uid,
                    name=name if names[name] == 1 else f"{name}-{names[name]}",
                    plane=part.plane,
                )
            )
    return found + [Found(path, "dicom", partial(_refuse, error), name=path.stem) for path, error in broken]


def _notes(of_series: list[Part]) -> tuple[str, ...]:
    """What a reader of one part should know of the others."""
    placed = [part for part in of_series if part.plane is not None]
    if len(of_series) < 2 or not placed:
        return ()
    shown = [f"{part.pictures} {part.plane or 'without a place'}" for part in of_series]
    return (f"its series holds {len(of_series)} scans: {some(shown)} picture(s)",)


def _sort_out(files: Sequence[Path]) -> tuple[list[list[InstanceFacts]], list[tuple[Path, InputError]]]:
    stacks: dict[tuple[Any, ...], list[InstanceFacts]] = {}
    broken: list[tuple[Path, InputError]] = []
    for path in files:
        if not may_be_dicom(path):
            continue
        from vesalius.scan.dicom_header import read_instance

        try:
            facts = read_instance(path)
        except InputError as error:
            broken.append((path, error))
            continue
        if facts is not None:
            stacks.setdefault(_key(facts), []).append(facts)
    return sorted(stacks.values(), key=_stack_order), broken


def may_be_dicom(path: Path) -> bool:
    """True for the DICOM magic, and for suffixes that promise DICOM; no DICOM library is loaded for the others."""
    if path.name.lower().endswith(_SUFFIXES):
        return True
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _key(facts: InstanceFacts) -> tuple[Any, ...]:
    pixels = facts.pixels
    has_place = all(frame.place is not None for frame in facts.frames)
    alone = str(facts.path) if not has_place and pixels.frames > 1 else ""
    return (
        facts.series_uid or str(facts.path.parent),
        pixels.rows,
        pixels.columns,
        pixels.samples,
        pixels.keyword,
        pixels.bits_allocated,
        pixels.signed,
        facts.colour,
        has_place,
        alone,
    )


def _stack_order(instances: list[InstanceFacts]) -> tuple[Any, ...]:
    first = instances[0]
    return (first.series_number is None, first.series_number or 0, first.series_uid, str(first.path))


def _path(instances: list[InstanceFacts]) -> Path:
    """The file, or the folder that holds all files."""
    if len(instances) == 1:
        return instances[0].path
    return Path(os.path.commonpath([instance.path.parent for instance in instances]))


def _name(instances: list[InstanceFacts]) -> str:
    first = instances[0]
    if len(instances) == 1:
        return first.path.stem if first.path.name.lower().endswith(_SUFFIXES) else first.path.name
    number = "" if first.series_number is None else f"-{first.series_number}"
    return f"{first.modality.lower()}-series{number}"


def _opener(part: Part, notes: tuple[str, ...], reading: Reading) -> Callable[[], Scan]:
    from vesalius.scan.dicom_scan import scan_of

    folder = len(part.instances) > 1
    return partial(scan_of, part.instances, folder=folder, reading=reading, notes=(*part.notes, *notes))


def _refuse(error: InputError) -> Scan:
    raise error
