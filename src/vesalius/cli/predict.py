"""predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vesalius.cli import complete
from vesalius.cli.options import Force, Json, OnDevice, Paths, Quiet, Threads, needs_torch, with_options
from vesalius.cli.show import emit, progress
from vesalius.memory import cores
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.predict_options import EveryOption


@with_options()
def predict(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL...",
            autocompletion=complete.models,
            help="Zoo name, model folder or run folder; several are averaged.",
            show_default=False,
        ),
    ],
    paths: Paths,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the predictions.")],
    options: EveryOption,
    reading: Reading = AS_STATED,
    device: OnDevice = "auto",
    threads: Threads = cores(),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Predict label maps or findings with a trained model.

    Label maps lie on the grid of each scan; findings come with suspicious slices.

    Several segmentation models, such as the runs of a cross-validation, predict together: RUN_A RUN_B PATH takes the
    mean of their class probabilities. They must take the same images and find the same classes. PATH may be a manifest,
    which can name several images of one study. A model for head CT refuses other scans.

    Examples:
        vesalius predict segment/cine_unet cine.nii.gz -o masks
        vesalius predict run/ studies/ -o findings --top-k 3 --device gpu
    """
    needs_torch()
    from vesalius.tasks.early import check_any_there, check_model
    from vesalius.tasks.predict.models import models_first

    models, inputs = models_first(model, paths)
    check_model(*models)
    check_any_there(inputs)
    from vesalius.tasks.predict.run import lines
    from vesalius.tasks.predict.run import predict as run

    result = run(
        models,
        inputs,
        output,
        options.given,
        device=device,
        reading=reading,
        threads=threads,
        force=force,
        progress=progress(quiet),
    )
    emit(result, json, lines)
