"""cohort build, draw, split, audit, shard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vesalius.cli import complete
from vesalius.cli.options import Force, Json, NewFolder, Quiet, Threads, numbers
from vesalius.cli.show import emit, progress
from vesalius.memory import cores

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Manifest = Annotated[
    Path, typer.Argument(metavar="M", help="Manifest, .jsonl or .csv, or shards (.tar or folder).", show_default=False)
]
Seed = Annotated[int, typer.Option("--seed", help="Random seed.")]
By = Literal["patient", "study"]


@app.callback()
def cohort() -> None:
    """Find, split, check and pack cases."""


@app.command()
def build(
    layout: Annotated[
        str,
        typer.Argument(
            metavar="LAYOUT", autocompletion=complete.layouts, help="Layout of the data, or auto.", show_default=False
        ),
    ],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the data.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="M", help="Manifest to write, .jsonl or .csv.", show_default=False)
    ],
    options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="Options of the layout; spacing_from=sform|pixdim.", show_default=False
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a manifest of the cases in a folder.

    Layouts: bids, acdc, brats, msd, nnunet, rsna-ich, chexpert, mimic-cxr, nih, voc, medmnist, pcam, jsonl, webdataset,
    dicom, images, slides; auto takes the first that fits and names it. Patients come from the layout, or from file
    names with patient=REGEX.

    Examples:
        vesalius cohort build auto data/ -o cohort.jsonl
        vesalius cohort build images photos/ -o cohort.jsonl 'patient=^([0-9]+)'
    """
    from vesalius.tasks.cohort.build import build_manifest, lines

    result = build_manifest(layout, folder, output, options or (), force=force)
    emit(result, json, lines)


@app.command()
def draw(
    manifest: Manifest,
    output: NewFolder,
    classes: Annotated[
        str | None,
        typer.Option("--classes", metavar="A,B", help="Boxes to draw, in the order of their values, from 1."),
    ] = None,
    shape: Annotated[Literal["ellipse", "box"], typer.Option("--shape", help="What a box covers.")] = "ellipse",
    caption: Annotated[
        str | None,
        typer.Option(
            "--caption", metavar="TEXT", help="What all pictures are; each caption adds the classes of its boxes."
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw the boxes of a cohort as label maps, and caption them.

    A class without a box is unknown, never absent: captions do not name it, and a case without any box has no label
    map.

    Examples:
        vesalius cohort draw boxes.jsonl -o drawn
        vesalius cohort draw boxes.jsonl -o drawn --classes disc,bleed --caption 'fundus photograph'
    """
    from vesalius.tasks.cohort.draw import draw_boxes, lines

    names = [name.strip() for name in classes.split(",")] if classes else ()
    result = draw_boxes(
        manifest, output, classes=names, shape=shape, caption=caption, force=force, progress=progress(quiet)
    )
    emit(result, json, lines)


@app.command()
def split(
    manifest: Manifest,
    output: NewFolder,
    ratios: Annotated[str, typer.Option("--ratios", help="Shares of train, val and test.")] = "0.7,0.15,0.15",
    folds: Annotated[int, typer.Option("--folds", help="Number of cross-validation folds outside the test split.")] = 0,
    by: Annotated[By, typer.Option("--by", help="Unit that is never divided.")] = "patient",
    stratify: Annotated[
        str | None,
        typer.Option("--stratify", metavar="FACT", help="Fact whose values are spread evenly, too."),
    ] = None,
    near_duplicates: Annotated[
        bool, typer.Option("--near-duplicates", help="Read all images, and keep those that look alike together.")
    ] = False,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Split a cohort into train, val and test.

    No patient is in two splits; labels are spread evenly. The same seed gives the same splits on every machine.

    Examples:
        vesalius cohort split cohort.jsonl -o splits
        vesalius cohort split cohort.jsonl -o splits --folds 5 --stratify label
    """
    from vesalius.tasks.cohort.split import lines, split_manifest

    shares = numbers(ratios, float, "--ratios", "0.7,0.15,0.15", 3)
    result = split_manifest(
        manifest,
        output,
        shares,
        folds=folds,
        by=by,
        stratify=stratify,
        near_duplicates=near_duplicates,
        seed=seed,
        force=force,
        progress=progress(quiet or not near_duplicates),
    )
    emit(result, json, lines)


@app.command()
def audit(
    manifest: Manifest,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Folder for report.html.", show_default=False)
    ] = None,
    pixels: Annotated[bool, typer.Option("--pixels/--no-pixels", help="Read images and masks, too.")] = True,
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Search a cohort for errors that make results wrong.

    Patients in two splits, equal or nearly equal pixels under two names, damaged files, masks on another grid,
    contradicting labels, outliers. The exit code is 2 if an error was found.

    Examples:
        vesalius cohort audit splits/manifest.jsonl -o audit
        vesalius cohort audit cohort.jsonl --no-pixels
    """
    from vesalius.tasks.cohort.audit import audit_cohort, lines

    result = audit_cohort(
        manifest, output, pixels=pixels, workers=threads, force=force, progress=progress(quiet or not pixels)
    )
    emit(result, json, lines)


@app.command()
def shard(
    manifest: Manifest,
    output: NewFolder,
    shard_mib: Annotated[float, typer.Option("--size", metavar="MIB", min=1, help="Size of a shard.")] = 256,
    seed: Seed = 0,
    keep_identifiers: Annotated[
        bool, typer.Option("--keep-identifiers", help="Pack files unchanged, with all header fields.")
    ] = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a cohort as tar shards for a cluster (WebDataset).

    Only readable scans and masks are packed; of DICOM and NIfTI headers, the fields that a .vsl file keeps.

    Examples:
        vesalius cohort shard cohort.jsonl -o shards
        vesalius cohort shard cohort.jsonl -o shards --size 1024
    """
    from vesalius.tasks.cohort.shard import lines, shard_cohort

    result = shard_cohort(
        manifest, output, shard_mib=shard_mib, seed=seed, keep_identifiers=keep_identifiers, force=force
    )
    emit(result, json, lines)
