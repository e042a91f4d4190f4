"""weights list, import, fetch; export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli import complete
from vesalius.cli.options import Force, Json, NewFolder, Quiet, numbers
from vesalius.cli.show import emit, progress

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def weights() -> None:
    """List, import and fetch trained models."""


@app.command(name="list")
def list_models(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Model or run folders.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """List the models of the package, or of the given folders.

    Shows task, network, size, licence and the summary of the model card.

    Examples:
        vesalius weights list
        vesalius weights list run-a/ run-b/
    """
    from vesalius.tasks.weights.listing import lines, list_weights

    result = list_weights(folders or ())
    emit(result, json, lines)


@app.command(name="import")
def import_model(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="File, or folder in the form of a hub.", show_default=False)
    ],
    layout: Annotated[
        str,
        typer.Option("--layout", help="Layout of the checkpoint.", show_default=False),
    ],
    output: NewFolder,
    net: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Sizes of the network.", show_default=False),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="PATTERN", help="Tensors that are allowed not to fit.", show_default=False),
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", help="Licence of the weights, for the card.", show_default=False)
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Turn a public checkpoint into a model folder, once.

    Layouts: meddinov3, dinov3, dinov3-transformers, dinov2, dinov2-transformers, rad-dino, voco, voco-swinunetr,
    vocomni, bit-npz, vesalius. A tensor that is missing, unexpected or of another shape is an error unless --allow
    names it (e.g. 'decoder*'). No code in a checkpoint is ever run.

    Examples:
        vesalius weights import model.safetensors --layout dinov2 -o encoder
        vesalius weights import checkpoint.pt --layout voco -o encoder --allow 'decoder*'
    """
    from vesalius.tasks.early import check_free, check_there

    check_free(output, force=force)
    check_there(checkpoint)
    from vesalius.tasks.weights.importing import import_weights, lines

    result = import_weights(checkpoint, layout, output, net or (), allow=allow or (), licence=licence, force=force)
    emit(result, json, lines)


@app.command()
def fetch(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            autocompletion=complete.public_models,
            help="Public model, see weights list.",
            show_default=False,
        ),
    ],
    net: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="Sizes of the network, as for import.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Model folder to make.", show_default=False)
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="PLACE",
            help="Instead of the hub: address of the weights or of their folder, or a file or folder of this machine.",
            show_default=False,
        ),
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option("--files", metavar="DIR", help="Folder to make that keeps the fetched files.", show_default=False),
    ] = None,
    check_size: Annotated[bool, typer.Option("--check-size", help="Print the size of the download only.")] = False,
    revision: Annotated[
        str | None, typer.Option("--revision", help="Commit to fetch instead of the pinned one.", show_default=False)
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="PATTERN", help="Tensors that are allowed not to fit.", show_default=False),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Fetch a public model, from the Hugging Face hub or elsewhere, and make a model folder of it.

    The only command that uses the network, and with --from FILE it does not. It prints the licence before it downloads
    anything.

    Examples:
        vesalius weights fetch dinov2-base --check-size
        vesalius weights fetch dinov2-base -o dinov2
    """
    from vesalius.tasks.weights.fetch import fetch_weights, lines

    result = fetch_weights(
        name,
        output,
        net or (),
        source=source,
        files=files,
        check_size=check_size,
        revision=revision,
        allow=allow or (),
        force=force,
        progress=progress(quiet),
    )
    emit(result, json, lines)


def export(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            autocompletion=complete.models,
            help="Model folder, run folder or zoo name.",
            show_default=False,
        ),
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
    """Export a model to ONNX for other programs.

    A segmenter gets a JSON file about its input and classes, too. The exported file is run and compared with the model;
    a file that gives other numbers is refused.

    Examples:
        vesalius export segment/cine_unet -o cine.onnx
        vesalius export run/ -o encoder.onnx --part encoder --size 224,224
    """
    from vesalius.tasks.early import check_model

    check_model(model)
    from vesalius.tasks.weights.export import export_model, lines

    sides = None if size is None else numbers(size, int, "--size", "224,224")
    result = export_model(model, output, part=part, format=format, size=sides, opset=opset, within=within, force=force)
    emit(result, json, lines)
