"""inspect, convert, info."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli.options import Force, Json, Paths
from vesalius.cli.reading import reads
from vesalius.cli.show import emit, finish
from vesalius.errors import UsageError
from vesalius.scan.reading import AS_STATED, Reading


@reads
def inspect(paths: Paths, reading: Reading = AS_STATED, json: Json = False) -> None:
    """Describe scans: geometry, time, modality, problems."""
    from vesalius.tasks.inspect import inspect as run
    from vesalius.tasks.inspect import lines

    result = run(paths, reading=reading)
    emit(result, json, lines)
    finish(result)


@reads
def convert(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A file, or a folder with one scan.", show_default=False)
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="What to write: .nii, .nii.gz, .npy, .npz, .png, .tif.")
    ],
    orient: Annotated[
        str | None, typer.Option("--orient", metavar="RAS", help="Permute and flip the voxel axes.")
    ] = None,
    spacing: Annotated[str | None, typer.Option("--spacing", metavar="X,Y,Z", help="Resample, mm along i,j,k.")] = None,
    reading: Reading = AS_STATED,
    resample: Annotated[bool, typer.Option("--resample", help="Make one grid of tilted or uneven slices.")] = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Convert a scan to another file format.

    Its place in the world is kept.
    """
    from vesalius.tasks.convert import convert as run
    from vesalius.tasks.convert import lines

    done = run(
        path,
        output,
        orient=orient,
        spacing_mm=None if spacing is None else _spacing(spacing),
        reading=reading,
        resample=resample,
        force=force,
    )
    emit(done, json, lines)


def _spacing(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not three numbers", where="--spacing", fix="write for instance 1,1,2.5"
        ) from error
    return x, y, z


def info(json: Json = False) -> None:
    """Print versions, coders and formats."""
    from vesalius.tasks.info import info as run
    from vesalius.tasks.info import lines

    emit(run(), json, lines)
