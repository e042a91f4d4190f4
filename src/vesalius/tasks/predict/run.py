"""Predict with any trained model; what is written depends on its job."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vesalius.errors import CorruptFileError, InputError, OutputError, VesaliusError, printable
from vesalius.files import regular
from vesalius.output import alone, new_file, refuse_existing
from vesalius.report.html import run_report
from vesalius.report.limits import limits_line, limits_section
from vesalius.report.made import made
from vesalius.report.page import FIGURES, PAGE, SUMMARY, Report, write_figure
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.detect.predict import DetectPredictor
from vesalius.tasks.predict.inputs import Input, find_inputs
from vesalius.tasks.predict.ledger import RECORD, Finished, Ledger, content_digest
from vesalius.tasks.predictor import PredictOptions, Predictor
from vesalius.tasks.segment.predict import SegmentPredictor
from vesalius.training.device import on_cpu
from vesalius.weights.card import NOTICE
from vesalius.weights.place import locate
from vesalius.weights.saved import read_config

_PREDICTORS: dict[str, type[Predictor]] = {"detect": DetectPredictor, "segment": SegmentPredictor}
"""task of a model -> what predicts with it."""
_STATE = "model.json"
_OWN = (SUMMARY, PAGE, FIGURES, _STATE, RECORD)
"""Names that no study may have."""
_PACKAGES = ("numpy", "scipy", "torch", "timm", "monai", "nibabel", "pydicom")


@alone
def predict(
    model: str | Path,
    paths: Sequence[Path],
    output: Path,
    options: PredictOptions | None = None,
    *,
    reading: Reading = AS_STATED,
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
        reading: choices where the files leave some open.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        force: predict anew what is there; what another model, or this one with other options, left is removed.
        progress: called with one line before each study; what came of it is in the result.

    Returns:
        {"path", "report", "about", "limits", "results": {name: measures}, "sources": {name: where it came from},
        "told": {name: line}, "skipped", "failed"}, JSON-able; "about" and "limits" are what the card of the model says
        it is, and where it fails.

    Raises:
        InputError: no such model, or one whose job does not predict.
        UsageError: an option that the job does not know; the model takes several images and no manifest was given; no
            GPU.
        OutputError: the folder holds something else.
        CorruptFileError: nobody can tell what it holds.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    options = options or PredictOptions()
    folder = locate(model)
    task = read_config(folder).task
    if task not in _PREDICTORS:
        what = f"is a model for {task}, with which nothing can be predicted"
        fix = "look at slices with vesalius embed" if task == "encode" else None
        raise InputError(what, where=folder, fix=fix or f"name a model for {' or '.join(_PREDICTORS)}")
    predictor = _PREDICTORS[task](folder, "cpu" if on_cpu(device) else "cuda", options)
    about, limits = predictor.card.summary, predictor.card.caveats
    inputs, failed = find_inputs(paths, predictor.images, reading)
    record = _begin(
        output, {"model": predictor.digest(), **options.asked, **reading.stated()}, predictor.target_of, force=force
    )
    results: dict[str, dict[str, Any]] = {}
    skipped = []
    title = f"Predictions: {folder.name if folder.name != 'model' else folder.parent.name}"
    command = f"vesalius predict {Path(model).name} -o {output.name}"
    try:
        for number, one in enumerate(inputs, 1):
            failures = f", {len(failed)} failed so far" if failed else ""
            progress(f"{number} of {len(inputs)}: {one.names[0]}{failures}")
            try:
                name, is_new = _one(predictor, one, record, output, taken=(*_OWN, *results), anew=force)
            except Exception as error:
                failed.append(_failed(one, error))
                continue
            results[name] = record.studies[name].measures
            target = output / predictor.target_of(name)
            if not is_new:
                skipped.append(str(target))
    finally:  # who stops in the middle keeps what is finished
        whole = {name: study.measures for name, study in record.studies.items()}
        Report(
            title=title,
            task=f"predict {task}",
            lead=f"{about or 'A model without a summary'}. Studies: {len(whole)}. {NOTICE}",
            sections=[limits_section(limits), *(predictor.sections(whole, _pictures(output, whole)) if whole else ())],
            made=made(command, torch.get_num_threads(), None, _PACKAGES),
            results={
                "limits": list(limits),
                "studies": {name: {"source": one.source, **one.measures} for name, one in record.studies.items()},
                "model": predictor.digest(),
                "options": options.asked | reading.stated(),
            },
            failures={printable(one["source"]): one["reason"] for one in failed},
        ).save(output)
    page = run_report(output)
    return {
        "path": str(output),
        "report": str(page),
        "about": about,
        "limits": list(limits),
        "results": results,
        "sources": {name: record.studies[name].source for name in results},
        "told": {name: predictor.told(measures) for name, measures in results.items()},
        "skipped": skipped,
        "failed": failed,
    }


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people."""
    shown = [limits_line(result["limits"])]
    shown += [f"model: {result['about']}"] if result["about"] else []
    shown += [f"{name}: {line}" for name, line in result["told"].items()]
    shown += [f"{path}  finished before" for path in result["skipped"]]
    return [*shown, *map(_failure, result["failed"]), result["report"]]


