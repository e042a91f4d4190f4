"""The folder of a run: its configuration, its environment, its state.

config.yaml   the whole configuration, defaults written out
env.json      versions and hardware; no host, user or path
splits/       the cases of each split
metrics.jsonl every line of the run
last/         the full state, to resume from
best/         the chosen weights
model/        what is shipped
summary.json, report.html
"""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
import yaml

import vesalius
from vesalius.config import Config
from vesalius.errors import ConfigError, OutputError
from vesalius.output import new_file, refuse_existing

CONFIG, ENVIRONMENT, LAST, BEST, MODEL, SPLITS = "config.yaml", "env.json", "last", "best", "model", "splits"
_PACKAGES = ("numpy", "torch", "torchvision", "accelerate", "timm", "monai", "safetensors")
OF_JOBS = ("metrics.json", "probs.npy")
"""Files that a job may add."""
MAY_CHANGE = frozenset({"train.trackers", "data.workers", "data.memory_mib", "data.cache", "data.batch"})
"""Keys that may differ when a run is resumed: they change no number of the record."""
_CARD = "card."
"""Neither do the words of the model card."""


def begin(folder: Path, config: Config, *, resume: bool, force: bool = False) -> bool:
    """Make the folder of a new run, or check that an old one may be resumed.

    Returns:
        True where there is a state to resume from.

    Raises:
        OutputError: the folder holds something, and neither `resume` nor `force` was given.
        ConfigError: the old run had another configuration; the first differing key is told.
    """
    if resume and (folder / CONFIG).exists():
        _check_same(folder, config)
        return (folder / LAST / "state.safetensors").exists()
    if not resume or folder.is_file():
        try:
            refuse_existing(folder, force=force)
        except OutputError as error:
            raise OutputError(
                error.what, where=folder, fix="choose another folder, or pass --resume or --force"
            ) from error
    if force and folder.exists():
        _clear(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with new_file(folder / CONFIG, force=True) as part:
        part.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    return False


def write_environment(folder: Path, facts: dict[str, Any]) -> None:
    """Write `env.json`: versions, and what else the caller knows of device and processes."""
    told = {
        "vesalius": vesalius.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "threads": torch.get_num_threads(),
        **facts,
    }
    with new_file(folder / ENVIRONMENT, force=True) as part:
        part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _check_same(folder: Path, config: Config) -> None:
    try:
        old = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError("cannot be read", where=folder / CONFIG, fix="start a new run folder") from error
    was, now = _flat(old), _flat(config.model_dump(mode="json"))
    for key in [*was, *now]:
        if key not in MAY_CHANGE and not key.startswith(_CARD) and was.get(key) != now.get(key):
            raise ConfigError(
                f"was {was.get(key)!r} when this run began and is {now.get(key)!r} now",
                where=f"{folder}: {key}",
                fix="resume with the same configuration or choose another folder",
            )


def _flat(table: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(table, dict):
        return {prefix: table}
    return {
        key: value for name, one in table.items() for key, value in _flat(one, f"{prefix}.{name}".lstrip(".")).items()
    }


def _clear(folder: Path) -> None:
    """Remove what an earlier run left; files of others stay."""
    import shutil

    for name in (CONFIG, ENVIRONMENT, "metrics.jsonl", "summary.json", "report.html", "table.csv", *OF_JOBS):
        (folder / name).unlink(missing_ok=True)
    for name in (LAST, BEST, MODEL, SPLITS, "tensorboard", "mlflow", "figures", "features"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
