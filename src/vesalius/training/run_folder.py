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
import shutil
from pathlib import Path
from typing import Any

import torch
import yaml

import vesalius
from vesalius.config import Config
from vesalius.errors import ConfigError, OutputError
from vesalius.files import regular
from vesalius.output import as_output_error, new_file, refuse_odd
from vesalius.versions import installed

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
        OutputError: what `may_begin` refuses, or the folder cannot be written.
        ConfigError: the old run had another configuration; the first differing key is told.
    """
    if may_begin(folder, config, resume=resume, force=force):
        return has_state(folder)
    with as_output_error(folder):
        if folder.exists():
            _clear(folder)
    with new_file(folder / CONFIG, force=True) as part:
        part.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    return False


def may_begin(folder: Path, config: Config, *, resume: bool, force: bool = False) -> bool:
    """What `begin` checks, before anything is written.

    Returns:
        True where an old run is resumed, False where a new one begins.

    Raises:
        OutputError: the folder holds something, and neither `resume` nor `force` was given; or it is no run's, then
            neither of them helps.
        ConfigError: the old run had another configuration; the first differing key is told.
    """
    refuse_odd(folder)
    with as_output_error(folder):
        if resume and (folder / CONFIG).exists():
            _check_same(folder, config)
            return True
        if folder.exists() and not folder.is_dir():
            raise OutputError("is a file, a folder is to be made there", where=folder, fix="choose another name")
        held = sorted(one.name for one in folder.iterdir()) if folder.exists() else []
    if not held:
        return False
    if not _is_run(folder, config):
        what = f"holds {held[0]} and is not the folder of a run"
        raise OutputError(what, where=folder, fix="choose another folder, or empty this one yourself")
    if not force:
        raise OutputError("exists already", where=folder, fix="choose another folder, or pass --resume or --force")
    return False


def has_state(folder: Path) -> bool:
    """True where there is a state to resume from."""
    return (folder / LAST / "state.safetensors").exists()


def write_environment(folder: Path, facts: dict[str, Any]) -> None:
    """Write `env.json`: versions, and what else the caller knows of device and processes."""
    told = {
        "vesalius": vesalius.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": {name: installed(name) for name in _PACKAGES},
        "threads": torch.get_num_threads(),
        **facts,
    }
    with new_file(folder / ENVIRONMENT, force=True) as part:
        part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _is_run(folder: Path, config: Config) -> bool:
    """Whether the folder holds a configuration as `begin` writes it: of a job, or of the kind that is begun now."""
    try:
        old = yaml.safe_load(regular(folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return False
    return isinstance(old, dict) and (set(type(config).model_fields) <= set(old) or {"task", "train"} <= set(old))


def _check_same(folder: Path, config: Config) -> None:
    try:
        old = yaml.safe_load(regular(folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
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
    """Remove what an earlier run left; other files beside it stay."""
    for name in (CONFIG, ENVIRONMENT, "metrics.jsonl", "summary.json", "report.html", "table.csv", *OF_JOBS):
        (folder / name).unlink(missing_ok=True)
    for name in (LAST, BEST, MODEL, SPLITS, "tensorboard", "mlflow", "figures", "features"):
        shutil.rmtree(folder / name, ignore_errors=True)
