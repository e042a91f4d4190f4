"""The demo verb."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli.options import Force, Json, Quiet, Threads
from vesalius.cli.show import emit, progress
from vesalius.memory import cores


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.")] = Path("vesalius-demo"),
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a small example of each job and write report.html.

    The scans ship inside the dependencies, or are phantoms: nothing is downloaded.

    Examples:
        vesalius demo
        vesalius demo -o first-look --threads 4
    """
    from vesalius.tasks.early import check_free

    check_free(output, force=force)
    from vesalius.tasks.demo.run import demo as run
    from vesalius.tasks.demo.run import lines

    emit(run(output, threads=threads, force=force, progress=progress(quiet)), json, lines)
