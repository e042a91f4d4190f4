"""BIDS (Gorgolewski et al. 2016, doi:10.1038/sdata.2016.44): sub-*/[ses-*/]TYPE/*.nii.gz, participants.tsv.

Each image file is a case, for images of one session need not share a grid. Masks (_mask, _dseg, _seg) are looked for
beside it and in derivatives/ under the same entities.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from vesalius.cohort.builders.files import (
    NIFTI,
    example,
    expected,
    files_below,
    number_or_text,
    read_table,
    relative,
    stem,
)
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort

_ENTITY = re.compile(r"([A-Za-z]+)-([A-Za-z0-9+]+)")
_SUBJECT = re.compile(r"sub-[A-Za-z0-9+]")
_MASKS = ("mask", "dseg", "seg")
_NAMED = {"sub", "ses"}
_ABSENT = {"", "n/a", "N/A"}


def build(folder: Path) -> Cohort:
    """One case for each image of each subject; columns of participants.tsv are facts.

    Raises:
        InputError: no sub-* folder with images.
    """
    people = _participants(folder / "participants.tsv")
    masks: dict[str, dict[str, Path]] = defaultdict(dict)
    images = []
    for path in files_below(folder, NIFTI):
        place = path.relative_to(folder).parts
        words = stem(path).rsplit("_", 1)
        if not _SUBJECT.match(words[0]) or len(words) < 2:
            continue
        if words[1] in _MASKS:
            masks[_key(path)].setdefault(words[1], path)
        elif place[0].startswith("sub-"):
            images.append(path)
    if not images:
        raise expected("BIDS", "no sub-*/.../*.nii.gz in it", folder)
    cases = [_case(path, folder, people, masks) for path in images]
    unknown = sorted({case.patient or "" for case in cases} - set(people)) if people else []
    notes = (f"not in participants.tsv: {example(unknown)} subjects",) if unknown else ()
    return Cohort(tuple(cases), folder, notes)


def _case(path: Path, folder: Path, people: dict[str, dict[str, Fact]], masks: dict[str, dict[str, Path]]) -> Case:
    entities = dict(_ENTITY.findall(stem(path).rsplit("_", 1)[0]))
    subject = f"sub-{entities['sub']}"
    facts: dict[str, Fact] = {key: value for key, value in entities.items() if key not in _NAMED}
    facts |= {"suffix": stem(path).rsplit("_", 1)[1], "type": path.parent.name, **people.get(subject, {})}
    found = masks.get(_key(path), {})
    return Case(
        id=stem(path),
        patient=subject,
        study=f"{subject}_ses-{entities['ses']}" if "ses" in entities else subject,
        images={IMAGE: relative(path, folder)},
        masks={kind: relative(mask, folder) for kind, mask in found.items()},
        facts=facts,
    )


def _key(path: Path) -> str:
    """What an image and its mask share: the entities, but those that only masks have, and not the suffix."""
    entities = dict(_ENTITY.findall(stem(path).rsplit("_", 1)[0]))
    return "_".join(f"{key}-{value}" for key, value in entities.items() if key not in {"desc", "label", "space"})


def _participants(path: Path) -> dict[str, dict[str, Fact]]:
    if not path.is_file():
        return {}
    people: dict[str, dict[str, Fact]] = {}
    for row in read_table(path, "\t"):
        facts = {k: number_or_text(v) for k, v in row.items() if k and k != "participant_id" and v not in _ABSENT}
        people[row.get("participant_id", "")] = dict(facts)
    return people
