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
from vesalius.report.page import FIGURES, PAGE, SUMMARY, Report, load_report, write_figure
from vesalius.tasks.detect.predict import DetectPredictor
from vesalius.tasks.predict.inputs import Input, find_inputs
from vesalius.tasks.predictor import PredictOptions, Predictor
from vesalius.tasks.segment.predict import SegmentPredictor
from vesalius.training.device import on_cpu
from vesalius.weights.place import locate
from vesalius.weights.saved import read_config

_PREDICTORS: dict[str, type[Predictor]] = {"detect": DetectPredictor, "segment": SegmentPredictor}
"""task of a model -> what predicts with it."""
_STATE = "model.json"
_PACKAGES = ("numpy", "scipy", "torch", "timm", "monai", "nibabel", "pydicom")


def predict(
    model: str | Path,
    paths: Sequence[Path],
    output: Path,
    options: PredictOptions | None = None,
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
        options: what is asked of the prediction; None: nothing.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        force: predict anew what is there.
        progress: told what is done.

    Returns:
        {"path", "report", "results": {name: measures}, "told": {name: line}, "skipped", "failed"}, JSON-able.

    Raises:
        InputError: no such model, or one whose job does not predict.
        UsageError: an option that the job does not know; the model takes several images and no manifest was given; no
            GPU.
        OutputError: the folder holds something else.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    options = options or PredictOptions()
    folder = locate(model)
    task = read_config(folder).task
    if task not in _PREDICTORS:
        raise InputError(f"is a model for {task}, with which nothing can be predicted", where=folder)
    predictor = _PREDICTORS[task](folder, "cpu" if on_cpu(device) else "cuda", options)
    inputs, failed = find_inputs(paths, predictor.images, taken=(SUMMARY, PAGE, FIGURES, _STATE))
    done = _begin(output, {"model": predictor.digest(), **options.asked}, force=force)
    results: dict[str, dict[str, Any]] = {}
    skipped = []
    title = f"Predictions: {folder.name if folder.name != 'model' else folder.parent.name}"
    command = f"vesalius predict {Path(model).name} -o {output.name}"
    try:
        for one in inputs:
            target = output / predictor.target_of(one.name)
            if one.name in done and target.exists() and not force:
                results[one.name] = done[one.name]
                skipped.append(str(target))
                continue
            try:
                results[one.name] = _one(predictor, one, target, output)
                progress(f"{target.name}: done")
            except VesaliusError as error:
                failed.append({"path": one.where, "error": str(error), "reason": error.what})
                progress(f"failed: {one.where}: {error}")
    finally:  # who stops in the middle keeps what is finished
        earlier = {name: one for name, one in done.items() if (output / predictor.target_of(name)).exists()}
        whole = {**earlier, **results}
        Report(
            title=title,
            task=f"predict {task}",
            lead=f"{len(whole)} studies. Research use only, not a medical device.",
            sections=predictor.sections(whole, _pictures(output, whole)),
            made=made(command, torch.get_num_threads(), None, _PACKAGES),
            results={"studies": whole, "model": predictor.digest(), "options": options.asked},
            failures={Path(one["path"]).name: one["reason"] for one in failed},
        ).save(output)
    page = run_report(output)
    return {
        "path": str(output),
        "report": str(page),
        "results": results,
        "told": {name: predictor.told(measures) for name, measures in results.items()},
        "skipped": skipped,
        "failed": failed,
    }


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    told = [f"{name}: {line}" for name, line in result["told"].items()]
    told += [f"{path}  finished before" for path in result["skipped"]]
    return [*told, *map(_failure, result["failed"]), result["report"]]


def _failure(one: dict[str, str]) -> str:
    path, error = one["path"], one["error"]
    return f"failed  {error}" if error.startswith(path) else f"failed  {path}: {error}"


def _one(predictor: Predictor, one: Input, target: Path, output: Path) -> dict[str, Any]:
    predicted = predictor(one.open(), target)
    for old in _figures(output, one.name).values():
        (output / FIGURES / old).unlink()
    for kind, png in predicted.pictures.items():
        write_figure(output / FIGURES / f"{one.name}.{kind}.png", png)
    return predicted.measures


def _begin(output: Path, state: dict[str, Any], *, force: bool) -> dict[str, Any]:
    """Take the folder; what an earlier run with the same model and options finished.

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
        what = "holds predictions of another model or with other options"
        raise OutputError(what, where=output, fix="choose another or pass --force")
    with new_file(kept, force=True) as part:
        part.write_text(json.dumps(state) + "\n", encoding="utf-8")
    if force or not (output / SUMMARY).exists():
        return {}
    return dict(load_report(output).results.get("studies", {}))


def _pictures(output: Path, results: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Study -> kind -> file in `figures`, of the studies that have pictures."""
    found = {name: _figures(output, name) for name in results}
    return {name: files for name, files in found.items() if files}


def _figures(output: Path, name: str) -> dict[str, str]:
    """Kind -> file in `figures`; a kind holds no full stop."""
    folder = output / FIGURES
    files = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    own = [file for file in files if file.startswith(f"{name}.") and file.count(".") == name.count(".") + 2]
    return {file.split(".")[-2]: file for file in own}
