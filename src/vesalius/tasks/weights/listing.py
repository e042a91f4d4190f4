"""Which models are here: those of the zoo, or those of folders. Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vesalius.errors import InputError, VesaliusError
from vesalius.files import regular
from vesalius.weights.card import read_card
from vesalius.weights.known import KNOWN
from vesalius.weights.place import locate, zoo_names

_MB = 1e6


def list_weights(folders: Sequence[Path] = ()) -> dict[str, Any]:
    """The models of the zoo, or those in the folders that are given, and the public ones that can be fetched.

    Args:
        folders: model or run folders; none: the zoo.

    Returns:
        {"models": [{"name", "task", "net", "mb", "licence", "about"}], "public": [{"name", "layout", "licence",
        "about"}], "failed": [{"path", "error"}]}, JSON-able; "public" where no folder is given.
    """
    models, failed = [], []
    for name in folders or zoo_names():
        try:
            models.append(_facts(str(name)))
        except VesaliusError as error:
            failed.append({"path": str(name), "error": str(error)})
    public = [
        {"name": name, "layout": one.layout, "licence": one.licence, "about": one.about} for name, one in KNOWN.items()
    ]
    return {"models": models, "public": [] if folders else public, "failed": failed}


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    if not result["models"] and not result["failed"]:
        yield "no model comes with this version"
    for one in result["models"]:
        yield f"{one['name']}  {one['task']}, {one['net']}, {one['mb']:.1f} MB, {one['licence']}"
        if one["about"]:
            yield f"    {one['about']}"
    if result["public"]:
        yield "public models, by `weights fetch` and `weights import`:"
    for one in result["public"]:
        yield f"{one['name']}  {one['about']}; {one['licence']}"
    for one in result["failed"]:
        yield f"failed: {one['error']}"


def _facts(name: str) -> dict[str, Any]:
    folder = locate(name)
    try:
        config = json.loads(regular(folder / "config.json").read_text(encoding="utf-8"))
        task, parts = str(config["task"]), dict(config["parts"])
        net = " + ".join(str(part["net"]["name"]) for part in parts.values())
        size = sum((folder / f"{name}.safetensors").stat().st_size for name in parts)
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise InputError("is no readable model folder", where=folder, fix="get it anew") from error
    card = read_card(folder)
    return {
        "name": name,
        "task": task,
        "net": net,
        "mb": size / _MB,
        "licence": card.licence,
        "about": card.summary,
    }
