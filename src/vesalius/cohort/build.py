"""From a folder in a known layout to a cohort."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError

from vesalius.cohort.cohort import Cohort
from vesalius.config import Config, from_overrides
from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.files import regular, walk
from vesalius.scan.reading import Reading, SpacingFrom

AUTO = "auto"
_HOME = "vesalius.cohort.builders"


@dataclass(frozen=True)
class Builder:
    """One layout.

    Args:
        module: in `vesalius.cohort.builders`, with `build(folder)` or `build(folder, options)`.
        options: name of its Config in that module, None where it has none.
        help: one line.
    """

    module: str
    options: str | None
    help: str


LAYOUTS = {
    "bids": Builder("bids", None, "sub-*/[ses-*/]TYPE/*.nii.gz, participants.tsv"),
    "acdc": Builder("acdc", None, "a folder for each patient with NAME_4d.nii.gz, frames, masks and Info.cfg"),
    "brats": Builder("brats", None, "NAME_t1, NAME_t1ce, NAME_t2, NAME_flair, NAME_seg; names of all years"),
    "msd": Builder("msd", "MsdOptions", "dataset.json with training and test lists"),
    "nnunet": Builder("nnunet", "MsdOptions", "imagesTr/NAME_0000.nii.gz, labelsTr/NAME.nii.gz"),
    "rsna-ich": Builder(
        "rsna_ich", "RsnaOptions", "series table with nifti_path, or long label table with loose DICOM"
    ),
    "chexpert": Builder("chexpert", "ChexpertOptions", "table with Path and a column for each label: 1, 0, -1, empty"),
    "nih": Builder("nih", None, "table with findings joined by |"),
    "voc": Builder("voc", None, "boxes: NAME.xml beside NAME.jpg"),
    "medmnist": Builder("medmnist", None, ".npz with train_images, train_labels, ..."),
    "jsonl": Builder("jsonl", None, "lines with image_path, caption, mask_path"),
    "dicom": Builder("dicom", "DicomOptions", "any folder of DICOM: one case for each series"),
    "images": Builder("images", "ImagesOptions", "any folder of pictures or volumes: one case for each file"),
}
"""layout -> how it is built; in the order in which "auto" tries them."""


class SharedOptions(Config):
    """Options of every layout: choices for files that leave some open, kept with each case."""

    spacing_from: SpacingFrom | None = Field(
        default=None, description="sform or pixdim: the spacing to trust where the two of a NIfTI header differ"
    )


def build_cohort(layout: str, folder: str | Path, options: Sequence[str] = ()) -> Cohort:
    """Find the cases of a data set.

    Args:
        layout: a key of `LAYOUTS`, or "auto" for the first one that fits.
        folder: where the data set lies (for jsonl and medmnist also the file).
        options: of the layout, as "uncertain=ones", and those of `SharedOptions`.

    Raises:
        UsageError: no such layout.
        ConfigError: a wrong option.
        InputError: nothing there, another layout, or a folder, FIFO or device below that cannot be read.
    """
    folder = Path(folder)
    if not regular(folder).exists():
        raise InputError("no such folder", where=folder)
    if folder.is_dir():
        _check_readable(folder)
    shared = [option for option in options if option.partition("=")[0] in SharedOptions.model_fields]
    reading = Reading(spacing_from=from_overrides(SharedOptions, shared).spacing_from)
    options = [option for option in options if option not in shared]
    if layout == AUTO:
        return _first(folder, options).read_by(reading)
    if layout not in LAYOUTS:
        near = difflib.get_close_matches(layout, LAYOUTS, n=1, cutoff=0)[0]
        raise UsageError(f"no layout {layout!r}", fix=f"did you mean {near!r}? There are {', '.join(LAYOUTS)}")
    return _build(LAYOUTS[layout], folder, options).read_by(reading)


def _check_readable(folder: Path) -> None:
    """Raise InputError where a folder below cannot be listed or holds what no file is: cases would be lost in silence.

    Hidden names are passed over, as by the builders.
    """
    files, unreadable = walk(folder)
    for place, error in unreadable:
        what = f"cannot be listed ({error.strerror or type(error).__name__})"
        raise InputError(what, where=place, fix="get permission to read it, or move it away")
    for path in files:
        if not path.name.startswith("."):
            regular(path)


def _build(layout: Builder, folder: Path, options: Sequence[str]) -> Cohort:
    module = importlib.import_module(f"{_HOME}.{layout.module}")
    settings: Config | None = None
    if layout.options is not None:
        settings = from_overrides(getattr(module, layout.options), options)
    elif options:
        only = ", ".join(SharedOptions.model_fields)
        raise UsageError(f"this layout has no such option, only {only}", where=options[0], fix="leave it out")
    try:
        made: Cohort = module.build(folder) if settings is None else module.build(folder, settings)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        what = f"a case cannot be right: {key}: {str(first['input'])[:60]!r} was found: {first['msg'].lower()}"
        fix = (
            "mend the file that says so"
            if str(first["input"]).isprintable()
            else "rename the files whose names are not UTF-8"
        )
        raise InputError(what, where=folder, fix=fix) from error
    return _unique(made)


def _unique(cohort: Cohort) -> Cohort:
    """Ids that come again get a number: x, x-2, ...; an id that a case has by itself is never taken."""
    own = {case.id for case in cohort}
    if len(own) == len(cohort):
        return cohort
    taken: set[str] = set()
    last: dict[str, int] = {}
    cases = []
    for case in cohort:
        name, number = case.id, last.get(case.id, 1)
        while name in taken or (number > 1 and name in own):
            number += 1
            name = f"{case.id}-{number}"
        last[case.id] = number
        taken.add(name)
        cases.append(case if name == case.id else case.model_copy(update={"id": name}))
    again = len(cohort) - len(own)
    return Cohort(
        tuple(cases), cohort.root, (*cohort.notes, f"{again} cases have a name that came before, and got a number")
    )


def _first(folder: Path, options: Sequence[str]) -> Cohort:
    if options:
        raise UsageError("options belong to a layout", where=options[0], fix="name the layout instead of auto")
    for name, layout in LAYOUTS.items():
        try:
            made = _build(layout, folder, ())
        except VesaliusError:
            continue
        return Cohort(made.cases, made.root, (f"taken for the layout {name}", *made.notes))
    raise InputError("is of no known layout", where=folder, fix=f"known are {', '.join(LAYOUTS)}")
