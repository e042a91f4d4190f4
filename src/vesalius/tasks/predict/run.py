"""Predict with any trained model; what is written depends on its job."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from vesalius.arguments import PathLike, Paths, checked, path_list
from vesalius.errors import CorruptFileError, InputError, OutputError, VesaliusError, printable
from vesalius.files import regular
from vesalius.named import Table
from vesalius.output import alone, claim, new_file
from vesalius.report.page import (
    FIGURES,
    PAGE,
    SUMMARY,
    Column,
    Section,
    Viewer,
    limits_line,
    write_figure,
)
from vesalius.report.publish import command_line, made, publish
from vesalius.report.result import Result
from vesalius.report.verdict import Verdict
from vesalius.scan.reading import AS_STATED, Reading
from vesalius.tasks.predict.inputs import Input, failure, find_inputs
from vesalius.tasks.predict.ledger import RECORD, Finished, Ledger, content_digest
from vesalius.tasks.predictor import Predictor
from vesalius.tasks.train.jobs import JOBS
from vesalius.training.device import on_cpu
from vesalius.weights.card import NOTICE
from vesalius.weights.place import locate
from vesalius.weights.saved import read_config
from vesalius.wording import Progress, quiet

_STATE = "model.json"
_RESERVED = (SUMMARY, PAGE, FIGURES, _STATE, RECORD)
"""Names that no study may have."""
_VIEWER_BYTES = 24 << 20
"""Sheets of all studies that a page holds; studies beyond have a still picture."""
_PACKAGES = ("numpy", "scipy", "torch", "timm", "monai", "nibabel", "pydicom")


@dataclass(frozen=True)
class Predictions:
    """The result of `predict`.

    Args:
        path: the folder that was written.
        report: its page.
        models: name -> digest of each model; the probabilities of several are averaged.
        about: what the model is, by its card.
        limits: where it fails, by its card.
        results: study -> measures.
        sources: study -> where its scan lies, seen from what was given.
        summary: study -> measures in one line.
        skipped: outputs that an earlier run had finished.
        label_maps: files of a folder that were left out, since each belongs to a scan beside it.
        failed: {"path", "source", "error", "reason"} of each study that could not be predicted.
    """

    path: str
    report: str
    models: dict[str, str]
    about: str
    limits: list[str]
    results: dict[str, dict[str, Any]]
    sources: dict[str, str]
    summary: dict[str, str]
    skipped: list[str]
    label_maps: list[str]
    failed: list[dict[str, str]]


@checked
@alone
def predict(
    model: str | Path | Sequence[str | Path],
    paths: Paths,
    output: PathLike,
    options: Mapping[str, Any] | None = None,
    *,
    reading: Reading = AS_STATED,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> Predictions:
    """Predict every study; failures are listed and the rest goes on; a rerun skips what is finished.

    Args:
        model: a model folder, a run folder or a name of the zoo; several: the mean of their class probabilities, where
            the job can average, as "segment" can.
        paths: scans, folders of scans, manifests.
        output: folder for the predictions, summary.json and report.html.
        options: of the job, by name, e.g. {"top_k": 3} (`EveryOption`); None: its defaults.
        reading: choices where the files leave some open.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        force: predict finished studies again; results of another model, or of other options, are removed.
        progress: callback that receives one line before each study.

    Raises:
        InputError: no such model, or one whose job does not predict.
        UsageError: an option that the job does not have, or a value that cannot be; models that cannot be averaged; the
            model takes several images and no manifest was given; no GPU.
        OutputError: the folder holds something else.
        CorruptFileError: the record of an earlier run in it is damaged.
    """
    paths = path_list(paths)
    output = Path(output)
    if threads is not None:
        torch.set_num_threads(threads)
    names = [model] if isinstance(model, str | Path) else list(model)
    folders = [locate(name) for name in names]
    task = read_config(folders[0]).task
    predictor = _predictor_class(task, folders[0]).of(folders, "cpu" if on_cpu(device) else "cuda", options)
    found, failed = find_inputs(paths, predictor.images, reading)
    inputs = [study for study in found if not study.is_label_map]
    chosen = predictor.options.deciding | reading.stated()
    ledger = _begin(output, {"model": predictor.digest(), **chosen}, predictor.target_of, force=force)
    results: dict[str, dict[str, Any]] = {}
    skipped = []
    try:
        for number, study in enumerate(inputs, 1):
            failures = f", {len(failed)} failed so far" if failed else ""
            progress(f"{number} of {len(inputs)}: {study.names[0]}{failures}")
            try:
                name, is_new = _predict_study(
                    predictor, study, ledger, output, taken=(*_RESERVED, *results), force=force
                )
            except Exception as error:
                failed.append(_failure(study, error))
                continue
            results[name] = ledger.studies[name].measures
            if not is_new:
                skipped.append(str(output / predictor.target_of(name)))
    finally:  # an interrupted run keeps what is finished
        command = command_line("predict", *(Path(name).name for name in names), "-o", output.name)
        page = _publish(predictor, ledger, output, command, chosen, failed)
    return Predictions(
        path=str(output),
        report=str(page),
        models=predictor.models,
        about=predictor.about,
        limits=list(predictor.caveats),
        results=results,
        sources={name: ledger.studies[name].source for name in results},
        summary={name: predictor.summary(measures) for name, measures in results.items()},
        skipped=skipped,
        label_maps=[study.where for study in found if study.is_label_map],
        failed=failed,
    )


def lines(result: Predictions) -> list[str]:
    """The result for people."""
    shown = [limits_line(result.limits)]
    shown += [f"model: {result.about}"] if result.about else []
    shown += [f"mean of the class probabilities of {', '.join(result.models)}"] if len(result.models) > 1 else []
    shown += [f"{name}: {line}" for name, line in result.summary.items()]
    shown += [f"{path}  finished before" for path in result.skipped]
    if result.label_maps:
        count, first = len(result.label_maps), result.label_maps[0]
        shown.append(f"left out, as they are label maps beside their scans: {count} files, e.g. {first}")
    for study in result.failed:
        place = "" if study["error"].startswith(study["path"]) else f"{study['path']}: "
        shown.append(f"failed  {place}{study['error']}")
    return [*shown, result.report]


def _failure(study: Input, error: Exception) -> dict[str, str]:
    if isinstance(error, VesaliusError):
        return failure(study.where, study.source, error, error.reason)
    reason = " ".join(f"an unforeseen {type(error).__name__}: {error}".split())
    return failure(study.where, study.source, reason, reason)


def _publish(
    predictor: Predictor,
    ledger: Ledger,
    output: Path,
    command: str,
    chosen: Mapping[str, Any],
    failed: Sequence[Mapping[str, str]],
) -> Path:
    """Write summary and page of all finished studies of the folder."""
    measures = {name: study.measures for name, study in ledger.studies.items()}
    about, limits, models = predictor.about, predictor.caveats, predictor.models
    studies = f"{len(measures)} studies" if len(measures) != 1 else next(iter(measures))
    figures = {name: files for name in measures if (files := _figures(output, name))}
    result = Result(
        results={
            "limits": list(limits),
            "studies": {name: {"source": study.source, **study.measures} for name, study in ledger.studies.items()},
            "model": predictor.digest(),
            "averaged": [{"name": name, "digest": digest} for name, digest in models.items()]
            if len(models) > 1
            else [],
            "options": dict(chosen),
        },
        verdict=predictor.verdict(measures) if measures else Verdict(words="No study was predicted", outcome="bad"),
        limits=limits,
        sections=[
            *(predictor.sections(measures, figures, _viewers(ledger, output)) if measures else ()),
            *(_averaged(models) if len(models) > 1 else ()),
        ],
        failures={printable(study["source"]): study["reason"] for study in failed},
    )
    return publish(
        result,
        output,
        title=f"{predictor.doing} of {studies} by {', '.join(models)}",
        task=f"predict {predictor.task}",
        lead=f"{about.rstrip('.') or 'A model without a summary'}. {NOTICE}",
        made=made(command, torch.get_num_threads(), None, _PACKAGES),
    )


def _averaged(models: Mapping[str, str]) -> list[Section]:
    """The section about several models."""
    section = Section(title="Models averaged").text(
        "Class probabilities are the mean of those of these models. What is done with the mean, such as which pieces "
        f"stay, the check and what is measured, is as {next(iter(models))} states."
    )
    columns = [Column(name="model"), Column(name="SHA-256 of the weights")]
    return [section.table(columns, [[name, digest] for name, digest in models.items()])]


def _predict_study(
    predictor: Predictor, study: Input, ledger: Ledger, output: Path, *, taken: Collection[str], force: bool
) -> tuple[str, bool]:
    """Return the name of a study, and whether it was predicted now; a finished one is skipped unless `force`."""
    scans = {name: scan.resident() for name, scan in study.open().items()}
    ends = study.ends()
    digest = content_digest(scans, ends)
    name = ledger.name_for(study.names, digest, taken)
    if name in ledger.studies and not force:
        if ledger.studies[name].source != study.source:
            ledger.add(replace(ledger.studies[name], source=study.source))
        return name, False
    target = output / predictor.target_of(name)
    predicted = predictor(scans, target, ends)
    for old in _figures(output, name).values():
        (output / FIGURES / old).unlink()
    for kind, png in predicted.pictures.items():
        write_figure(output / FIGURES / f"{name}.{kind}.png", png)
    viewer = None
    if predicted.viewer is not None:
        block, sheets = predicted.viewer
        viewer = block.of(f"{name}.").model_dump(mode="json")
        for file, data in sheets.items():
            write_figure(output / FIGURES / f"{name}.{file}", data)
    written = [*(target.iterdir() if target.is_dir() else [target]), *predicted.files]
    written += [output / FIGURES / file for file in _figures(output, name).values()]
    files = tuple(sorted(path.relative_to(output).as_posix() for path in written))
    ledger.add(Finished(name, digest, predicted.measures, study.source, files, viewer))
    return name, True


def _predictor_class(task: str, folder: Path) -> type[Predictor]:
    """The predictor that the job of a model names."""
    home = JOBS.get(task).predictor if task in JOBS else None
    if home is None:
        able = [name for name in JOBS if JOBS.get(name).predictor]
        fix = f"name a model for {', '.join(able)}; vectors of an encoder come from vesalius embed"
        raise InputError(f"is a model for {task}, which predicts nothing", where=folder, fix=fix)
    cls: type[Predictor] = Table("predictor", {task: home}).get(task)
    return cls


def _begin(output: Path, state: dict[str, Any], target_of: Callable[[str], str], *, force: bool) -> Ledger:
    """Take the folder; return the studies that an earlier run with the same model and options finished.

    Raises:
        CorruptFileError: the record of an earlier run is damaged.
        OutputError: the folder holds something else, or predictions of another model.
    """
    kept = output / _STATE
    belongs = kept.exists()
    same = belongs and _state(kept, force=force) == state
    if belongs and not same and not force:
        what = "holds predictions of another model or with other options"
        raise OutputError(what, where=output, fix="choose another or pass --force")
    claim(output, force=force, belongs=belongs)
    ledger = Ledger.again(output, lambda name: (output / target_of(name)).exists()) if same else Ledger.emptied(output)
    with new_file(kept, force=True) as part:
        part.write_text(json.dumps(state) + "\n", encoding="utf-8")
    return ledger


def _state(path: Path, *, force: bool) -> Any:
    """Model and options of an earlier run; None where the file is damaged and `force` is given."""
    try:
        return json.loads(regular(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if force:
            return None
        fix = "choose another folder or pass --force"
        raise CorruptFileError("does not say which model the folder belongs to", where=path, fix=fix) from error


def _viewers(ledger: Ledger, output: Path) -> dict[str, Viewer]:
    """The viewers of the first studies, as many as a page can hold."""
    viewers: dict[str, Viewer] = {}
    room = _VIEWER_BYTES
    for name, study in ledger.studies.items():
        if study.viewer is None:
            continue
        viewer = Viewer.model_validate_json(json.dumps(study.viewer))
        files = [output / FIGURES / file for file in viewer.sheets]
        if all(file.exists() for file in files):
            room -= sum(file.stat().st_size for file in files)
            if room < 0:
                break
            viewers[name] = viewer
    return viewers


def _figures(output: Path, name: str) -> dict[str, str]:
    """Kind -> file in `figures` of a study; a kind holds no full stop."""
    folder = output / FIGURES
    files = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    matching = [file for file in files if file.startswith(f"{name}.") and file.count(".") == name.count(".") + 2]
    return {file.split(".")[-2]: file for file in matching}
