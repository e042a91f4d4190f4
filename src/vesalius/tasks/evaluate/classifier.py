"""`evaluate classifier`: a trained detection model on a labelled cohort, with what was chosen when it was trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vesalius.errors import InputError, UsageError
from vesalius.output import new_folder, refuse_existing
from vesalius.report.html import run_report
from vesalius.report.made import made
from vesalius.report.page import FIGURES, PAGE, TABLE, Made, Report, Table, load_report, write_figure
from vesalius.report.table import plain_text, write_csv
from vesalius.tasks.detect.config import DetectData
from vesalius.tasks.detect.detector import check_calibration, check_encoder
from vesalius.tasks.detect.measure import outcome_of
from vesalius.tasks.detect.settings import ENCODER, Calibration, DetectSettings
from vesalius.tasks.detect.source import Files, Scans, Source
from vesalius.tasks.detect.studies import Studies, studies_of
from vesalius.training.device import on_cpu
from vesalius.weights.place import locate
from vesalius.weights.saved import ModelConfig, digest_of, read_config

_PART = "cohort"
_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "timm", "nibabel", "pydicom")
_TABLES, _WIDTH = 2, 120


def evaluate_classifier(
    model: str | Path,
    cohort: Path | None,
    output: Path,
    *,
    embeddings: Path | None = None,
    labels: Path | None = None,
    patients: Path | None = None,
    studies: Path | None = None,
    split: str | None = None,
    skip_invalid: bool = False,
    cache: Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure a model of `train detect/...` on a labelled cohort and write a report.

    Thresholds and temperatures are those of the model folder; nothing is chosen on the cohort.

    Args:
        model: a run folder, a model folder or a name of the zoo.
        cohort: a manifest or a table of series; None where vectors are given.
        output: folder to write.
        embeddings: vectors instead of a cohort, .npy [N, D].
        labels: of the vectors, .npy [N, classes] in the order of the model's classes, or .csv with a header.
        patients: of the vectors, .npy [N] or a text file of N lines.
        studies: likewise: which vectors are the slices of one study.
        split: only cases of this split of the manifest.
        skip_invalid: leave out scans that cannot be read, and tell them.
        cache: folder where vectors of scans are kept; None: the user's.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        force: replace an earlier evaluation.
        progress: told what is done.

    Returns:
        {"path", "report", "results"}, JSON-able.

    Raises:
        UsageError: what is given does not fit together, or the cohort has none of the labels of the model.
        InputError: no such model, one for another job, or a file that cannot be read.
        CorruptFileError: the model folder is damaged.
        OutputError: the folder exists or cannot be written.
    """
    refuse_existing(output, force=force)
    if threads is not None:
        torch.set_num_threads(threads)
    place = "cpu" if on_cpu(device) else "cuda"
    vectors = {"embeddings": embeddings, "labels": labels, "patients": patients, "studies": studies}
    _check_given(cohort, vectors, split)
    folder = locate(model)
    config = read_config(folder)
    settings = _settings(config, folder)
    check_calibration(Calibration.read(folder), settings, folder)
    source = (
        _files(vectors, settings)
        if cohort is None
        else _scans(cohort, folder, settings, place, skip_invalid=skip_invalid, cache=cache)
    )
    where = str(cohort or embeddings)
    found = _studies(source, settings, split, place, progress)
    if not len(found):
        raise InputError(f"no case can be read, {source.problems[0]} for one", where=where, fix="mend the files")
    _check(found, config, settings, where)
    progress(f"measuring {len(found)} studies")
    notes = _notes(found, source, settings)
    outcome = outcome_of(folder, {_PART: found}, _PART, place, notes, source.problems)
    given = [] if cohort is None else [cohort]
    report = Report(
        title="Evaluation of a classifier",
        task="evaluate classifier",
        lead=f"{Path(model).name} on {Path(where).name}. Thresholds and temperatures were chosen when the model was "
        "trained; nothing is chosen here. Research use only, not a medical device.",
        sections=outcome.sections,
        made=_made([Path(model), *given], output, {**vectors, "split": split}, skip_invalid=skip_invalid),
        results=outcome.results | {"model": digest_of(folder), "split": split},
    )
    with new_folder(output, force=force) as made_now:
        (made_now / FIGURES).mkdir()
        for name, png in outcome.figures.items():
            write_figure(made_now / FIGURES / name, png)
        for name, write in outcome.files.items():
            write(made_now / name)
        write_csv(made_now / TABLE, outcome.rows, outcome.columns)
        report.save(made_now)
        run_report(made_now)
    return {"path": str(output), "report": str(output / PAGE), "results": report.results}


def lines(result: dict[str, Any]) -> list[str]:
    """The result for people: findings and decisions, then what a careful reader should know."""
    blocks = [block for section in load_report(Path(result["path"])).sections for block in section.blocks]
    tables = [block for block in blocks if isinstance(block, Table)][:_TABLES]
    shown = [line for table in tables for line in plain_text(table, _WIDTH).splitlines()]
    notes = [f"note: {block.text}" for block in blocks if block.kind == "text"]
    return [*shown, *notes, f"open {result['report']}"]


