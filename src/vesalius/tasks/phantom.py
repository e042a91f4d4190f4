"""Synthetic cohorts with known truth, and their manifests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vesalius.arguments import PathLike, checked
from vesalius.config import from_overrides
from vesalius.output import refuse_existing
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.head_ct.options import HeadCtOptions
from vesalius.wording import Progress, quiet

if TYPE_CHECKING:
    from vesalius.phantom.cine.write import CineCohort
    from vesalius.phantom.head_ct.write import HeadCtSummary
    from vesalius.phantom.position import PositionCohort


@checked
def phantom_cine(
    output: PathLike,
    patients: int = 5,
    seed: int = 0,
    options: Sequence[str] = (),
    *,
    force: bool = False,
    progress: Progress = quiet,
) -> CineCohort:
    """Write beating short-axis hearts in the layout of ACDC, with known volumes, EF and noise.

    Args:
        output: the new folder.
        patients: number of patients.
        seed: the same seed gives the same bytes.
        options: options of `CineOptions`, as "noise=0.05".
        force: replace an existing folder.
        progress: callback that receives a line for each patient.

    Raises:
        ConfigError: a wrong option.
        OutputError: the folder exists or cannot be written.
    """
    output = Path(output)
    chosen = from_overrides(CineOptions, options, {"patients": patients, "seed": seed})
    refuse_existing(output, force=force)
    from vesalius.phantom.cine.write import write_cine  # after the checks, because it imports scipy

    return write_cine(output, chosen, force=force, progress=progress)


def cine_lines(cohort: CineCohort) -> Iterator[str]:
    """Yield the lines for the terminal."""
    groups = ", ".join(f"{count} {name}" for name, count in cohort.groups.items())
    yield f"{cohort.patients} patients: {groups}"
    yield f"EF of the labels differs by at most {cohort.largest_ef_error:.2f} points from the requested EF"
    yield str(cohort.path)


@checked
def phantom_head_ct(
    output: PathLike,
    patients: int = 5,
    seed: int = 0,
    options: Sequence[str] = (),
    *,
    force: bool = False,
    progress: Progress = quiet,
) -> HeadCtSummary:
    """Write head CT with five kinds of bleed and look-alikes, masks, and the tables that detection starts from.

    Each patient has one to three studies. Options are those of `HeadCtOptions`, as "noise_hu=5"; the other arguments
    are those of `phantom_cine`.

    Raises:
        ConfigError: a wrong option.
        OutputError: the folder exists or cannot be written.
    """
    output = Path(output)
    chosen = from_overrides(HeadCtOptions, options, {"seed": seed})
    refuse_existing(output, force=force)
    from vesalius.phantom.head_ct.write import write_head_ct

    return write_head_ct(output, chosen, patients, force=force, progress=progress)


def head_ct_lines(cohort: HeadCtSummary) -> Iterator[str]:
    """Yield the lines for the terminal."""
    positive = ", ".join(f"{name} {count}" for name, count in cohort.positive.items())
    yield f"{cohort.patients} patients, {cohort.studies} studies; positive: {positive}"
    if cohort.positive["any"] in (0, cohort.studies):
        word = "every study has a bleed" if cohort.positive["any"] else "no study has a bleed"
        yield f"note: {word}, so nothing can be learned from these labels; pass more --patients or another --seed"
    if cohort.first_positive:
        yield f"a study with a bleed to look at: {cohort.path / cohort.first_positive}"
    yield f"bleeds differ by at most {cohort.largest_volume_error:.1%} from the requested volume"
    yield str(cohort.path)


@checked
def phantom_position(
    output: PathLike,
    patients: int = 12,
    seed: int = 0,
    options: Sequence[str] = (),
    *,
    force: bool = False,
    progress: Progress = quiet,
) -> PositionCohort:
    """Write volumes whose voxels say where they lie, and their manifest.

    Options are those of `PositionOptions`, as "noise=0.1"; the other arguments are those of `phantom_cine`.

    Raises:
        ConfigError: a wrong option.
        OutputError: the folder exists or cannot be written.
    """
    from vesalius.phantom.position import PositionOptions, write_position

    output = Path(output)
    chosen = from_overrides(PositionOptions, options, {"patients": patients, "seed": seed})
    return write_position(output, chosen, force=force, progress=progress)


def position_lines(cohort: PositionCohort) -> Iterator[str]:
    """Yield the lines for the terminal."""
    yield f"{cohort.patients} patients"
    yield str(cohort.manifest)
