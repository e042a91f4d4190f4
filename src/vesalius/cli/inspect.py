"""inspect, convert, info."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli.options import Force, Json, Paths, numbers, with_options
from vesalius.cli.show import emit
from vesalius.scan.reading import AS_STATED, Reading


@with_options()
def inspect(paths: Paths, reading: Reading = AS_STATED, json: Json = False) -> None:
    """Describe scans: geometry, time, modality, problems.

    Examples:
        vesalius inspect study.nii.gz
        vesalius inspect dicom-folder/ --json
    """
    from vesalius.tasks.inspect import inspect as run
    from vesalius.tasks.inspect import lines

    result = run(paths, reading=reading)
    emit(result, json, lines)


@with_options()
def convert(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="File, or folder with one scan.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="File to write: .nii, .nii.gz, .npy, .npz, .png, .tif.")
    ],
    orient: Annotated[
        str | None, typer.Option("--orient", metavar="RAS", help="Permute and flip the voxel axes.")
    ] = None,
    spacing: Annotated[str | None, typer.Option("--spacing", metavar="X,Y,Z", help="Resample, mm along i,j,k.")] = None,
    reading: Reading = AS_STATED,
    resample: Annotated[bool, typer.Option("--resample", help="Resample tilted or uneven slices to one grid.")] = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Convert a scan to another file format.

    Positions in world coordinates are kept.

    Examples:
        vesalius convert dicom-folder/ -o study.nii.gz
        vesalius convert study.nii.gz -o iso.nii.gz --orient RAS --spacing 1,1,1
    """
    from vesalius.tasks.convert import convert as run
    from vesalius.tasks.convert import lines

    result = run(
        path,
        output,
        orient=orient,
        spacing_mm=None if spacing is None else _spacing(spacing),
        reading=reading,
        resample=resample,
        force=force,
    )
    emit(result, json, lines)


def _spacing(text: str) -> tuple[float, float, float]:
    x, y, z = numbers(text, float, "--spacing", "1,1,2.5", 3)
    return x, y, z


def info(json: Json = False) -> None:
    """List devices, optional parts, models, configurations.

    Examples:
        vesalius info
        vesalius info --json
    """
    from vesalius.tasks.info import info as run
    from vesalius.tasks.info import lines

    emit(run(), json, lines)
