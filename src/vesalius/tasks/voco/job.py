"""Self-supervised pre-training on volumes as a job of `vesalius train`: its cases, its task, a test of the encoder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from vesalius.csv_table import Cell
from vesalius.report.page import Column
from vesalius.report.result import Result
from vesalius.tasks.cohort_job import CohortJob
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.health import MEANING, PANELS
from vesalius.tasks.voco.task import VocoTask, held_out, measure
from vesalius.weights.saved import from_pretrained


class VocoJob(CohortJob):
    """A run of pre-training. Arguments and errors as for `CohortJob`."""

    Config = VocoConfig
    pipeline = "image-feature-extraction"
    lead = "The encoder is measured on volumes of patients that it has not seen; then how it was trained."
    panels: ClassVar[Mapping[str, Sequence[str]]] = PANELS
    config: VocoConfig

    def task_of(self, config: VocoConfig) -> VocoTask:
        return VocoTask(config, self._parts)

    def outcome(self, model: Path, device: str) -> Result:
        """Measure the shipped encoder, as its own teacher, on the test cases (else on the validation cases)."""
        parts = from_pretrained(model, "voco").parts
        split = self.unseen
        loader = held_out(self.config, self._parts[split])
        modules = self.config.method.alone({name: part.net.to(device) for name, part in parts.items()})
        measures = {
            name: value for name, value in measure(self.config, modules, loader).items() if math.isfinite(value)
        }
        rows: list[dict[str, Cell]] = [
            {"measure": name, "value": value, "meaning": MEANING[name]} for name, value in measures.items()
        ]
        result = Result(results={split: measures}, columns=("measure", "value", "meaning"), rows=rows)
        result.measured = {MEANING[name].split(":")[0]: f"{value:.3f}" for name, value in measures.items()}
        result.tested_on = f"{len(loader)} volumes of the split {split}"
        section = result.section("The vectors")
        for note in self.notes():
            section.text(note[0].upper() + note[1:] + ".", "note")
        columns = [Column(name="measure"), Column(name="value", numeric=True)]
        table = [[MEANING[name], f"{value:.3f}"] for name, value in measures.items()]
        section.table(columns, table, f"Measured on {result.tested_on}.")
        return result
