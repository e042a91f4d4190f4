"""List models: those of the zoo, or those of folders. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vesalius.arguments import Paths, checked, path_list
from vesalius.errors import InputError, VesaliusError
from vesalius.files import regular
from vesalius.weights.card import read_card
from vesalius.weights.known import KNOWN, ON_REQUEST
from vesalius.weights.place import locate, zoo_names


@dataclass(frozen=True)
class WeightsList:
    """Models, public models and those given out on request (none where folders were named), unreadable folders."""

    models: list[dict[str, Any]]
    public: list[dict[str, Any]]
    on_request: list[dict[str, Any]]
    failed: list[dict[str, str]]


@checked
def list_weights(folders: Paths = ()) -> WeightsList:
    """List the models of the zoo and the public ones, or the models in model or run folders."""
    folders = path_list(folders)
    models, failed = [], []
    for name in folders or zoo_names():
        try:
            models.append(_facts(str(name)))
        except VesaliusError as error:
            failed.append({"path": str(name), "error": str(error)})
    public = [
        {"name": name, "layout": known.layout, "licence": known.licence, "about": known.about}
        for name, known in KNOWN.items()
    ]
    on_request = [
        {"name": name, "layout": asked.layout, "licence": asked.licence, "about": asked.about, "request": asked.request}
        for name, asked in ON_REQUEST.items()
    ]
    return WeightsList(models, [] if folders else public, [] if folders else on_request, failed)


def lines(result: WeightsList) -> Iterator[str]:
    """Format the result for people."""
    if not result.models and not result.failed:
        yield "no model comes with this version"
    for model in result.models:
        yield f"{model['name']}  {model['task']}, {model['net']}, {model['mb']:.1f} MB, {model['licence']}"
        if model["about"]:
            yield f"    {model['about']}"
    if result.public:
        yield "public models, by `weights fetch` and `weights import`:"
    for model in result.public:
        yield f"{model['name']}  {model['about']}; {model['licence']}"
    if result.on_request:
        yield "given out on request, then by `weights import`:"
    for model in result.on_request:
        yield f"{model['name']}  {model['about']}; {model['licence']}; {model['request']}"
    for failure in result.failed:
        yield f"failed: {failure['error']}"


def _facts(name: str) -> dict[str, Any]:
    folder = locate(name)
    try:
        config = json.loads(regular(folder / "config.json").read_text(encoding="utf-8"))
        task, parts = str(config["task"]), dict(config["parts"])
        net = " + ".join(str(part["net"]["name"]) for part in parts.values())
        size = sum((folder / f"{name}.safetensors").stat().st_size for name in parts)
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise InputError("is not a readable model folder", where=folder, fix="get it again") from error
    card = read_card(folder)
    facts = {"name": name, "task": task, "net": net, "mb": size / 1e6}
    return facts | {"licence": card.licence, "about": card.summary}
