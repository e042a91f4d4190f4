"""embed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli import complete
from vesalius.cli.options import Force, Json, OnDevice, Quiet, Threads, needs_torch, with_options
from vesalius.cli.show import emit, progress
from vesalius.memory import cores
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.encode.options import EmbedOptions


@with_options()
def embed(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            autocompletion=complete.models,
            help="A model with an encoder: folder or zoo name.",
            show_default=False,
        ),
    ],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Scan or manifest.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to make.", show_default=False)],
    options: EmbedOptions,
    reading: Reading = AS_STATED,
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write the vectors that a frozen encoder gives.

    A scan becomes plain files and a map of similar patches; a manifest becomes a store of vectors for vesalius search.

    Examples:
        vesalius embed run/ study.nii.gz -o vectors
        vesalius embed run/ cohort.jsonl -o store --pool mean
    """
    needs_torch()
    from vesalius.tasks.early import check_model, check_there

    check_model(model)
    check_there(path)
    from vesalius.tasks.embed.run import embed as run
    from vesalius.tasks.embed.run import lines

    result = run(
        path,
        output,
        model,
        options,
        reading=reading,
        device=device,
        threads=threads,
        force=force,
        progress=progress(quiet),
    )
    emit(result, json, lines)
