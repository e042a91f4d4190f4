"""`evaluate classifier`: a trained detection model on a labelled cohort, with what was chosen when it was trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.labels import check_decided
from vesalius.errors import InputError, UsageError
from vesalius.output import new_folder, refuse_existing
from vesalius.report.html import run_report
from vesalius.report.limits import limits_line, limits_section
from vesalius.report.made import made
from vesalius.report.page import FIGURES, PAGE, TABLE, Made, Report, ReportTable, load_report, write_figure
from vesalius.report.table import plain_text, write_csv
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.detect.config import DetectData
from vesalius.tasks.detect.detector import check_calibration, check_encoder
from vesalius.tasks.detect.measure import measure_model
from vesalius.tasks.detect.settings import DetectSettings
from vesalius.tasks.detect.source import Files, Scans, StudySource
from vesalius.tasks.detect.studies import studies_of
from vesalius.tasks.evaluate.fit import check_given, check_labels, check_width, labels_of, notes_of, settings_of
from vesalius.training.device import on_cpu
from vesalius.weights.card import read_card
from vesalius.weights.place import locate
from vesalius.weights.saved import digest_of, read_config

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
    check_given(cohort, vectors, split)
    folder = locate(model)
    config = read_config(folder)
    settings = settings_of(config, folder)
    check_calibration(Calibration.read(folder), settings, folder)
    source = (
        _files(vectors, settings)
        if cohort is None
        else _scans(cohort, folder, settings, place, skip_invalid=skip_invalid, cache=cache)
    )
    where = str(cohort or embeddings)
    part = _part(source, split)
    check_decided(part, settings.classes, where)
    check_labels(labels_of(part, settings.classes), settings, where)  # before scans are looked at, which takes long
    if isinstance(source, Scans):
        check_width(source.encoder(place).width, config, where)
    vectors_of = source.vectors({_PART: part}, place, progress)
    found = studies_of(part, vectors_of, settings.classes, settings.unit)
    if not len(found):
        raise InputError(f"no case can be read, {source.problems[0]} for one", where=where, fix="mend the files")
    check_width(found.width, config, where)
    check_labels(found.labels_SC, settings, where)
    progress(f"measuring {len(found)} studies")
    notes = notes_of(found, source, settings)
    outcome = measure_model(folder, {_PART: found}, _PART, place, notes, source.problems)
    given = [] if cohort is None else [cohort]
    caveats = read_card(folder).caveats
    report = Report(
        title="Evaluation of a classifier",
        task="evaluate classifier",
        lead=f"{Path(model).name} on {Path(where).name}. Thresholds and temperatures were chosen when the model was "
        "trained; nothing is chosen here. Research use only, not a medical device.",
        sections=[limits_section(caveats), *outcome.sections],
        made=_made([Path(model), *given], output, {**vectors, "split": split}, skip_invalid=skip_invalid),
        results=outcome.results | {"limits": list(caveats), "model": digest_of(folder), "split": split},
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
    tables = [block for block in blocks if isinstance(block, ReportTable)][:_TABLES]
    shown = [line for table in tables for line in plain_text(table, _WIDTH).splitlines()]
    _, *texts = [block.text for block in blocks if block.kind == "text"]  # the first ones are the limits
    return [
        limits_line(result["results"]["limits"]),
        *shown,
        *(f"note: {text}" for text in texts),
        f"open {result['report']}",
    ]


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
        encoder=str(folder),
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


def _part(source: StudySource, split: str | None) -> Cohort:
    """The cohort, or a split of it."""
    if split is None:
        return source.cohort
    part = source.cohort.of_split(split)
    if not len(part):
        fix = f"the cohort has {', '.join(source.cohort.splits) or 'no splits'}"
        raise UsageError(f"no case is in split {split!r}", where="--split", fix=fix)
    return part


def _made(inputs: list[Path], output: Path, options: dict[str, Path | str | None], *, skip_invalid: bool) -> Made:
    """How it was made; paths by their last name only, so that no path of this machine is told."""
    words = ["vesalius evaluate classifier", *(path.resolve().name or "." for path in inputs), "-o", output.name]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name}", value.name if isinstance(value, Path) else value]
    words += ["--skip-invalid"] if skip_invalid else []
    return made(" ".join(words), torch.get_num_threads(), None, _PACKAGES)