def _failure(one: dict[str, str]) -> str:
    path, error = one["path"], one["error"]
    return f"failed  {error}" if error.startswith(path) else f"failed  {path}: {error}"


def _failed(one: Input, error: Exception) -> dict[str, str]:
    if isinstance(error, VesaliusError):
        return {"path": one.where, "source": one.source, "error": str(error), "reason": error.reason}
    reason = " ".join(f"an unforeseen {type(error).__name__}: {error}".split())
    return {"path": one.where, "source": one.source, "error": reason, "reason": reason}


def _one(
    predictor: Predictor, one: Input, record: Ledger, output: Path, *, taken: Collection[str], anew: bool
) -> tuple[str, bool]:
    """The name of a study, and whether it was predicted now; a finished one is predicted again only if `anew`."""
    scans = {name: scan.resident() for name, scan in one.open().items()}
    ends = one.ends()
    digest = content_digest(scans, ends)
    name = record.name_for(one.names, digest, taken)
    if name in record.studies and not anew:
        if record.studies[name].source != one.source:
            record.add(replace(record.studies[name], source=one.source))
        return name, False
    target = output / predictor.target_of(name)
    predicted = predictor(scans, target, ends)
    for old in _figures(output, name).values():
        (output / FIGURES / old).unlink()
    for kind, png in predicted.pictures.items():
        write_figure(output / FIGURES / f"{name}.{kind}.png", png)
    written = [*(target.iterdir() if target.is_dir() else [target])]
    written += [output / FIGURES / file for file in _figures(output, name).values()]
    files = tuple(sorted(path.relative_to(output).as_posix() for path in written))
    record.add(Finished(name, digest, predicted.measures, one.source, files))
    return name, True


def _begin(output: Path, state: dict[str, Any], target_of: Callable[[str], str], *, force: bool) -> Ledger:
    """Take the folder; what an earlier run with the same model and options finished. What another left is removed.

    Raises:
        CorruptFileError: nobody can tell what it holds.
        OutputError: it holds something else, or predictions of another model.
    """
    kept = output / _STATE
    same = False
    if kept.exists():
        same = _state(kept, force=force) == state
    else:
        refuse_existing(output, force=force)
    if kept.exists() and not same and not force:
        what = "holds predictions of another model or with other options"
        raise OutputError(what, where=output, fix="choose another or pass --force")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError("no folder can be made there", where=output, fix="choose another") from error
    record = Ledger.again(output, lambda name: (output / target_of(name)).exists()) if same else Ledger.emptied(output)
    with new_file(kept, force=True) as part:
        part.write_text(json.dumps(state) + "\n", encoding="utf-8")
    return record


def _state(path: Path, *, force: bool) -> Any:
    """What model and options a folder was made with; None where it cannot be told and `force` does not care."""
    try:
        return json.loads(regular(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if force:
            return None
        fix = "choose another folder or pass --force"
        raise CorruptFileError("does not tell what model the folder is of", where=path, fix=fix) from error


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
