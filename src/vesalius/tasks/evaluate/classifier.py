"""`evaluate classifier`: a trained classifier on a labelled cohort, with the choices made when it was trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vesalius.arguments import PathLike, checked
from vesalius.cohort.cache import Cache
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.cohort.manifest import read_manifest
from vesalius.errors import InputError, UsageError
from vesalius.output import new_folder, refuse_existing
from vesalius.report.page import PAGE, ReportTable, limits_line, load_report
from vesalius.report.publish import command_line, made, publish
from vesalius.report.result import Result
from vesalius.report.table import plain_text
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.checks import check_decided, check_labels, cohort_notes, labels_of, one_hot
from vesalius.tasks.classify.scored import outcome_of
from vesalius.tasks.detect.config import DetectData, DetectSettings
from vesalius.tasks.detect.measure import measure_model
from vesalius.tasks.detect.predict import encoder_of
from vesalius.tasks.detect.source import Files, Scans
from vesalius.tasks.detect.studies import studies_of
from vesalius.tasks.evaluate.classifier_options import ClassifierOptions
from vesalius.tasks.finetune.config import with_classes
from vesalius.tasks.finetune.measure import score, trivial_scores
from vesalius.tasks.finetune.predict import Network
from vesalius.training.device import on_cpu
from vesalius.weights.card import read_card
from vesalius.weights.place import locate
from vesalius.weights.saved import HEAD, digest_of, from_pretrained, read_config
from vesalius.wording import Progress, quiet

_PART = "cohort"
_PACKAGES = ("numpy", "scipy", "scikit-learn", "torch", "timm", "nibabel", "pydicom")
_TABLES, _WIDTH = 2, 120


@dataclass(frozen=True)
class EvaluatedClassifier:
    """The result of `evaluate_classifier`.

    Args:
        path: the folder that was written.
        report: its page.
        results: every measure, JSON-able.
    """

    path: str
    report: str
    results: dict[str, Any]


@checked
def evaluate_classifier(
    model: str | Path,
    cohort: PathLike | None,
    output: PathLike,
    options: ClassifierOptions | None = None,
    *,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    progress: Progress = quiet,
) -> EvaluatedClassifier:
    """Measure a model of `train detect/...` or `train finetune/...` on a labelled cohort and write a report.

    Thresholds and temperatures are those of the model folder; nothing is chosen on the cohort.

    Args:
        model: a run folder, a model folder or a name of the zoo.
        cohort: a manifest or a table of series; None with precomputed vectors.
        output: folder to write.
        options: which cases or vectors; None: all cases of the cohort.
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        force: replace an earlier evaluation.
        progress: callback that receives a line now and then.

    Raises:
        UsageError: the arguments do not fit together, or the cohort has none of the labels of the model.
        InputError: no such model, one for another job, or a file that cannot be read.
        CorruptFileError: the model folder is damaged.
        OutputError: the folder exists or cannot be written.
    """
    cohort = None if cohort is None else Path(cohort)
    output = Path(output)
    refuse_existing(output, force=force)
    if threads is not None:
        torch.set_num_threads(threads)
    options = options or ClassifierOptions()
    options.check(cohort)
    folder = locate(model)
    task = read_config(folder).task
    place = "cpu" if on_cpu(device) else "cuda"
    if task == "detect":
        outcome = _measure_studies(folder, cohort, options, place, progress)
    elif task == "finetune":
        outcome = _measure_pictures(folder, cohort, options, place, progress)
    else:
        fix = "name a model of train detect/... or finetune/...; label maps are measured with evaluate masks"
        raise InputError(f"is a model for {task}, not a classifier", where=folder, fix=fix)
    caveats, data = read_card(folder).caveats, cohort or options.embeddings
    outcome.limits = caveats
    outcome.results |= {"limits": list(caveats), "model": digest_of(folder), "split": options.split}
    inputs = [Path(model), *([] if cohort is None else [cohort])]
    flags = {**options.vectors, "split": options.split, "skip_invalid": options.skip_invalid}
    command = command_line("evaluate classifier", *inputs, "-o", output, **flags)
    with new_folder(output, force=force) as part:
        publish(
            outcome,
            part,
            title=f"{Path(model).name} tested on {Path(str(data)).name}",
            task="evaluate classifier",
            lead="Thresholds and temperatures were chosen when the model was trained; nothing is chosen here.",
            made=made(command, torch.get_num_threads(), None, _PACKAGES),
        )
    return EvaluatedClassifier(str(output), str(output / PAGE), outcome.results)


def lines(result: EvaluatedClassifier) -> list[str]:
    """The result for people: limits, findings and decisions, then caveats."""
    blocks = [block for section in load_report(Path(result.path)).sections for block in section.blocks]
    tables = [block for block in blocks if isinstance(block, ReportTable)][:_TABLES]
    shown = [line for table in tables for line in plain_text(table, _WIDTH).splitlines()]
    texts = [block.text for block in blocks if block.kind == "text"]
    notes = [f"note: {text}" for text in texts]
    return [limits_line(result.results["limits"]), *shown, *notes, f"open {result.report}"]


def _measure_studies(
    folder: Path, cohort: Path | None, options: ClassifierOptions, device: str, progress: Progress
) -> Result:
    """Measure a detection model on scans or on precomputed vectors."""
    model = from_pretrained(folder, "detect")
    settings = DetectSettings.parse(model.config.settings, where=folder)
    Calibration.read(folder, settings.classes)
    source: Scans | Files
    if cohort is None:
        names_columns = options.labels is not None and options.labels.suffix.lower() == ".csv"
        source = Files(DetectData.build(classes=() if names_columns else settings.classes, **options.vectors))
    elif settings.encoder is None:
        what = "was trained on precomputed vectors, without an encoder, so it cannot take scans"
        raise InputError(what, where=folder, fix="pass --embeddings and --labels instead of a cohort")
    else:
        data = DetectData.build(
            manifest=(cohort,),
            encoder=str(folder),
            images=settings.images,
            unit=settings.unit,
            slices=settings.slices,
            cache=options.cache,
            skip_invalid=options.skip_invalid,
        )
        source = Scans(data, encoder_of(model, settings, device))
    where = str(cohort or options.embeddings)
    part = _part(source.cohort, options.split)
    check_decided(part, settings.classes, where)
    check_labels(labels_of(part, settings.classes), settings.classes, where)  # before scans are encoded
    studies = studies_of(part, source.vectors(part, device, progress), settings.classes, settings.unit)
    if not len(studies):
        raise InputError(f"no case can be read, {source.problems[0]} for one", where=where, fix="mend the files")
    inputs = model.parts[HEAD].config.inputs
    if studies.width != inputs:
        what = f"holds vectors of {studies.width} numbers, the model takes {inputs}"
        raise UsageError(what, where=where, fix="give vectors of the encoder that the model was trained on")
    check_labels(studies.labels_SC, settings.classes, where)
    progress(f"measuring {len(studies)} studies")
    notes = cohort_notes(source.cohort, studies.labels_SC, studies.owners, settings.classes, source.problems)
    if not source.reads_scans and settings.encoder is not None:
        notes.append("it was not checked that the vectors come from the encoder that the model was trained on")
    return measure_model(folder, {_PART: studies}, _PART, device, notes, source.problems)


def _measure_pictures(
    folder: Path, cohort: Path | None, options: ClassifierOptions, device: str, progress: Progress
) -> Result:
    """Measure a finetuned classifier on pictures, or on the slices of volumes with label maps."""
    network = Network(folder, device)
    settings = network.settings
    calibration, slices = Calibration.read(folder, settings.classes), settings.slices
    if cohort is None:
        what = "takes pictures or volumes, not precomputed vectors"
        raise UsageError(what, where=folder, fix="name a manifest")
    where, named = str(cohort), with_classes(read_manifest(cohort), settings.class_fact)
    whole = _part(named, options.split)
    if slices is None:
        check_decided(whole, settings.classes, where)
        check_labels(labels_of(whole, settings.classes), settings.classes, where)
        part = whole if calibration.activation == "sigmoid" else one_hot(whole, settings.classes, where)
    else:
        part = whole.where(lambda case: slices.mask in case.masks)
        if not len(part):
            raise UsageError(f"no case has a mask called {slices.mask}", where=where, fix="name it in the manifest")
    loader = Loader(
        part,
        prepare=network.encoder.contract.prepare,
        images=settings.images,
        masks=() if slices is None else (slices.mask,),
        classes=settings.classes,
        cache=None if options.cache is None else Cache(options.cache),
        order="cohort",
        on_error="skip" if options.skip_invalid else "raise",
    )
    scored = score(network.net, network.encoder.config, loader, slices, progress)
    check_labels(scored.labels_SC, settings.classes, where)
    notes = cohort_notes(part, scored.labels_SC, scored.patients, settings.classes, loader.problems)
    if len(part) < len(whole):
        lacked = "no class" if slices is None else "no mask to take labels from"
        notes.append(f"{len(whole) - len(part)} of {len(whole)} cases have {lacked}")
    unit = "pictures" if slices is None else "slices"
    trivial = None
    if slices is None:
        trivial = trivial_scores(folder, settings.classes, part, scored, settings.images[0])
    return outcome_of(scored, _PART, calibration, {_PART: scored.labels_SC}, notes, unit, trivial)


def _part(cohort: Cohort, split: str | None) -> Cohort:
    """The cohort, or a split of it."""
    if split is None:
        return cohort
    part = cohort.of_split(split)
    if not len(part):
        fix = f"the cohort has {', '.join(cohort.splits) or 'no splits'}"
        raise UsageError(f"no case is in split {split!r}", where="--split", fix=fix)
    return part
