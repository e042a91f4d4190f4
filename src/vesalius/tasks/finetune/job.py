"""Finetuning as a job of `vesalius train`: its cases, its task, and the test of the model that it ships."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from vesalius.cohort.read import open_image
from vesalius.report.result import Result
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.checks import (
    check_both,
    check_classes,
    check_decided,
    check_several,
    held_out_notes,
    one_hot,
    training_notes,
)
from vesalius.tasks.classify.scored import outcome_of
from vesalius.tasks.cohort_job import CohortJob
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.hyperrule import resolved
from vesalius.tasks.finetune.measure import score, trivial_scores
from vesalius.tasks.finetune.predict import Network
from vesalius.tasks.finetune.task import FinetuneTask


class FinetuneJob(CohortJob):
    """A run of finetuning.

    Args:
        config: of the run.

    Raises:
        InputError: the manifest cannot be read.
        UsageError: it holds nothing to train on, or a label is neither 0 nor 1.
    """

    Config = FinetuneConfig
    predictor = "vesalius.tasks.finetune.predict:FinetunePredictor"
    pipeline = "image-classification"
    config: FinetuneConfig

    def __init__(self, config: FinetuneConfig) -> None:
        cohort = config.data.cohort()
        slices = config.data.slices
        self.classes = config.data.classes or cohort.classes if slices is None else tuple(slices.values)
        is_one_class = config.loss.activation == "softmax"
        if slices is None:
            check_classes(cohort.classes, self.classes, config.data.where)
            check_decided(cohort, self.classes, config.data.where)
            if is_one_class:
                unlabelled = cohort.where(lambda case: not any(name in case.labels for name in self.classes))
                labelled = one_hot(cohort, self.classes, config.data.where)
                cohort = replace(cohort, cases=(*labelled.cases, *unlabelled.cases))
        super().__init__(config, cohort)
        for name in ("train", "val") if slices is None else ():
            (check_several if is_one_class else check_both)(self._parts[name], self.classes, name)
        if config.bit_hyperrule is not None:
            train = self._parts["train"]
            columns, rows = open_image(train, train.cases[0], config.data.images[0]).shape[2:4]
            self.config = resolved(config, len(train), (rows, columns))

    def notes(self) -> Sequence[str]:
        if self.config.data.slices is not None:
            return super().notes()
        train = self._parts["train"]
        return (*train.notes, *training_notes(train, train, self.classes))

    def warnings(self) -> Sequence[str]:
        measured = () if self.config.data.slices is not None else held_out_notes(self._parts, self.classes)
        return (*self.notes(), *measured)

    def task_of(self, config: FinetuneConfig) -> FinetuneTask:
        return FinetuneTask(config, self._parts, self.classes)

    def outcome(self, model: Path, device: str) -> Result:
        """Test the shipped model with the temperature and thresholds that it ships with."""
        network, data = Network(model, device), self.config.data
        calibration = Calibration.read(model, self.classes)
        split = self.unseen
        scored = {
            name: score(
                network.net,
                network.encoder.config,
                data.held_out(self._parts[name], self.config.prepare, self.classes),
                data.slices,
                self.progress,
            )
            for name in dict.fromkeys(("val", split))
        }
        labels = {name: part.labels_SC for name, part in scored.items()}
        unit = "pictures" if data.slices is None else "slices"
        trivial = None
        if data.slices is None:
            trivial = trivial_scores(model, self.classes, self._parts[split], scored[split], data.images[0])
        return outcome_of(scored[split], split, calibration, labels, self.notes(), unit, trivial)
