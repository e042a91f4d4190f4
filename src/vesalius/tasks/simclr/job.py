"""Self-supervised pre-training as a job of `vesalius train`: its cases, its task, and a test of the encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from vesalius.csv_table import Cell
from vesalius.report.page import Column
from vesalius.report.result import Result
from vesalius.tasks.cohort_job import CohortJob
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.health import PANELS, Health
from vesalius.tasks.simclr.task import SimclrTask
from vesalius.weights.saved import ENCODER, HEAD, from_pretrained

_MEANING = {
    "neighbours": "AUROC of the labels by the nearest training pictures",
    "probe": "AUROC of the labels by a linear probe on the frozen vectors",
    "spread": "spread of the vectors: 1 in all directions, 0 collapsed",
    "effective_rank": "effective rank of the vectors",
    "alignment": "squared distance of the projections of two views: 0 is best",
    "uniformity": "uniformity of the projections: lower is better, 0 is collapsed",
}


class SimclrJob(CohortJob):
    """A run of pre-training. Arguments and errors as for `CohortJob`."""

    Config = SimclrConfig
    pipeline = "image-feature-extraction"
    lead = "The encoder is measured on pictures of patients that it has not seen; then how it was trained."
    panels: ClassVar[Mapping[str, Sequence[str]]] = PANELS
    config: SimclrConfig

    def notes(self) -> Sequence[str]:
        batch, pictures = self.config.batch, len(self._parts["train"]) * self.config.repeats
        if batch <= pictures:
            return super().notes()
        return (*super().notes(), f"an epoch has {pictures} pictures, fewer than the batch of {batch}: it is one batch")

    def task_of(self, config: SimclrConfig) -> SimclrTask:
        return SimclrTask(config, self._parts)

    def outcome(self, model: Path, device: str) -> Result:
        """Measure the shipped encoder on the test cases (the validation cases where there are none)."""
        parts = from_pretrained(model, "simclr").parts
        split = self.unseen
        health = Health(self.config, self._parts["train"], self._parts[split])
        measures = health.measure(parts[ENCODER].net.to(device), parts[HEAD].net.to(device))
        rows: list[dict[str, Cell]] = [
            {"measure": name, "value": value, "meaning": _MEANING[name]} for name, value in measures.items()
        ]
        result = Result(results={split: measures}, columns=("measure", "value", "meaning"), rows=rows)
        result.measured = {_MEANING[name].split(":")[0]: f"{value:.3f}" for name, value in measures.items()}
        result.tested_on = f"{health.counts['held out']} pictures of the split {split}"
        section = result.section("The vectors")
        for note in self.notes():
            section.text(note[0].upper() + note[1:] + ".", "note")
        known = f"; labels of {health.counts['train']} training pictures are known" if "probe" in measures else ""
        columns = [Column(name="measure"), Column(name="value", numeric=True)]
        table = [[_MEANING[name], f"{value:.3f}"] for name, value in measures.items()]
        section.table(columns, table, f"Measured on {result.tested_on}{known}.")
        return result
