"""export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli.options import Force, Json, numbers
from vesalius.cli.show import emit


def export(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Model folder, run folder or zoo name.", show_default=False)
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="File to write.", show_default=False)],
    part: Annotated[
        str | None,
        typer.Option("--part", metavar="NAME", help="Only this part, e.g. encoder.", show_default="the whole model"),
    ] = None,
    format: Annotated[str, typer.Option("--format", help="Format to write: onnx.")] = "onnx",
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="J,I", help="Input size; I,J,K for volumes.", show_default="the model's"),
    ] = None,
    opset: Annotated[int, typer.Option("--opset", min=18, help="Version of the ONNX operators.")] = 20,
    within: Annotated[float, typer.Option("--within", min=0, help="Largest allowed difference of the outputs.")] = 1e-3,
    force: Force = False,
    json: Json = False,
) -> None:
    """Export a model for other programs.

    The exported file is run and compared with the model; a file that gives other numbers is refused.
    """
    from vesalius.tasks.weights.export import export_model, lines

    sides = None if size is None else numbers(size, int, "--size", "224,224")
    result = export_model(model, output, part=part, format=format, size=sides, opset=opset, within=within, force=force)
    emit(result, json, lines)
