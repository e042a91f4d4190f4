"""BIDS (Gorgolewski et al. 2016, doi:10.1038/sdata.2016.44): sub-*/[ses-*/]TYPE/*.nii.gz, participants.tsv.

Each image file of the subjects is a case, because images of one session need not share a grid. A label map (_mask,
_dseg, _seg), beside it or in derivatives/, is a mask of the image where

- it lies in a folder of the same type (anat, func, ...), as far as both have one;
- its space- is that of the image; an image without space- takes masks without it, with `orig`, or with the suffix of
  the image (space-T1w);
- all other entities are equal (sub, ses, run, acq, res, ...), except label-, desc-, atlas-, seg-, and hemi- where the
  image has none.

These exceptions name the mask, in the order hemi, atlas, seg, label, desc: `sub-01_label-lesion_mask` is the mask
`mask_lesion`, `sub-01_hemi-L_desc-manual_dseg` is `dseg_L_manual`, and without any it has its suffix as name. A
note names every derivative that is left out, and masks that fit several images.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vesalius.cohort.builders.files import NIFTI, example, expected, files_below, listed, number_or_text, relative, stem
from vesalius.cohort.case import IMAGE, Case, Fact
from vesalius.cohort.cohort import Cohort
from vesalius.csv_table import read_text_table
from vesalius.errors import InputError

_ENTITY = re.compile(r"([A-Za-z]+)-([A-Za-z0-9+]+)")
_SUBJECT = re.compile(r"sub-[A-Za-z0-9+]")
_MASKS = ("mask", "dseg", "seg")
_PROBABILITIES = "probseg"
_TYPES = frozenset(
    ("anat", "func", "dwi", "fmap", "perf", "pet", "micr", "meg", "eeg", "ieeg", "nirs", "motion", "mrs")
)
_NAMED = {"sub", "ses"}
_OF_MASKS = ("hemi", "atlas", "seg", "label", "desc")
"""Entities of masks only; they name a mask."""
_NATIVE = "orig"
_ABSENT = {"", "n/a", "N/A"}


@dataclass(frozen=True)
class _File:
    """An image or a mask, and the facts in its name."""

    path: Path

    @cached_property
    def entities(self) -> dict[str, str]:
        return dict(_ENTITY.findall(stem(self.path).rpartition("_")[0]))

    @cached_property
    def suffix(self) -> str:
        return stem(self.path).rpartition("_")[2]

    @cached_property
    def type(self) -> str:
        """The data type folder; "" where it lies in no such folder."""
        return self.path.parent.name if self.path.parent.name in _TYPES else ""

    @cached_property
    def shared(self) -> frozenset[tuple[str, str]]:
        """Entities that an image shares with its mask."""
        return frozenset((key, value) for key, value in self.entities.items() if key not in (*_OF_MASKS, "space"))

    @cached_property
    def mask_name(self) -> str:
        return "_".join([self.suffix, *(self.entities[key] for key in _OF_MASKS if key in self.entities)])

    def is_of(self, image: _File) -> bool:
        """Whether this mask belongs to an image with the same `shared` entities, the space aside."""
        same_type = not self.type or not image.type or self.type == image.type
        return same_type and image.entities.get("hemi") in (None, self.entities.get("hemi"))

    def is_in_space_of(self, image: _File) -> bool:
        space = self.entities.get("space")
        if "space" in image.entities:
            return space == image.entities["space"]
        return space in (None, _NATIVE, image.suffix)


def build(folder: Path) -> Cohort:
    """Return one case for each image of each subject; columns of participants.tsv are facts.

    Raises:
        InputError: no sub-* folder with images, or participants.tsv contradicts itself.
    """
    people = _participants(folder / "participants.tsv")
    images, masks, left_out = _sorted_files(folder)
    if not images:
        raise expected("BIDS", "no sub-*/.../*.nii.gz in it", folder)
    masks_of, more = _matched(images, masks, folder)
    cases = [_case(image, folder, people, masks_of.get(image, {})) for image in images]
    unknown = sorted({case.patient or "" for case in cases} - set(people)) if people else []
    notes = [f"not in participants.tsv: {example(unknown)} subjects"] if unknown else []
    notes += listed({**left_out, **more})
    return Cohort(tuple(cases), folder, tuple(notes))


def _sorted_files(folder: Path) -> tuple[list[_File], list[_File], dict[str, list[str]]]:
    """Return images of the subjects, label maps, and reason -> names of other files."""
    images, masks = [], []
    left_out: dict[str, list[str]] = defaultdict(list)
    for path in files_below(folder, NIFTI):
        file = _File(path)
        if not _SUBJECT.match(path.name) or "_" not in stem(path):
            left_out["files without a BIDS name, left out"].append(path.name)
        elif file.suffix in _MASKS:
            masks.append(file)
        elif file.suffix == _PROBABILITIES:
            left_out["probabilities instead of label maps, left out"].append(path.name)
        elif path.relative_to(folder).parts[0].startswith("sub-"):
            images.append(file)
        else:
            left_out["derived images, left out"].append(path.name)
    return images, masks, dict(left_out)


def _matched(
    images: list[_File], masks: list[_File], folder: Path
) -> tuple[dict[_File, dict[str, Path]], dict[str, list[str]]]:
    """Return name -> mask of each image, and note -> names of masks."""
    alike: dict[frozenset[tuple[str, str]], list[_File]] = defaultdict(list)
    for image in images:
        alike[image.shared].append(image)
    masks_of: dict[_File, dict[str, Path]] = defaultdict(dict)
    notes: dict[str, list[str]] = defaultdict(list)
    for mask in masks:
        fitting = [image for image in alike.get(mask.shared, []) if mask.is_of(image)]
        images_of = [image for image in fitting if mask.is_in_space_of(image)]
        if not images_of:
            why = "masks in another space than their image" if fitting else "masks without an image of their entities"
            notes[f"{why}, left out"].append(mask.path.name)
        elif any(mask.mask_name in masks_of[image] for image in images_of):
            notes["masks whose name another mask of the image has, left out"].append(relative(mask.path, folder))
        else:
            for image in images_of:
                masks_of[image][mask.mask_name] = mask.path
            if len(images_of) > 1:
                notes["masks whose names fit several images, given to each"].append(mask.path.name)
    return masks_of, dict(notes)


def _case(image: _File, folder: Path, people: Mapping[str, dict[str, Fact]], masks: Mapping[str, Path]) -> Case:
    entities = image.entities
    subject = f"sub-{entities['sub']}"
    facts: dict[str, Fact] = {key: value for key, value in entities.items() if key not in _NAMED}
    facts |= {"suffix": image.suffix, "type": image.path.parent.name, **people.get(subject, {})}
    return Case(
        id=stem(image.path),
        patient=subject,
        study=f"{subject}_ses-{entities['ses']}" if "ses" in entities else subject,
        images={IMAGE: relative(image.path, folder)},
        masks={name: relative(mask, folder) for name, mask in masks.items()},
        facts=facts,
    )


def _participants(path: Path) -> dict[str, dict[str, Fact]]:
    if not path.is_file():
        return {}
    people: dict[str, dict[str, Fact]] = {}
    table = read_text_table(path)
    for number, row in zip(table.numbers, table.rows(), strict=True):
        facts = {k: number_or_text(v) for k, v in row.items() if k and k != "participant_id" and v not in _ABSENT}
        if people.setdefault(row.get("participant_id", ""), facts) != facts:
            what = f"line {number} contradicts an earlier line about the same participant"
            raise InputError(what, where=path, fix="leave one of the lines")
    return people
