"""The models that the page offers: of the zoo, of the user's folder of models, and the one of the command line.

Needs no torch.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.files import regular
from vesalius.tasks.predictor import model_name
from vesalius.weights.place import MODELS, locate, zoo_names

GENERATE = "generate"
_PREDICT = ("detect", "finetune", "segment")


@dataclass(frozen=True)
class Offered:
    """A model.

    Args:
        name: on the page; never a path.
        place: name of the zoo, or path of its folder.
        task: its job.
        settings: of its `config.json`.
        is_given: it was named on the command line.
    """

    name: str
    place: str
    task: str
    settings: Mapping[str, Any]
    is_given: bool = False


class Models:
    """What can be chosen.

    Args:
        given: the model of the command line: a zoo name, a model folder or a run.

    Raises:
        InputError: no such model.
        UsageError: a model for a task that the page does not show.
    """

    def __init__(self, given: str | None = None) -> None:
        offered = [_offered(name, name) for name in zoo_names()]
        offered += _of_user({model.name for model in offered})
        if given is not None:
            folder = locate(given)
            known = next((model for model in offered if locate(model.place) == folder), None)
            name = model_name(folder) if known is None else known.name
            taken = {model.name for model in offered if model is not known}
            chosen = _offered(name if name not in taken else f"{name} (given)", str(folder.resolve()), is_given=True)
            if chosen.task not in (GENERATE, *_PREDICT):
                what = f"is a model for {chosen.task}, which the page does not show"
                raise UsageError(what, where=given, fix=f"name one for {', '.join((GENERATE, *_PREDICT))}")
            offered = [chosen, *(model for model in offered if model is not known)]
        self._by_name = {model.name: model for model in offered}

    def predictors(self) -> list[str]:
        """Names of the models that predict, the given one first."""
        return [name for name, model in self._by_name.items() if model.task in _PREDICT]

    def generators(self) -> list[str]:
        """Names of the models that make pictures, the given one first."""
        return [name for name, model in self._by_name.items() if model.task == GENERATE]

    def segmenters_for(self, generator: str) -> list[str]:
        """Names of the segmenters of pictures that find a class of a generator."""
        classes = set(self.get(generator).settings.get("classes", {}))
        return [
            name
            for name, model in self._by_name.items()
            if model.task == "segment"
            and model.settings.get("suffix") == ".png"
            and classes & set(model.settings.get("labels", {}))
        ]

    @property
    def given(self) -> Offered | None:
        """The model of the command line."""
        return next((model for model in self._by_name.values() if model.is_given), None)

    def get(self, name: str | None) -> Offered:
        """Return the model of a name.

        Raises:
            UsageError: no such model.
        """
        if name is None or name not in self._by_name:
            raise UsageError("no model was chosen", fix="choose one of the list")
        return self._by_name[name]


def _offered(name: str, place: str, *, is_given: bool = False) -> Offered:
    folder = locate(Path(place))
    try:
        config = json.loads(regular(folder / "config.json").read_text(encoding="utf-8"))
        return Offered(name, place, str(config["task"]), dict(config.get("settings", {})), is_given)
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise InputError("is not a readable model folder", where=folder, fix="get it again") from error


def _of_user(taken: AbstractSet[str]) -> list[Offered]:
    """The models in the folder that VESALIUS_MODELS names, also a folder deeper; unreadable ones are left out."""
    base = os.environ.get(MODELS)
    configs = sorted([*Path(base).glob("*/config.json"), *Path(base).glob("*/*/config.json")]) if base else []
    offered = []
    for config in configs:
        name = config.parent.relative_to(str(base)).as_posix()
        with suppress(VesaliusError):
            if name not in taken:
                offered.append(_offered(name, str(config.parent.resolve())))
    return offered
