"""cohort build, split, audit, shard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vesalius.cli.options import Force, Json, Quiet, Threads, cores, numbers
from vesalius.cli.show import emit, finish, progress

HELP = "Many scans: find them, split them by patient, check them."
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None)
Manifest = Annotated[Path, typer.Argument(metavar="M", help="A manifest, .jsonl or .csv.", show_default=False)]
Folder = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder to be made.", show_default=False)]
Seed = Annotated[int, typer.Option("--seed", help="Another seed, another result.")]
By = Literal["patient", "study"]


@app.callback()
def cohort() -> None:
    """Many scans: find them, split them by patient, check them."""


@app.command()
def build(
    layout: Annotated[str, typer.Argument(metavar="LAYOUT", help="A layout, or auto.", show_default=False)],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the data lies.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="M", help="Manifest to write, .jsonl or .csv.", show_default=False)
    ],
    options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...", help="Options of the layout, and spacing_from=sform|pixdim.", show_default=False
        ),
    ] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a manifest of the cases in a folder.

    Layouts: bids, acdc, brats, msd, nnunet, rsna-ich, chexpert, nih, voc, medmnist, jsonl, dicom, images; auto takes
    the first that fits and says which. Patients come from the layout, or from names with patient=REGEX.
    """
    from vesalius.tasks.cohort.build import build_manifest, lines

    done = build_manifest(layout, folder, output, options or (), force=force)
    emit(done, json, lines)


@app.command()
def split(
    manifest: Manifest,
    output: Folder,
    ratios: Annotated[str, typer.Option("--ratios", help="Shares of train, val and test.")] = "0.7,0.15,0.15",
    folds: Annotated[int, typer.Option("--folds", help="Folds for cross-validation outside the test split.")] = 0,
    by: Annotated[By, typer.Option("--by", help="What is never divided.")] = "patient",
    stratify: Annotated[
        str | None, typer.Option("--stratify", metavar="FACT", help="Spread the values of this fact evenly, too.")
    ] = None,
    seed: Seed = 0,
    force: Force = False,
    json: Json = False,
) -> None:
    """Split a cohort into train, val and test.

    No patient is on two sides; labels are spread evenly. The same seed gives the same split on every machine.
    """
    from vesalius.tasks.cohort.split import lines, split_manifest

    shares = numbers(ratios, float, "--ratios", "0.7,0.15,0.15", 3)
    done = split_manifest(manifest, output, shares, folds=folds, by=by, stratify=stratify, seed=seed, force=force)
    emit(done, json, lines)


@app.command()
def audit(
    manifest: Manifest,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Folder for report.html.", show_default=False)
    ] = None,
    pixels: Annotated[bool, typer.Option("--pixels/--no-pixels", help="Read the images and masks, too.")] = True,
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look for what makes results wrong.

    Patients in two splits, the same or nearly the same pixels under two names, damaged files, masks on another grid,
    contradicting labels, odd ones out. Exit code 2 where an error was found.
    """
    from vesalius.tasks.cohort.audit import audit_cohort, lines

    done = audit_cohort(
        manifest, output, pixels=pixels, workers=threads, force=force, progress=progress(quiet or not pixels)
    )
    emit(done, json, lines)
    finish(done)


@app.command()
def shard(
    manifest: Manifest,
    output: Folder,
    shard_mib: Annotated[float, typer.Option("--size", metavar="MIB", min=1, help="Size of a shard.")] = 256,
    seed: Seed = 0,
    keep_identifiers: Annotated[
        bool, typer.Option("--keep-identifiers", help="Pack files as they are, with all that their headers say.")
    ] = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Write a cohort as tar shards for a cluster (WebDataset).

    Only scans and masks that can be read are packed; DICOM and NIfTI headers keep what a .vsl file keeps.
    """
    from vesalius.tasks.cohort.shard import lines, shard_cohort

    done = shard_cohort(
        manifest, output, shard_mib=shard_mib, seed=seed, keep_identifiers=keep_identifiers, force=force
    )
    emit(done, json, lines)
