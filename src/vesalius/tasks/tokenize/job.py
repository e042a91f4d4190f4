"""Tokenizers as a job of `vesalius train`: its cases, its task, and a test of what it ships."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch

from vesalius.csv_table import Cell
from vesalius.report.page import Column
from vesalius.report.result import Result
from vesalius.tasks.cohort_job import CohortJob
from vesalius.tasks.tokenize.config import TokenizeConfig
from vesalius.tasks.tokenize.measure import MEANING, PANELS, alarm
from vesalius.tasks.tokenize.method import TOKENIZER
from vesalius.tasks.tokenize.task import TokenizeTask
from vesalius.weights.saved import from_pretrained


class TokenizeJob(CohortJob):
    """A run of a tokenizer. Arguments and errors as for `CohortJob`."""

    Config = TokenizeConfig
    pipeline = "feature-extraction"
    lead = "The tokenizer is measured on scans of patients that it has not seen; then how it was trained."
    panels: ClassVar[Mapping[str, Sequence[str]]] = PANELS
    config: TokenizeConfig

    def task_of(self, config: TokenizeConfig) -> TokenizeTask:
        return TokenizeTask(config, self._parts)

    def outcome(self, model: Path, device: str) -> Result:
        """Measure the shipped tokenizer on the test cases (the validation cases where there are none)."""
        split = self.unseen
        task = TokenizeTask(self.config, {"train": self._parts["train"], "val": self._parts[split]})
        loaded = from_pretrained(model, "tokenize").parts[TOKENIZER].net
        task.modules = {TOKENIZER: loaded.to(device)}
        with torch.no_grad():
            measures = task.validate(0)
        rows: list[dict[str, Cell]] = [
            {"measure": name, "value": value, "meaning": MEANING[name]} for name, value in measures.items()
        ]
        result = Result(results={split: measures}, columns=("measure", "value", "meaning"), rows=rows)
        result.measured = {MEANING[name]: f"{value:.3f}" for name, value in measures.items()}
        result.tested_on = f"examples of {len(self._parts[split])} scans of the split {split}"
        section = result.section("The tokens")
        caveat = alarm(measures)
        if caveat:
            result.judge(caveat[0].upper() + caveat[1:], "bad")
        for note in self.notes():
            section.text(note[0].upper() + note[1:] + ".", "note")
        columns = [Column(name="measure"), Column(name="value", numeric=True)]
        table = [[MEANING[name], f"{value:.3f}"] for name, value in measures.items()]
        section.table(columns, table, f"Measured on {result.tested_on}.")
        return result
