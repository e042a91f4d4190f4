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
        {"name": name, "layout": known.layout, "licence": known.licence, "about": known.about, "mb": known.mb}
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
        parts = " + ".join(f"{name} {part['net']} {part['mb']:.1f} MB" for name, part in model["parts"].items())
        yield f"{model['name']}  {model['task']}: {parts}; {model['licence']}"
        if model["about"]:
            yield f"    {model['about']}"
    if result.public:
        yield "public encoders and tokenizers, by `weights fetch` (size of the network in fp32):"
    for model in result.public:
        yield f"{model['name']}  {model['about']}; {model['mb']:.0f} MB; {model['licence']}"
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
        task = str(config["task"])
        parts: dict[str, dict[str, Any]] = {
            str(part): {"net": str(facts["net"]["name"]), "mb": (folder / f"{part}.safetensors").stat().st_size / 1e6}
            for part, facts in dict(config["parts"]).items()
        }
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise InputError("is not a readable model folder", where=folder, fix="get it again") from error
    card = read_card(folder)
    net, mb = " + ".join(part["net"] for part in parts.values()), sum(part["mb"] for part in parts.values())
    facts = {"name": name, "task": task, "net": net, "mb": mb, "parts": parts}
    return facts | {"licence": card.licence, "about": card.summary}
