"""nnU-Net raw folders, version 1 and 2: imagesTr/NAME_0000.nii.gz, labelsTr/NAME.nii.gz, dataset.json."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from vesalius.cohort.builders.files import (
    SCANS,
    by_name,
    expected,
    files_below,
    listed,
    named_part,
    read_json,
    relative,
    unknown_patients,
)
from vesalius.cohort.builders.msd import DATASET, MsdOptions
from vesalius.cohort.case import IMAGE, MASK, Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import InputError

_CHANNEL = re.compile(r"(?P<name>.+)_(?P<channel>\d{4})")
_PARTS = (("imagesTr", "labelsTr", "train"), ("imagesTs", "labelsTs", "test"))


def build(folder: Path, options: MsdOptions) -> Cohort:
    """Return cases of imagesTr as split train, of imagesTs as split test.

    Raises:
        InputError: no imagesTr with files of this form.
    """
    dataset = read_json(folder / DATASET) if (folder / DATASET).is_file() else {}
    named = dataset.get("channel_names") or dataset.get("modality") or {} if isinstance(dataset, dict) else {}
    if not isinstance(named, dict):
        named = dict(enumerate(named)) if isinstance(named, list) else {}
    cases: list[Case] = []
    notes: list[str] = []
    for images, labels, split in _PARTS:
        channels_of, odd, again = _channels(folder / images)
        masks, twice = by_name(files_below(folder / labels, SCANS))
        skipped = {
            f"files of {images} without a channel number, left out": odd,
            "second files of a channel or mask, left out": again + twice,
            f"masks of {labels} without an image, left out": [masks[name] for name in masks if name not in channels_of],
        }
        notes += listed({why: [relative(path, folder) for path in paths] for why, paths in skipped.items()})
        taken = {case.id for case in cases}
        for name, channels in channels_of.items():
            cases.append(
                Case(
                    id=f"test-{name}" if split == "test" and name in taken else name,
                    patient=named_part(options.patient, name, "patient"),
                    images=_images(named, channels, folder),
                    masks={MASK: relative(masks[name], folder)} if name in masks else {},
                    split=split,
                )
            )
    if not cases:
        raise expected("nnU-Net", "no imagesTr/NAME_0000.* in it", folder)
    bare = [case.id for case in cases if case.split == "train" and not case.masks]
    notes += listed({"training cases without a mask": bare}) + unknown_patients(cases, options.patient)
    return Cohort(tuple(cases), folder, tuple(notes))


def _channels(folder: Path) -> tuple[dict[str, dict[str, Path]], list[Path], list[Path]]:
    """Return name -> channel -> file; files without a channel; files whose name is taken."""
    files, again = by_name(files_below(folder, SCANS))
    channels: dict[str, dict[str, Path]] = defaultdict(dict)
    odd = []
    for name, path in files.items():
        match = _CHANNEL.fullmatch(name)
        if match:
            channels[match["name"]][match["channel"]] = path
        else:
            odd.append(path)
    return channels, odd, again


def _images(named: dict[Any, Any], channels: dict[str, Path], folder: Path) -> dict[str, str]:
    images: dict[str, str] = {}
    for number, path in channels.items():
        name = _channel(named, number, len(channels))
        if name in images:
            what = f"calls two channels {name!r}"
            raise InputError(what, where=folder / DATASET, fix="give each channel another name")
        images[name] = relative(path, folder)
    return images


def _channel(named: dict[Any, Any], number: str, count: int) -> str:
    name = named.get(str(int(number))) or named.get(number) or named.get(int(number))
    return str(name) if name and count > 1 else IMAGE if count == 1 else number
