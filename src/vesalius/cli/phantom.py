"""phantom cine, phantom head-ct, phantom position."""

from __future__ import annotations

from typing import Annotated

import typer

from vesalius.cli.options import Force, Json, NewFolder, Quiet
from vesalius.cli.show import emit, progress

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Patients = Annotated[int, typer.Option("--patients", min=1, help="Number of patients.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Random seed; the same seed gives the same bytes.")]
Options = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Other options.", show_default=False)
]


@app.callback()
def phantom() -> None:
    """Make synthetic cohorts with known truth."""


@app.command()
def cine(
    output: NewFolder,
    options: Options = None,
    patients: Patients = 5,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make beating short-axis hearts in the layout of ACDC.

    Volumes, EF, wall thickness and noise are known. Options: groups, frames, size, fov_mm, thickness_mm, noise,
    shading, banding, flow, shift_mm, labels_4d.

    Examples:
        vesalius phantom cine -o hearts
        vesalius phantom cine -o hearts --patients 20 size=96 noise=0.05
    """
    from vesalius.tasks.phantom import cine_lines, phantom_cine

    result = phantom_cine(output, patients, seed, options or (), force=force, progress=progress(quiet))
    emit(result, json, cine_lines)


@app.command(name="head-ct")
def head_ct(
    output: NewFolder,
    options: Options = None,
    patients: Patients = 5,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make head CT with five kinds of bleed, look-alikes, masks and label tables.

    Volumes, HU, compartments and noise are known. Options: matrix, slices, thickness_mm, fov_mm, noise_hu,
    prevalence.any, volume_ml.subdural, lookalikes.motion, bleeds, ...

    Examples:
        vesalius phantom head-ct -o heads
        vesalius phantom head-ct -o heads --patients 20 matrix=256 prevalence.any=0.5
    """
    from vesalius.tasks.phantom import head_ct_lines, phantom_head_ct

    result = phantom_head_ct(output, patients, seed, options or (), force=force, progress=progress(quiet))
    emit(result, json, head_ct_lines)


@app.command()
def position(
    output: NewFolder,
    options: Options = None,
    patients: Patients = 12,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make volumes whose voxels say where they lie, and their manifest.

    Brightness, the length of a wave and its contrast rise along i, j and k. Options: size, noise, gain.

    Examples:
        vesalius phantom position -o volumes
        vesalius phantom position -o volumes --patients 30 noise=0.1
    """
    from vesalius.tasks.phantom import phantom_position, position_lines

    result = phantom_position(output, patients, seed, options or (), force=force, progress=progress(quiet))
    emit(result, json, position_lines)
