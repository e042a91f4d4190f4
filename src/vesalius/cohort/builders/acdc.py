"""ACDC (Bernard et al. 2018, doi:10.1109/TMI.2018.2837502) and sets in its layout: a folder for each patient.

`NAME_4d.nii.gz` is the image of the case, `NAME_frameXX_gt.nii.gz` its masks, called ED and ES after `Info.cfg`; masks
may also be called `NAME_ED_gt.nii.gz`. Without a 4D file, each frame is a case.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from vesalius.cohort.builders.files import by_slot, expected, listed, number_or_text, relative
from vesalius.cohort.case import IMAGE, MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import InputError
from vesalius.files import regular

_FILE = re.compile(
    r"(?P<name>.+?)_(?:(?P<four>4d)|frame(?P<frame>\d+)(?P<gt>_gt)?|(?P<phase>ed|es)_gt)\.nii(?:\.gz)?", re.IGNORECASE
)
_FACTS = {"group": "group", "height": "height_cm", "weight": "weight_kg"}
_SPLITS = {"training": "train", "train": "train", "testing": "test", "test": "test", "validation": "val"}


def build(folder: Path) -> Cohort:
    """Return the cases of all patients below a folder; a parent folder called training or testing is the split.

    Raises:
        InputError: no file of this layout.
    """
    homes, again, others = by_slot(folder, _FILE, _slot)
    if not homes:
        raise expected("ACDC", "no NAME_4d.nii.gz or NAME_frameXX.nii.gz in it", folder)
    cases = [case for (home, name), files in homes.items() for case in _cases(folder, home, name, files)]
    bare = [case.id for case in cases if not case.masks]
    used = {path for case in cases for path in case.masks.values()}
    masks = [relative(path, folder) for files in homes.values() for word, path in files.items() if word.endswith("gt")]
    alone = [path for path in masks if path not in used]
    notes = {
        "without a mask": bare,
        "second files of a frame of a patient, left out": again,
        "masks without an image, left out": alone,
        "files with other names, left out": others,
    }
    return Cohort(tuple(cases), folder, tuple(listed(notes)))


def _slot(match: re.Match[str]) -> str:
    if match["phase"]:
        return f"{match['phase'].upper()}gt"
    return "4d" if match["four"] else f"{int(match['frame'])}{'gt' if match['gt'] else ''}"


def _cases(folder: Path, home: Path, name: str, files: dict[str, Path]) -> list[Case]:
    info = read_info(home / "Info.cfg")
    phases = [(info[word], word.upper()) for word in ("ed", "es") if isinstance(info.get(word), int)]
    numbers = dict(phases)
    if len(numbers) < len(phases):
        what = f"calls frame {phases[0][0]} both ED and ES"
        raise InputError(what, where=home / "Info.cfg", fix="correct the file, or remove unknown entries")
    facts = {name: info[key] for key, name in _FACTS.items() if key in info}
    facts |= {f"{word.lower()}_frame": number - 1 for number, word in numbers.items() if number > 0}
    splits = {_SPLITS[part.lower()] for part in home.relative_to(folder).parts if part.lower() in _SPLITS}
    if len(splits) > 1:
        raise InputError(f"its folders say {' and '.join(sorted(splits))}", where=home, fix="move it below one of them")
    split = next(iter(splits), None)
    patient = home.name if home != folder else name
    known: dict[str, Any] = {"patient": patient, "facts": facts, "split": split}
    gts = {int(word[:-2]): path for word, path in files.items() if word.endswith("gt") and word[0].isdigit()}
    if "4d" in files:
        masks = {numbers.get(number, f"frame{number:02d}"): gts[number] for number in sorted(gts)}
        masks = {name: files[f"{name}gt"] for name in ("ED", "ES") if f"{name}gt" in files} | masks
        frames = {name: number for number, name in numbers.items() if number > 0}
        frames |= {f"frame{number:02d}": number for number in gts}
        return [
            Case(
                id=patient,
                images={IMAGE: relative(files["4d"], folder)},
                masks={mask: relative(path, folder) for mask, path in masks.items()},
                frames={mask: frames[mask] - 1 for mask in masks if mask in frames},
                **known,
            )
        ]
    return [
        Case(
            id=f"{patient}_frame{int(word):02d}",
            images={IMAGE: relative(path, folder)},
            masks={MASK: relative(gts[int(word)], folder)} if int(word) in gts else {},
            **known,
        )
        for word, path in files.items()
        if not word.endswith("gt")
    ]


def read_info(path: Path) -> dict[str, Any]:
    """Return lower-case key -> value of Info.cfg; {} where it does not exist."""
    try:
        lines = regular(path).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("cannot be read", where=path) from error
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {key.strip().lower(): number_or_text(value.strip()) for key, _, value in pairs if value.strip()}
