"""From a folder in a known layout to a cohort."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_type_hints

from pydantic import Field

from vesalius.arguments import checked
from vesalius.cohort.builders.files import OtherLayoutError, files_below
from vesalius.cohort.cohort import Cohort
from vesalius.config import Config, from_overrides
from vesalius.errors import ConfigError, InputError, UsageError
from vesalius.files import regular
from vesalius.named import Table
from vesalius.scan.reading import Reading, SpacingFrom

AUTO = "auto"
BUILDERS = Table(
    "layout",
    {
        "bids": "vesalius.cohort.builders.bids:build",
        "acdc": "vesalius.cohort.builders.acdc:build",
        "brats": "vesalius.cohort.builders.brats:build",
        "msd": "vesalius.cohort.builders.msd:build",
        "nnunet": "vesalius.cohort.builders.nnunet:build",
        "rsna-ich": "vesalius.cohort.builders.rsna_ich:build",
        "chexpert": "vesalius.cohort.builders.chexpert:build",
        "mimic-cxr": "vesalius.cohort.builders.mimic_cxr:build",
        "nih": "vesalius.cohort.builders.nih:build",
        "voc": "vesalius.cohort.builders.voc:build",
        "medmnist": "vesalius.cohort.builders.medmnist:build",
        "pcam": "vesalius.cohort.builders.pcam:build",
        "jsonl": "vesalius.cohort.builders.jsonl:build",
        "webdataset": "vesalius.cohort.builders.webdataset:build",
        "dicom": "vesalius.cohort.builders.dicom:build",
        "images": "vesalius.cohort.builders.images:build",
        "slides": "vesalius.cohort.builders.slides:build",
    },
    error=UsageError,
    also=(AUTO,),
)
"""layout -> function `build(folder)` or `build(folder, options)`; in the order in which "auto" tries them."""


class SharedOptions(Config):
    """Options of every layout: choices for files that leave some open, kept with each case."""

    spacing_from: SpacingFrom | None = Field(
        default=None, description="sform or pixdim: the spacing to trust where the two of a NIfTI header differ"
    )


@checked
def build_cohort(layout: str, folder: str | Path, options: Sequence[str] = ()) -> Cohort:
    """Find the cases of a data set.

    Args:
        layout: a key of `BUILDERS`, or "auto" for the first one that fits.
        folder: where the data set lies (for jsonl, medmnist and slides also the file).
        options: options of the layout, such as "uncertain=ones", and those of `SharedOptions`.

    Raises:
        UsageError: no such layout.
        ConfigError: a wrong option.
        InputError: no such folder, another layout, a mistake in a folder of this layout, or a folder, FIFO or device
            below that cannot be read.
    """
    folder = Path(folder)
    if not regular(folder).exists():
        raise InputError("no such folder", where=folder)
    if folder.is_dir():
        for path in files_below(folder):  # a folder that cannot be listed, or a device, would lose cases silently
            regular(path)
    shared = [option for option in options if option.partition("=")[0] in SharedOptions.model_fields]
    reading = Reading(spacing_from=from_overrides(SharedOptions, shared).spacing_from)
    options = [option for option in options if option not in shared]
    if layout == AUTO:
        return _first(folder, options).read_by(reading)
    return _build(layout, folder, options).read_by(reading)


def _build(layout: str, folder: Path, options: Sequence[str]) -> Cohort:
    build = BUILDERS.get(layout)
    options_class = get_type_hints(build).get("options")
    settings: Config | None = None
    if options_class is not None:
        settings = from_overrides(options_class, options)
    elif options:
        only = ", ".join(SharedOptions.model_fields)
        raise UsageError(f"this layout has no such option, only {only}", where=options[0], fix="leave it out")
    try:
        cohort: Cohort = build(folder) if settings is None else build(folder, settings)
    except ConfigError as error:  # of a case
        is_text = r"\udc" not in error.what
        fix = "correct the file that holds it" if is_text else "rename the files whose names are not UTF-8"
        raise InputError(f"a case is invalid: {error.where}: {error.what}", where=folder, fix=fix) from error
    return _unique(cohort)


def _unique(cohort: Cohort) -> Cohort:
    """Number ids that occur again: x, x-2, ...; a numbered id never equals the original id of another case."""
    given = {case.id for case in cohort}
    if len(given) == len(cohort):
        return cohort
    taken: set[str] = set()
    last: dict[str, int] = {}
    cases = []
    for case in cohort:
        name, number = case.id, last.get(case.id, 1)
        while name in taken or (number > 1 and name in given):
            number += 1
            name = f"{case.id}-{number}"
        last[case.id] = number
        taken.add(name)
        cases.append(case if name == case.id else case.model_copy(update={"id": name}))
    note = f"cases whose name occurred before, now numbered: {len(cohort) - len(given)}"
    return Cohort(tuple(cases), cohort.root, (*cohort.notes, note))


def _first(folder: Path, options: Sequence[str]) -> Cohort:
    if options:
        raise UsageError("options belong to a layout", where=options[0], fix="name the layout instead of auto")
    # A mistake in a folder that fits a layout is reported; a single file cannot be walked by most layouts.
    other = OtherLayoutError if folder.is_dir() else InputError
    for name in BUILDERS:
        try:
            cohort = _build(name, folder, ())
        except other:
            continue
        return Cohort(cohort.cases, cohort.root, (f"recognised as layout {name}", *cohort.notes))
    raise OtherLayoutError("has no known layout", where=folder, fix=f"known are {', '.join(BUILDERS)}")
