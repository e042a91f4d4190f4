"""embed."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vesalius.cli.options import (
    Force,
    Json,
    OnDevice,
    Quiet,
    Threads,
    Vectors,
    cores,
    needs_torch,
    numbers,
    with_options,
)
from vesalius.cli.show import emit, progress
from vesalius.scan.reading import AS_STATED, Reading

if TYPE_CHECKING:
    from vesalius.transforms.ct_slices import CtWindow


class Precision(StrEnum):
    """Numbers of the encoder."""

    auto = "auto"
    fp32 = "fp32"
    bf16 = "bf16"


class Window(StrEnum):
    """How CT slices are shown to it."""

    trained = "as-trained"
    wide = "wide"
    three = "brain-subdural-bone"


_WINDOWS: dict[Window, CtWindow | None] = {
    Window.trained: None,
    Window.wide: "wide",
    Window.three: "brain-subdural-bone",
}


@with_options()
def embed(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="An encoder: a model folder or a name of the zoo.", show_default=False),
    ],
    path: Annotated[Path, typer.Argument(metavar="SCAN", help="File or folder.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to make.", show_default=False)],
    stride: Annotated[int, typer.Option("--stride", min=1, help="Every so many slices.")] = 1,
    most: Annotated[int, typer.Option("--max-slices", min=0, help="Slices at most, evenly spread; 0: all.")] = 0,
    least_body: Annotated[
        float,
        typer.Option(
            "--least-body",
            min=0.0,
            max=0.99,
            metavar="SHARE",
            help="Leave out slices with a smaller share of pixels above --body-above, e.g. 0.02; 0: none.",
        ),
    ] = 0.0,
    body_above: Annotated[
        float, typer.Option("--body-above", metavar="VALUE", help="Divides air and body; HU of CT.")
    ] = -500.0,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Slices at once.")] = 16,
    slice_: Annotated[int, typer.Option("--slice", help="Slice of the similarity map; -1: the middle one.")] = -1,
    patch: Annotated[
        str | None,
        typer.Option("--patch", metavar="H,W", help="Patch that others are compared with.", show_default="the middle"),
    ] = None,
    window: Annotated[Window, typer.Option("--window", help="How CT slices are shown.")] = Window.trained,
    precision: Annotated[
        Precision, typer.Option("--precision", help="auto: bf16 where the hardware has it.")
    ] = Precision.auto,
    reading: Reading = AS_STATED,
    cache: Vectors = None,
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write what a frozen encoder makes of the slices of a scan."""
    needs_torch()
    from vesalius.tasks.embed import PatchChoice, lines
    from vesalius.tasks.embed import embed as run
    from vesalius.tasks.encode.slices import SliceConfig

    done = run(
        path,
        output,
        model,
        SliceConfig.build(stride=stride, most=most, least_body=least_body, body_above=body_above),
        PatchChoice(slice_, None if patch is None else _pair(patch)),
        reading=reading,
        window=_WINDOWS[window],
        batch=batch,
        precision=precision.value,
        cache=cache,
        device=device,
        threads=threads,
        force=force,
        progress=progress(quiet),
    )
    emit(done, json, lines)


def _pair(text: str) -> tuple[int, int]:
    row, column = numbers(text, int, "--patch", "7,7", 2)
    return row, column
