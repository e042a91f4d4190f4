"""Whether a classifier and a cohort fit each other: what was given, width, labels, and what a reader should know.

Letters: S studies or cases, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.cohort import Cohort
from vesalius.errors import InputError, UsageError
from vesalius.metrics.drawn import Drawn
from vesalius.tasks.classify.checks import left_out_words
from vesalius.tasks.detect.settings import DetectSettings
from vesalius.tasks.detect.source import StudySource
from vesalius.tasks.detect.studies import Studies
from vesalius.weights.saved import HEAD, ModelConfig


def check_given(cohort: Path | None, vectors: Mapping[str, Path | None], split: str | None) -> None:
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


def settings_of(config: ModelConfig, folder: Path) -> DetectSettings:
    """Of a model for detect. Raises InputError where it is one for another job."""
    if config.task != "detect":
        other = {"segment": "measure its label maps with evaluate masks"}
        fix = other.get(config.task, "name a model of train detect/...")
        raise InputError(f"is a model for {config.task}, not for detect", where=folder, fix=fix)
    return DetectSettings.parse(config.settings, where=folder)


def labels_of(cohort: Cohort, classes: tuple[str, ...]) -> NDArray[np.float32]:
    """Labels of all cases, shape (S, C), NaN where unknown."""
    rows = [[case.labels.get(name, np.nan) for name in classes] for case in cohort]
    return np.array(rows, np.float32).reshape(len(rows), len(classes))


def check_width(width: int, config: ModelConfig, where: str) -> None:
    """Raise UsageError where the model takes vectors of another width."""
    wanted = config.parts[HEAD].net.inputs
    if width != wanted:
        what = f"holds vectors of {width} numbers, the model takes {wanted}"
        raise UsageError(what, where=where, fix="give vectors of the encoder that the model was trained on")


def check_labels(labels_SC: NDArray[np.float32], settings: DetectSettings, where: str) -> None:
    """Raise UsageError where there are no labels to measure against."""
    if np.isnan(labels_SC).all():
        what = f"no case has a label of the model's classes ({', '.join(settings.classes)})"
        raise UsageError(what, where=where, fix="name the labels as the model does")


def notes_of(studies: Studies, source: StudySource, settings: DetectSettings) -> list[str]:
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
            f"some cases have no patient, so intervals are {Drawn.of(studies.owners).by} and may be too narrow"
        )
    if source.problems:
        notes.append(left_out_words(source.problems))
    if not source.reads_scans and settings.encoder is not None:
        notes.append("nobody checked that the vectors are of the encoder that the model was trained on")
    return notes
