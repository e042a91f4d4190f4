"""Generation as a job of `vesalius train`: its cases, its task, and a look at what the model makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from vesalius.csv_table import Cell
from vesalius.report.page import Column
from vesalius.report.result import Result
from vesalius.tasks.cohort_job import CohortJob
from vesalius.tasks.generate.config import TEXT, GenerateConfig
from vesalius.tasks.generate.generator import Generator
from vesalius.tasks.generate.memory import memory_of
from vesalius.tasks.generate.sampler import SampleOptions
from vesalius.tasks.generate.sheet import Row, rows_of, sheet
from vesalius.tasks.generate.task import GenerateTask
from vesalius.training.footprint import Footprint
from vesalius.weights.saved import NET, from_pretrained

MEANING = {
    "loss": "loss of the velocity on held-out pictures",
    "text_gain": "loss that another caption would add",
    "mask_gain": "loss that no mask would add",
    "reconstruction_db": "PSNR of the autoencoder on held-out pictures in dB, a ceiling of what is generated",
}


class GenerateJob(CohortJob):
    """A run of generation. Arguments and errors as for `CohortJob`."""

    Config = GenerateConfig
    pipeline = "text-to-image"
    lead = "Pictures from the captions and masks of cases that the model has not seen; then how it was trained."
    panels: ClassVar[Mapping[str, Sequence[str]]] = {
        "Loss on held-out pictures": ("loss",),
        "Loss that a wrong caption or no mask adds": ("text_gain", "mask_gain"),
    }
    config: GenerateConfig

    def task_of(self, config: GenerateConfig) -> GenerateTask:
        return GenerateTask(config, self._parts)

    def footprint(self, device_type: str) -> Footprint:
        return memory_of(self.config, device_type)

    def outcome(self, model: Path, device: str) -> Result:
        """Measure the shipped model on the test cases (the validation cases where there are none), and sample."""
        split = self.unseen
        task = GenerateTask(self.config, {"train": self._parts["train"], "val": self._parts[split]})
        parts = from_pretrained(model, "generate").parts
        task.modules = {name: parts[name].net.to(device) for name in (NET, TEXT)}
        measures = task.validate(0)
        ceiling = task.reconstruction_db()
        if ceiling is not None:
            measures["reconstruction_db"] = ceiling
        lines: list[dict[str, Cell]] = [
            {"measure": name, "value": value, "meaning": MEANING[name]} for name, value in measures.items()
        ]
        result = Result(results={split: measures}, columns=("measure", "value", "meaning"), rows=lines)
        result.measured = {MEANING[name]: f"{value:.3f}" for name, value in measures.items()}
        result.tested_on = f"{len(self._parts[split])} pictures of the split {split}"
        rows = rows_of(self.config, self._parts[split], Generator(model, device))
        result.figures["samples.png"] = sheet(rows)
        section = result.section("Samples")
        section.figure("samples.png", _words(rows), _words(rows))
        alarms = _alarms(measures)
        if alarms:
            result.judge("; ".join(alarms).capitalize(), "bad")
        for note in self.notes():
            section.text(note[0].upper() + note[1:] + ".", "note")
        columns = [Column(name="measure"), Column(name="value", numeric=True)]
        table = [[MEANING[name], f"{value:.3f}"] for name, value in measures.items()]
        section.table(columns, table, f"Measured on {result.tested_on}.")
        return result


def _words(rows: Sequence[Row]) -> str:
    return (
        f"{len(rows)} cases that the model has not seen: the real picture, its mask, and pictures made from mask and "
        f"caption with {SampleOptions().steps} steps; each row names its caption."
    )


def _alarms(measures: Mapping[str, Any]) -> list[str]:
    """Caveats where a condition is not followed."""
    words = {"text_gain": "captions", "mask_gain": "masks"}
    return [
        f"the model does not follow {what}: train longer, or check that they differ between pictures"
        for name, what in words.items()
        if name in measures and measures[name] <= 0
    ]
