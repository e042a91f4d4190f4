"""Report what is installed and what this version can do, without importing any of it."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass

import vesalius
from vesalius.arguments import checked
from vesalius.codec.coders.table import CODERS
from vesalius.scan.open import FORMATS
from vesalius.tasks.train.jobs import JOBS, config_names
from vesalius.versions import installed
from vesalius.weights.place import zoo_names

_PACKAGES = ("numpy", "scipy", "nibabel", "pydicom", "imagecodecs", "av", "scikit-image", "pydantic", "typer")
_EXTRAS = {"nets": "torch", "diffusion": "diffusers", "app": "gradio", "dicom": "highdicom", "onnx": "onnxruntime"}


@dataclass(frozen=True)
class Info:
    """Versions and abilities of this installation.

    Args:
        vesalius: version of the package.
        python: version of Python.
        platform: system and machine.
        packages: library -> version; None where it is not installed.
        extras: optional extra -> version of its main library; None where it is not installed.
        reads: file formats that can be read.
        coders: names of the coders.
        trains: names of the jobs.
        configs: names of the shipped configurations.
        models: names of the shipped models.
        notice: what the package must not be used for.
    """

    vesalius: str
    python: str
    platform: str
    packages: dict[str, str | None]
    extras: dict[str, str | None]
    reads: tuple[str, ...]
    coders: tuple[str, ...]
    trains: tuple[str, ...]
    configs: tuple[str, ...]
    models: tuple[str, ...]
    notice: str = "Research use only, not a medical device."


@checked
def info() -> Info:
    """Return versions, coders, formats and extras.

    Example:
        >>> "wls" in info().coders
        True
    """
    return Info(
        vesalius=vesalius.__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages={name: installed(name) for name in _PACKAGES},
        extras={extra: installed(package) for extra, package in _EXTRAS.items()},
        reads=tuple(sorted(FORMATS)),
        coders=CODERS.names(),
        trains=JOBS.names(),
        configs=config_names(),
        models=zoo_names(),
    )


def lines(info: Info) -> Iterator[str]:
    """Describe an installation for people."""
    yield f"vesalius {info.vesalius}, Python {info.python}, {info.platform}"
    yield "packages: " + ", ".join(f"{name} {number}" for name, number in info.packages.items())
    yield "extras: " + ", ".join(f"{name} ({number or 'not installed'})" for name, number in info.extras.items())
    yield f"reads: {', '.join(info.reads)}"
    yield f"coders: auto, {', '.join(info.coders)}"
    yield f"trains: {', '.join(info.trains)}"
    yield f"configs: {', '.join(info.configs)}"
    yield f"models: {', '.join(info.models) or 'none'}"
    yield info.notice
