"""Predict with any trained model; what is written depends on its job."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from vesalius.errors import InputError, OutputError, VesaliusError
from vesalius.output import new_file, refuse_existing
from vesalius.report.html import run_report
from vesalius.report.made import made
from vesalius.report.page import FIGURES, SUMMARY, Report, load_report, write_figure
from vesalius.tasks.predict.inputs import Input, find_inputs
from vesalius.tasks.segment.predict import SegmentPredictor
from vesalius.training.device import on_cpu
from vesalius.weights.place import locate
from vesalius.weights.saved import digest_of, read_config

_PREDICTORS = {"segment": SegmentPredictor}
"""task of a model -> what predicts with it."""
_STATE = "model.json"
_PACKAGES = ("numpy", "scipy", "torch", "monai", "nibabel", "pydicom")


def predict(
    model: str | Path,
    paths: Sequence[Path],
    output: Path,
    *,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Predict every study; what fails is listed and the rest goes on; a rerun skips what is finished.

    Args:
        model: a model folder, a run folder or a name of the zoo.
        paths: scans, folders of scans, manifests.
        output: folder for the predictions, summary.json and report.html.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        force: predict anew what is there.
        progress: told what is done.

    Returns:
        {"path", "report", "results": {name: measures}, "skipped", "failed"}, JSON-able.

    Raises:
        InputError: no such model, or one whose job does not predict.
        UsageError: the model takes several images and no manifest was given; no GPU.
        OutputError: the folder holds something else.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    folder = locate(model)
    task = read_config(folder).task
    if task not in _PREDICTORS:
        raise InputError(f"is a model for {task}, with which nothing can be predicted", where=folder)
    predictor = _PREDICTORS[task](folder, "cpu" if on_cpu(device) else "cuda")
    inputs, failed = find_inputs(paths, predictor.images)
    done = _begin(output, {"model": digest_of(folder)}, force=force)
    results: dict[str, dict[str, Any]] = {}
    skipped = []
    for one in inputs:
        target = output / predictor.file_of(one.name)
        if one.name in done and target.exists() and not force:
            results[one.name] = done[one.name]
            skipped.append(str(target))
            continue
        try:
            results[one.name] = _one(predictor, one, target, output)
            progress(f"{target.name}: done")
        except VesaliusError as error:
            failed.append({"path": one.where, "error": str(error)})
            progress(f"failed: {error}")
    report = Report(
        title=f"Predictions: {folder.name if folder.name != 'model' else folder.parent.name}",
        task=f"predict {task}",
        lead=f"{len(results)} studies. Research use only, not a medical device.",
        sections=predictor.sections(results, _pictures(output, results)),
        made=made(f"vesalius predict {Path(model).name} -o {output.name}", torch.get_num_threads(), None, _PACKAGES),
        results={"studies": results, "model": digest_of(folder)},
        failures={Path(one["path"]).name: "could not be predicted" for one in failed},
    )
    report.save(output)
    page = run_report(output)
    return {"path": str(output), "report": str(page), "results": results, "skipped": skipped, "failed": failed}


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    told = []
    for name, measures in result["results"].items():
        numbers = ", ".join(f"{key} {value:.4g}" for key, value in measures.items() if isinstance(value, int | float))
        told.append(f"{name}: {numbers}")
    told += [f"{path}  finished before" for path in result["skipped"]]
    return [*told, *(f"failed  {one['error']}" for one in result["failed"]), result["report"]]


def _one(predictor: SegmentPredictor, one: Input, target: Path, output: Path) -> dict[str, Any]:
    predicted = predictor(one.open(), target)
    if predicted.picture is not None:
        (output / FIGURES).mkdir(exist_ok=True)
        write_figure(output / FIGURES / f"{one.name}.png", predicted.picture)
    return predicted.measures


def _begin(output: Path, state: dict[str, str], *, force: bool) -> dict[str, Any]:
    """Take the folder; what an earlier run with the same model finished.

    Raises:
        OutputError: it holds something else, or predictions of another model.
    """
    kept = output / _STATE
    if not kept.exists():
        refuse_existing(output, force=force)
        try:
            output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError("no folder can be made there", where=output, fix="choose another") from error
    elif not force and json.loads(kept.read_text(encoding="utf-8")) != state:
        raise OutputError("holds predictions of another model", where=output, fix="choose another or pass --force")
    with new_file(kept, force=True) as part:
        part.write_text(json.dumps(state) + "\n", encoding="utf-8")
    if force or not (output / SUMMARY).exists():
        return {}
    return dict(load_report(output).results.get("studies", {}))


def _pictures(output: Path, results: dict[str, Any]) -> dict[str, str]:
    """Study -> its picture in `figures`."""
    return {name: f"{name}.png" for name in results if (output / FIGURES / f"{name}.png").exists()}
