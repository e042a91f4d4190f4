"""generate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli import complete
from vesalius.cli.options import Force, Json, OnDevice, Quiet, needs_torch, with_options
from vesalius.cli.show import emit, progress
from vesalius.tasks.synthesis.options import GenerateOptions


@with_options()
def generate(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            autocompletion=complete.models,
            help="Of train generate/...: run, folder or zoo name.",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the pictures.")],
    options: GenerateOptions,
    caption: Annotated[
        str | None, typer.Option("--caption", metavar="TEXT", help='The picture in words; "": anything.')
    ] = None,
    mask: Annotated[Path | None, typer.Option("--mask", metavar="FILE", help="Label map that it follows.")] = None,
    count: Annotated[
        int | None, typer.Option("--count", metavar="N", help="Pictures of a caption.  [default: 1]")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="IN.jsonl", help="Make pictures of the training cases of a manifest instead."),
    ] = None,
    per_case: Annotated[
        int | None, typer.Option("--per-case", metavar="N", help="With --from: pictures of each case.  [default: 1]")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest", metavar="OUT.jsonl", help="Manifest of the pictures.", show_default="DIR/manifest.jsonl"
        ),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="IN has no splits, and all of its cases are for training.")
    ] = False,
    texts: Annotated[
        Path | None,
        typer.Option("--text-of-label", metavar="FILE", help="Label: words, the caption of cases that have none."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="Settings, over which options win; generate/sample is one."),
    ] = None,
    device: OnDevice = "auto",
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make labelled pictures from captions and masks.

    One caption with --caption, or a whole augmented cohort from the training cases of a manifest with --from.

    Every file says that it is synthetic. What an earlier run with the same settings finished is skipped.

    Examples:
        vesalius generate generate/nuclei -o pictures --caption 'stained microscopy, few nuclei' --count 4
        vesalius generate run/ -o more --from splits/manifest.jsonl --per-case 2
    """
    needs_torch()
    from vesalius.tasks.early import check_model, check_settings, check_there

    check_model(model)
    check_there(mask, source, texts)
    check_settings(config)
    from vesalius.tasks.synthesis.run import generate as run
    from vesalius.tasks.synthesis.run import lines

    result = run(
        model,
        output,
        caption=caption,
        mask=mask,
        source=source,
        per_case=per_case,
        manifest=manifest,
        whole=whole,
        texts=texts,
        count=count,
        options=options,
        config=config,
        device=device,
        force=force,
        progress=progress(quiet),
    )
    emit(result, json, lines)
