"""search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli.options import Force, Json, OnDevice, Quiet, Threads, needs_torch, with_options
from vesalius.cli.show import emit, progress
from vesalius.memory import cores
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.search.options import SearchOptions


@with_options()
def search(
    store: Annotated[
        Path, typer.Argument(metavar="STORE", help="Folder that embed made of a manifest.", show_default=False)
    ],
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="Id of a case of the store, or a scan.", show_default=False)
    ],
    options: SearchOptions,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Folder for the pictures and the report.", show_default=False
        ),
    ] = None,
    reading: Reading = AS_STATED,
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find the cases of a store that are most similar to a scan.

    The scan is a case of the store, or any other.

    Examples:
        vesalius search store patient-007
        vesalius search store study.nii.gz -o similar --top-k 10
    """
    needs_torch()
    from vesalius.tasks.early import check_free, check_there

    check_free(output, force=force)
    check_there(store)
    from vesalius.tasks.search.run import lines
    from vesalius.tasks.search.run import search as run

    result = run(
        store,
        query,
        output,
        options,
        reading=reading,
        device=device,
        threads=threads,
        force=force,
        progress=progress(quiet),
    )
    emit(result, json, lines)
