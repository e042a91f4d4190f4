"""The folder of a run: its configuration, its environment, its state.

config.yaml   the whole configuration, defaults written out
env.json      versions and hardware; no host, user or path
splits/       the cases of each split
metrics.jsonl every line of the run
last/         the full state, to resume from
best/         the chosen weights
model/        the model that is shipped
files.json    the names of all these, which --force removes
summary.json, report.html, ...: what the caller writes and notes with `note_files`
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath
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
FILES = "files.json"
_WRITTEN = (CONFIG, ENVIRONMENT, FILES, "metrics.jsonl", LAST, BEST, MODEL, SPLITS, "tensorboard", "mlflow")


def begin(
    folder: Path,
    config: Config,
    *,
    resume: bool,
    force: bool = False,
    volatile: Collection[str] = (),
    files: Collection[str] = (),
) -> bool:
    """Check as `may_begin`, then make the folder of a new run; of an old run the files that it listed are removed.

    `files` are names in the folder that the caller will write besides those of the loop.

    Returns:
        True where there is a state to resume from.

    Raises:
        OutputError: what `may_begin` refuses, or the folder cannot be written.
    """
    if may_begin(folder, config, resume=resume, force=force, volatile=volatile):
        return has_state(folder)
    with as_output_error(folder):
        if folder.exists():
            _clear(folder, (*_WRITTEN, *files))
    note_files(folder, (*_WRITTEN, *files))
    with new_file(folder / CONFIG, force=True) as part:
        part.write_text(yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False), encoding="utf-8")
    return False


def may_begin(
    folder: Path, config: Config, *, resume: bool, force: bool = False, volatile: Collection[str] = ()
) -> bool:
    """Check whether a run may begin in a folder, or an old one be resumed; write nothing.

    Args:
        folder: the run folder.
        config: of the whole run.
        resume: go on with an old run.
        force: begin again in the folder of an old run.
        volatile: dotted keys (or blocks of keys) that may differ when a run is resumed.

    Returns:
        True where an old run is resumed, False where a new one begins.

    Raises:
        OutputError: the folder holds something, and neither `resume` nor `force` was given; or it is not the folder of
            a run, then neither of them helps.
        ConfigError: the old run had another configuration; the first differing key is named.
    """
    refuse_odd(folder)
    with as_output_error(folder):
        if resume and (folder / CONFIG).exists():
            _check_same(folder, config, {*volatile, "train.trackers"})
            return True
        if folder.exists() and not folder.is_dir():
            raise OutputError("is a file, not a folder", where=folder, fix="choose another name")
        held = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    if not held:
        return False
    if not _is_run(folder, config):
        what = f"holds {held[0]} and is not the folder of a run"
        raise OutputError(what, where=folder, fix="choose another folder, or empty this one yourself")
    if not force:
        raise OutputError("exists already", where=folder, fix="choose another folder, or pass --resume or --force")
    return False


def discard(folder: Path) -> None:
    """Remove what a run has written into its folder, where it has nothing to resume from."""
    if not has_state(folder):
        _clear(folder, _WRITTEN)


def has_state(folder: Path) -> bool:
    """True where there is a state to resume from."""
    return (folder / LAST / "state.safetensors").exists()


def note_files(folder: Path, names: Iterable[str]) -> None:
    """Add names of files or folders to the list of those that the run writes, before it writes them."""
    listed = sorted({*_listed(folder), *(PurePosixPath(name).parts[0] for name in names)})
    with new_file(folder / FILES, force=True) as part:
        part.write_text(json.dumps(listed, indent=1) + "\n", encoding="utf-8")


def write_environment(folder: Path, facts: dict[str, Any]) -> None:
    """Write `env.json`: versions and the caller's facts of device and processes."""
    versions = {
        "vesalius": vesalius.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "packages": {name: installed(name) for name in _PACKAGES},
        "threads": torch.get_num_threads(),
        **facts,
    }
    with new_file(folder / ENVIRONMENT, force=True) as part:
        part.write_text(json.dumps(versions, indent=1) + "\n", encoding="utf-8")


def _is_run(folder: Path, config: Config) -> bool:
    """Whether the folder holds a configuration as `begin` writes it: of a job, or of the kind that is begun now."""
    old = set(_read_config(folder))
    return set(type(config).model_fields) <= old or {"task", "train"} <= old


def _read_config(folder: Path) -> dict[str, Any]:
    """Read the configuration in a folder; empty where there is none that can be read."""
    try:
        table = yaml.safe_load(regular(folder / CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return table if isinstance(table, dict) else {}


def _check_same(folder: Path, config: Config, volatile: Collection[str]) -> None:
    old = _read_config(folder)
    if not old:
        raise ConfigError("cannot be read", where=folder / CONFIG, fix="start a new run folder")
    was, now = _flat(old), _flat(config.model_dump(mode="json"))
    for key in [*was, *now]:
        blocks = {key[:end] for end, letter in enumerate(f"{key}.") if letter == "."}
        if was.get(key) != now.get(key) and not blocks & set(volatile):
            raise ConfigError(
                f"was {was.get(key)!r} when this run began and is {now.get(key)!r} now",
                where=f"{folder}: {key}",
                fix="resume with the same configuration or choose another folder",
            )


def _flat(table: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(table, dict):
        return {prefix: table}
    return {
        key: value for name, item in table.items() for key, value in _flat(item, f"{prefix}.{name}".lstrip(".")).items()
    }


def _listed(folder: Path) -> list[str]:
    """Read the names that a run has listed, without any that leads out of its folder; empty where there is no list."""
    try:
        names = json.loads(regular(folder / FILES).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return []
    names = names if isinstance(names, list) else []
    return [name for name in names if isinstance(name, str) and name == Path(name).name not in ("", "..")]


def _clear(folder: Path, usual: Iterable[str]) -> None:
    """Remove the files that an earlier run listed; without a list those that a run usually writes. Others stay."""
    for name in _listed(folder) or usual:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
