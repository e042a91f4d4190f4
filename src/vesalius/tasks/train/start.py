"""Start a run from the weights of a trained model: `init_from` of a configuration."""

from __future__ import annotations

import json
from fnmatch import translate
from pathlib import Path
from typing import Any

from torch import nn

from vesalius.errors import InputError, UsageError
from vesalius.output import new_file
from vesalius.tasks.job import InitConfig
from vesalius.training.task import Task
from vesalius.weights.keymap import KeyMap, match
from vesalius.weights.report import MatchReport
from vesalius.weights.rules import Inflate
from vesalius.weights.saved import from_pretrained

INIT = "init.json"


class Start:
    """Load a part of a trained model into the fresh modules of a task.

    The tensors go into the part of the task that has the same name, or into its only part (so that an encoder can
    start a whole segmenter, whose decoder `allow` names).

    Args:
        init: which model and part, and the tensors that may differ.
        task: the task whose modules are loaded.
    """

    def __init__(self, init: InitConfig, task: Task) -> None:
        self._init, self._task = init, task
        self._facts: dict[str, Any] = {}
        self.report = MatchReport()

    def __call__(self, modules: dict[str, nn.Module]) -> None:
        """Load the weights into modules that the task has built.

        Raises:
            InputError: no such model or part, or a tensor differs that `allow` does not name.
            UsageError: the run has no such part.
        """
        init, parts = self._init, self._task.named_parts(modules)
        if init.part not in parts and len(parts) != 1:
            names = ", ".join(parts)
            raise UsageError(f"the run has no part {init.part}", where="init_from.part", fix=f"choose one of {names}")
        target = parts[init.part] if init.part in parts else next(iter(parts.values()))
        part = from_pretrained(init.model, only=init.part).parts[init.part]
        try:
            rules = tuple(Inflate(translate(pattern)) for pattern in init.inflate)
            self.report = match(part.net.state_dict(), target, KeyMap(rules=rules), init.allow)
        except InputError as error:
            fix = "make the networks alike, or name what may differ in init_from.allow"
            raise InputError(error.what, where=f"init_from {init.model}", fix=fix) from error
        self._facts = {"model": Path(init.model).name, "part": init.part, "sha256": part.digest}

    def lines(self) -> list[str]:
        """The report for people."""
        return [f"start from {self._init.part} of {Path(self._init.model).name}", *self.report.lines()]

    def write(self, folder: Path) -> None:
        """Write the report of every tensor into a run folder."""
        with new_file(folder / INIT, force=True) as file:
            file.write_text(json.dumps(self._facts | self.report.as_dict(), indent=1) + "\n", encoding="utf-8")