def _check_given(cohort: Path | None, vectors: dict[str, Path | None], split: str | None) -> None:
    """Raise UsageError where it is not one cohort, or embeddings with their labels."""
    given = [f"--{name}" for name, path in vectors.items() if path is not None]
    if cohort is not None and given:
        raise UsageError("belongs to vectors, and a cohort was given", where=given[0], fix="give one of the two")
    if cohort is None and not given:
        fix = "name a manifest, or pass --embeddings and --labels"
        raise UsageError("there is nothing to measure on", where="COHORT", fix=fix)
    missing = [name for name in ("embeddings", "labels") if vectors[name] is None]
    if cohort is None and missing:
        raise UsageError("is missing", where=f"--{missing[0]}", fix="pass --embeddings and --labels")
    if cohort is None and split is not None:
        raise UsageError("only a manifest knows splits", where="--split", fix="leave it out")


def _settings(config: ModelConfig, folder: Path) -> DetectSettings:
    if config.task != "detect":
        other = {"segment": "measure its label maps with evaluate masks"}
        fix = other.get(config.task, "name a model of train detect/...")
        raise InputError(f"is a model for {config.task}, not for detect", where=folder, fix=fix)
    return DetectSettings.parse(config.settings, where=folder)


def _files(vectors: dict[str, Path | None], settings: DetectSettings) -> Files:
    """A table names its columns; an array has those of the model."""
    labels = vectors["labels"]
    is_table = labels is not None and labels.suffix.lower() == ".csv"
    return Files(DetectData.build(classes=() if is_table else settings.classes, **vectors))


def _scans(
    cohort: Path, folder: Path, settings: DetectSettings, device: str, *, skip_invalid: bool, cache: Path | None
) -> Scans:
    if settings.encoder is None:
        what = "was trained on bare vectors, no encoder came with it, so it cannot look at scans"
        raise InputError(what, where=folder, fix="pass --embeddings and --labels instead of a cohort")
    data = DetectData.build(
        manifest=(cohort,),
        encoder=str(folder / ENCODER),
        images=settings.images,
        unit=settings.unit,
        slices=settings.slices,
        precision=settings.encoder.precision,
        cache=cache,
        skip_invalid=skip_invalid,
    )
    source = Scans(data)
    check_encoder(source.encoder(device), settings)
    return source


def _studies(
    source: Source, settings: DetectSettings, split: str | None, device: str, progress: Callable[[str], None]
) -> Studies:
    """The studies of the cohort, or of a split of it, that can be read."""
    part = source.cohort
    if split is not None:
        part = part.of_split(split)
        if not len(part):
            fix = f"the cohort has {', '.join(source.cohort.splits) or 'no splits'}"
            raise UsageError(f"no case is in split {split!r}", where="--split", fix=fix)
    return studies_of(part, source.vectors({_PART: part}, device, progress), settings.classes, settings.unit)


def _check(studies: Studies, config: ModelConfig, settings: DetectSettings, where: str) -> None:
    """Raise UsageError where the model cannot take the vectors, or there are no labels to measure against."""
    wanted = getattr(config.net, "inputs", studies.width)
    if studies.width != wanted:
        what = f"holds vectors of {studies.width} numbers, the model takes {wanted}"
        raise UsageError(what, where=where, fix="give vectors of the encoder that the model was trained on")
    labels_SC = studies.labels_SC
    if np.isnan(labels_SC).all():
        what = f"no case has a label of the model's classes ({', '.join(settings.classes)})"
        raise UsageError(what, where=where, fix="name the labels as the model does")
    if not (np.isnan(labels_SC) | (labels_SC == 0) | (labels_SC == 1)).all():
        raise UsageError("holds other labels than 0 and 1", where=where, fix="decide them, or leave them unknown")


def _notes(studies: Studies, source: Source, settings: DetectSettings) -> list[str]:
    """What a careful reader should know."""
    notes = []
    labels_SC, classes = studies.labels_SC, settings.classes
    known = [set(column[~np.isnan(column)].tolist()) for column in labels_SC.T]
    unlabelled = [name for name, values in zip(classes, known, strict=True) if not values]
    if unlabelled:
        notes.append(f"the cohort has no labels for {', '.join(unlabelled)}, which the model tells, too")
    for value, word in ((0.0, "negative"), (1.0, "positive")):
        alike = [name for name, values in zip(classes, known, strict=True) if values == {value}]
        if alike:
            notes.append(f"all known labels of {', '.join(alike)} are {word}, so there is no AUROC for it")
    strange = [name for name in source.cohort.classes if name not in classes]
    if strange:
        notes.append(f"the model does not know {', '.join(strange)}, for which the cohort has labels")
    if any(case.patient is None for case in source.cohort):
        notes.append(
            "some cases have no patient, their studies count as patients of their own: intervals may be narrow"
        )
    if not source.reads_scans and settings.encoder is not None:
        notes.append("nobody checked that the vectors are of the encoder that the model was trained on")
    return notes


def _made(inputs: list[Path], output: Path, options: dict[str, Path | str | None], *, skip_invalid: bool) -> Made:
    """How it was made; paths by their last name only, so that no path of this machine is told."""
    words = ["vesalius evaluate classifier", *(path.resolve().name or "." for path in inputs), "-o", output.name]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name}", value.name if isinstance(value, Path) else value]
    words += ["--skip-invalid"] if skip_invalid else []
    return made(" ".join(words), torch.get_num_threads(), None, _PACKAGES)
