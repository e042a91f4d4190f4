"""nnU-Net raw folders, version 1 and 2: imagesTr/NAME_0000.nii.gz, labelsTr/NAME.nii.gz, dataset.json."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from vesalius.cohort.builders.files import PICTURES, VOLUMES, example, expected, files_below, read_json, relative, stem
from vesalius.cohort.builders.msd import DATASET, MsdOptions, named_patient
from vesalius.cohort.case import IMAGE, MASK, Case
from vesalius.cohort.cohort import Cohort

_CHANNEL = re.compile(r"(?P<name>.+)_(?P<channel>\d{4})")
_PARTS = (("imagesTr", "labelsTr", "train"), ("imagesTs", "labelsTs", "test"))


def build(folder: Path, options: MsdOptions) -> Cohort:
    """Cases of imagesTr as split train, of imagesTs as split test.

    Raises:
        InputError: no imagesTr with files of this form.
    """
    told = read_json(folder / DATASET) if (folder / DATASET).is_file() else {}
    named = told.get("channel_names") or told.get("modality") or {} if isinstance(told, dict) else {}
    if not isinstance(named, dict):
        named = dict(enumerate(named)) if isinstance(named, list) else {}
    cases: list[Case] = []
    for images, labels, split in _PARTS:
        found: dict[str, dict[str, Path]] = defaultdict(dict)
        for path in files_below(folder / images, (*VOLUMES, *PICTURES)):
            match = _CHANNEL.fullmatch(stem(path))
            if match:
                found[match["name"]][match["channel"]] = path
        masks = {stem(path): path for path in files_below(folder / labels, (*VOLUMES, *PICTURES))}
        for name, channels in found.items():
            cases.append(
                Case(
                    id=name if split == "train" else f"test-{name}" if name in {case.id for case in cases} else name,
                    patient=named_patient(options.patient, name),
                    images={
                        _channel(named, one, len(channels)): relative(path, folder) for one, path in channels.items()
                    },
                    masks={MASK: relative(masks[name], folder)} if name in masks else {},
                    split=split,
                )
            )
    if not cases:
        raise expected("nnU-Net", "no imagesTr/NAME_0000.* in it", folder)
    bare = [case.id for case in cases if case.split == "train" and not case.masks]
    notes = [f"for training but without a mask: {example(bare)}"] if bare else []
    if options.patient is None:
        notes.append("names no patients: each case counts as its own; give patient=REGEX if names tell")
    return Cohort(tuple(cases), folder, tuple(notes))


def _channel(named: dict[Any, Any], number: str, count: int) -> str:
    name = named.get(str(int(number))) or named.get(number) or named.get(int(number))
    return str(name) if name and count > 1 else IMAGE if count == 1 else number
