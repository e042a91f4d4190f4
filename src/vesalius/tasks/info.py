"""What is installed and what this version can do, without importing any of it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import vesalius
from vesalius.codec.coders.table import CODERS
from vesalius.scan.open import FORMATS
from vesalius.tasks.train.jobs import JOBS, config_names
from vesalius.weights.place import zoo_names

_PACKAGES = ("numpy", "scipy", "nibabel", "pydicom", "imagecodecs", "av", "scikit-image", "pydantic", "typer")
_EXTRAS = {"nets": "torch", "diffusion": "diffusers", "app": "gradio", "dicom": "highdicom", "onnx": "onnxruntime"}


def info() -> dict[str, Any]:
    """Versions, coders, formats and extras, JSON-able."""
    return {
        "vesalius": vesalius.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: _version(name) for name in _PACKAGES},
        "extras": {extra: _version(package) for extra, package in _EXTRAS.items()},
        "reads": sorted(FORMATS),
        "coders": list(CODERS),
        "trains": list(JOBS.names()),
        "configs": list(config_names()),
        "models": list(zoo_names()),
        "notice": "Research use only, not a medical device.",
    }


def lines(result: dict[str, Any]) -> list[str]:
    """The same for people."""
    packages = ", ".join(f"{name} {number}" for name, number in result["packages"].items())
    extras = ", ".join(f"{name} ({number or 'not installed'})" for name, number in result["extras"].items())
    return [
        f"vesalius {result['vesalius']}, Python {result['python']}, {result['platform']}",
        f"packages: {packages}",
        f"extras: {extras}",
        f"reads: {', '.join(result['reads'])}",
        f"coders: auto, {', '.join(result['coders'])}",
        f"trains: {', '.join(result['trains'])}",
        f"configs: {', '.join(result['configs'])}",
        f"models: {', '.join(result['models']) or 'none'}",
        result["notice"],
    ]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
