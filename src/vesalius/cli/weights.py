"""weights list, import, fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli.options import Force, Json, Quiet
from vesalius.cli.show import emit, finish, progress

app = typer.Typer(help="Trained models as folders.", no_args_is_help=True, rich_markup_mode=None)
Output = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to be made.", show_default=False)]


@app.callback()
def weights() -> None:
    """Trained models as folders."""


@app.command(name="list")
def list_models(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Model or run folders.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """List the models that come with the package, or those in folders.

    Task, network, size, licence, and what the card says in one line.
    """
    from vesalius.tasks.weights.listing import lines, list_weights

    done = list_weights(folders or ())
    emit(done, json, lines)
    finish(done)


@app.command(name="import")
def import_model(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="A file, or a folder as hubs lay it out.", show_default=False)
    ],
    layout: Annotated[str, typer.Option("--layout", help="How it is laid out.", show_default=False)],
    output: Output,
    net: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Sizes of the network.", show_default=False),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="PATTERN", help="Tensors that may not fit.", show_default=False),
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", help="Licence of the weights, for the card.", show_default=False)
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Turn a public checkpoint into a model folder, once.

    Layouts: meddinov3, dinov3, dinov3-transformers, dinov2, dinov2-transformers, rad-dino, voco-swinunetr, bit-npz,
    vesalius. Any tensor that is missing, unexpected or of another shape refuses, unless --allow names it (as
    'decoder*'). Nothing in a file is ever run.
    """
    from vesalius.tasks.weights.importing import import_weights, lines

    done = import_weights(checkpoint, layout, output, net or (), allow=allow or (), licence=licence, force=force)
    emit(done, json, lines)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A public model, see weights list.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Folder to be made.", show_default=False)
    ] = None,
    check_size: Annotated[bool, typer.Option("--check-size", help="Only ask how large it is.")] = False,
    revision: Annotated[
        str | None, typer.Option("--revision", help="Another commit than the pinned one.", show_default=False)
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch a public model from the Hugging Face hub.

    The only command that uses the network. The licence is told before anything is fetched.
    """
    from vesalius.tasks.weights.fetch import fetch_weights, lines

    done = fetch_weights(name, output, check_size=check_size, revision=revision, force=force, progress=progress(quiet))
    emit(done, json, lines)
