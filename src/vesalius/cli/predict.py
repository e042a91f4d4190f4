"""predict."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from vesalius.cli.options import Force, Json, OnDevice, Paths, Quiet, Threads, cores, needs_torch, with_options
from vesalius.cli.show import emit, finish, progress
from vesalius.scan.reading import AS_STATED, Reading


class HeatMap(StrEnum):
    """What the heat map shows."""

    logit = "logit"
    rollout = "rollout"


_MAPS: dict[HeatMap, Literal["logit", "rollout"]] = {HeatMap.logit: "logit", HeatMap.rollout: "rollout"}


@with_options()
def predict(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="Zoo name, model folder or run folder.", show_default=False)
    ],
    paths: Paths,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the predictions.")],
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", min=1, help="Detection: suspicious slices to tell.", show_default="5"),
    ] = None,
    intercept: Annotated[
        float | None,
        typer.Option(
            "--intercept",
            metavar="HU",
            help="Detection: added to every value before anything looks at it, e.g. -1024 where air is stored as 0.",
            show_default="0",
        ),
    ] = None,
    resample: Annotated[
        bool, typer.Option("--resample", help="Make one grid of slices that are tilted or unevenly spaced.")
    ] = False,
    heat_map: Annotated[
        HeatMap | None,
        typer.Option(
            "--heat-map",
            help="Detection: logit of the finding for each patch, or where the encoder's attention goes.",
            show_default="logit",
        ),
    ] = None,
    reading: Reading = AS_STATED,
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict with a trained model: label maps on the grid of each scan, or findings with suspicious slices.

    PATH may be a manifest, which can name several images of one study. A model for head CT refuses what is none.
    """
    needs_torch()
    from vesalius.tasks.predict.run import lines
    from vesalius.tasks.predict.run import predict as run
    from vesalius.tasks.predictor import PredictOptions

    options = PredictOptions(
        top_k=top_k, intercept_hu=intercept, resample=resample, heat_map=None if heat_map is None else _MAPS[heat_map]
    )
    done = run(
        model,
        paths,
        output,
        options,
        device=device,
        reading=reading,
        threads=threads,
        force=force,
        progress=progress(quiet),
    )
    emit(done, json, lines)
    finish(done)
