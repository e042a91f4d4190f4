"""BraTS of all years: modalities of one patient on one grid, recognised by the end of the file name."""

from __future__ import annotations

import re
from pathlib import Path

from vesalius.cohort.builders.files import by_slot, expected, listed, relative
from vesalius.cohort.case import MASK, Case
from vesalius.cohort.cohort import Cohort

MODALITIES = ("t1", "t1ce", "t2", "flair")
_NAMES = {"t1n": "t1", "t1c": "t1ce", "t1gd": "t1ce", "t2w": "t2", "t2f": "flair"}
"""Word of 2023 and later (or of others) -> the older word."""
_FILE = re.compile(r"(?P<name>.+)[_-](?P<word>t1|t1ce|t1c|t1gd|t1n|t2|t2w|flair|t2f|seg)\.nii(?:\.gz)?", re.IGNORECASE)
_VISIT = re.compile(r"(?P<patient>BraTS-[A-Za-z]+-\d+)-\d+", re.IGNORECASE)
"""Names from 2023 on end with the number of the visit."""


def build(folder: Path) -> Cohort:
    """Return one case for each set of modalities.

    Raises:
        InputError: no file of this layout.
    """
    homes, again, others = by_slot(
        folder, _FILE, lambda match: _NAMES.get(match["word"].lower(), match["word"].lower())
    )
    bare = [relative(files["seg"], folder) for files in homes.values() if set(files) == {"seg"}]
    homes = {key: files for key, files in homes.items() if set(files) - {"seg"}}
    if not homes:
        raise expected("BraTS", "no file that ends in _t1, _t1ce, _t2 or _flair", folder)
    names = [name for _, name in homes]
    cases = []
    for (home, name), files in homes.items():
        visit = _VISIT.fullmatch(name)
        cases.append(
            Case(
                id=name if names.count(name) == 1 else relative(home / name, folder),
                patient=visit["patient"] if visit else name,
                study=name,
                images={word: relative(files[word], folder) for word in MODALITIES if word in files},
                masks={MASK: relative(files["seg"], folder)} if "seg" in files else {},
            )
        )
    notes = {
        "without all four modalities": [case.id for case in cases if len(case.images) < len(MODALITIES)],
        "without a mask": [case.id for case in cases if not case.masks],
        "second files of a modality of a patient, left out": again,
        "masks without an image, left out": bare,
        "files with other names, left out": others,
    }
    return Cohort(tuple(cases), folder, tuple(listed(notes)))
