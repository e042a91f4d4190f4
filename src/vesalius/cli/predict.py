"""predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli.options import Device, Force, Json, Paths, Quiet, Threads, cores, needs_torch
from vesalius.cli.show import emit, finish, progress


def predict(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Zoo name, model folder or run folder.", show_default=False)
    ],
    paths: Paths,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the predictions.")],
    device: Annotated[Device, typer.Option("--device", help="auto: a GPU where there is one.")] = Device.auto,
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict with a trained model: label maps on the grid of each scan.

    PATH may be a manifest, which can name several images of one study.
    """
    needs_torch()
    from vesalius.tasks.predict.predict import lines
    from vesalius.tasks.predict.predict import predict as run

    done = run(model, paths, output, device=device.value, threads=threads, force=force, progress=progress(quiet))
    emit(done, json, lines)
    finish(done)
