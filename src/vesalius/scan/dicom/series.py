"""From files to DICOM stacks: which files are pictures, and which of them belong together.

The instances of a stack share SeriesInstanceUID (without one: the folder), size, samples, depth, sign, colour, and
whether they state a place. Multi-frame instances and radiographs without a place are separate stacks. The parts of a
stack (see `parts`) are separate scans; the largest part of a series comes first.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vesalius.errors import InputError
from vesalius.progress import counted
from vesalius.scan.dicom.lost import SUFFIXES, Strangers
from vesalius.scan.found import Found, refused
from vesalius.scan.note import noting
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.wording import some

if TYPE_CHECKING:
    from vesalius.scan.dicom.header import InstanceFacts
    from vesalius.scan.dicom.parts import StackPart

RADIOGRAPHS = frozenset(("CR", "DX", "IO", "MG", "PX", "RG"))
"""Modalities whose instances are single projections."""


def list_series(files: Sequence[Path], reading: Reading = AS_STATED) -> tuple[list[Found], list[Path]]:
    """Return the DICOM stacks among the files, in a stable order, and the files that have nothing to do with them.

    A second scan of the same series gets a UID that ends in "#2". A damaged picture, and a file that is not DICOM
    although its name says so, becomes an entry whose `open` raises InputError; the stacks beside it carry a note.
    """
    stacks, broken, others = _sort_out(files)
    found = [refused(path, error) for path, error in broken]
    if not stacks:
        return found, others
    from vesalius.scan.dicom.assemble import scan_of
    from vesalius.scan.dicom.parts import parts

    series: dict[str, list[StackPart]] = {}
    for stack in stacks:
        key = stack[0].series_uid or str(stack[0].path.parent)
        series.setdefault(key, []).extend(parts(stack, reading.orientation))
    names = Counter[str]()
    scans = []
    for members in series.values():
        members.sort(key=lambda part: -part.pictures)  # the localizer comes last
        notes = _notes(members)
        for number, part in enumerate(members, 1):
            instances, uid, name = part.instances, part.instances[0].series_uid, _name(part.instances)
            names[name] += 1
            is_folder = len(instances) > 1
            opener = partial(scan_of, instances, folder=is_folder, reading=reading, notes=(*part.notes, *notes))
            scans.append(
                Found(
                    path=_path(instances),
                    format="dicom",
                    open=noting(opener, _lost_beside(instances, broken)),
                    series_uid=(f"{uid}#{number}" if number > 1 else uid) if uid else None,
                    name=name if names[name] == 1 else f"{name}-{names[name]}",
                    plane=part.plane,
                )
            )
    return scans + found, others


def _notes(scans: list[StackPart]) -> tuple[str, ...]:
    placed = [part for part in scans if part.plane is not None]
    if len(scans) < 2 or not placed:
        return ()
    shown = [f"{part.pictures} {part.plane or 'without a place'}" for part in scans]
    return (f"its series holds {len(scans)} scans: {some(shown)} picture(s)",)


def _sort_out(files: Sequence[Path]) -> tuple[list[list[InstanceFacts]], list[tuple[Path, InputError]], list[Path]]:
    """Return the instances of each stack, the damaged files, and the files that have nothing to do with DICOM."""
    stacks: dict[tuple[Any, ...], list[InstanceFacts]] = {}
    broken: list[tuple[Path, InputError]] = []
    strangers = Strangers()
    for path in counted(files, len(files), "files"):
        try:
            facts = strangers.read(path, _read)
        except InputError as error:
            broken.append((path, error))
            continue
        if facts is not None:
            stacks.setdefault(_key(facts), []).append(facts)
    instances = [facts.path for stack in stacks.values() for facts in stack]
    lost, others = strangers.divide(instances)
    return sorted(stacks.values(), key=_stack_order), sorted(broken + lost, key=lambda entry: entry[0]), others


def _read(path: Path) -> InstanceFacts | None:
    from vesalius.scan.dicom.header import read_instance  # loads a DICOM library: not before there is a file for it

    return read_instance(path)


def _lost_beside(instances: list[InstanceFacts], broken: list[tuple[Path, InputError]]) -> list[Path]:
    folders = {instance.path.parent for instance in instances}
    return [path for path, _ in broken if path.parent in folders]


def _key(facts: InstanceFacts) -> tuple[Any, ...]:
    pixels = facts.pixels
    has_place = all(frame.place is not None for frame in facts.frames)
    alone = str(facts.path) if not has_place and (pixels.frames > 1 or facts.modality in RADIOGRAPHS) else ""
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
    if len(instances) == 1:
        return instances[0].path
    return Path(os.path.commonpath([instance.path.parent for instance in instances]))


def _name(instances: list[InstanceFacts]) -> str:
    first = instances[0]
    if len(instances) == 1:
        return first.path.stem if first.path.name.lower().endswith(SUFFIXES) else first.path.name
    number = "" if first.series_number is None else f"-{first.series_number}"
    return f"{first.modality.lower()}-series{number}"
