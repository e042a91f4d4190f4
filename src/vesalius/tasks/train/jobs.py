"""Names of the jobs that can be trained, and the configurations that come with the package. Needs no torch."""

from __future__ import annotations

import importlib
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from vesalius.errors import ConfigError, InputError
from vesalius.files import regular
from vesalius.named import Table

if TYPE_CHECKING:
    from vesalius.tasks.job import Job

CONFIGS = Path(str(files("vesalius"))) / "configs"
JOBS = Table(
    "job",
    {
        "detect": "vesalius.tasks.detect.job:DetectJob",
        "finetune": "vesalius.tasks.finetune.job:FinetuneJob",
        "generate": "vesalius.tasks.generate.job:GenerateJob",
        "simclr": "vesalius.tasks.simclr.job:SimclrJob",
        "segment": "vesalius.tasks.segment.job:SegmentJob",
        "tokenize": "vesalius.tasks.tokenize.job:TokenizeJob",
        "voco": "vesalius.tasks.voco.job:VocoJob",
    },
    also=("my_module:MyJob",),
)
"""`task` of a configuration -> its job."""
_SUFFIXES = (".yaml", ".yml", ".json")
_NO_RUNS = ("generate/sample",)
"""Settings of other verbs than `train`."""


def job_class(task: object) -> type[Job]:
    """The class of a job: a name, or "module:Class" for one of your own.

    A module of your own is installed or lies in the current folder; naming it runs its code.

    Raises:
        ConfigError: no such job, or None.
    """
    if task is None:
        raise ConfigError("the configuration names no job", where="task", fix=f"choose one of {', '.join(JOBS)}")
    if isinstance(task, str) and task not in JOBS and ":" in task:
        return _own_job(task)
    found: type[Job] = JOBS.get(str(task), where=f"task: {task}")
    return found


def config_names() -> tuple[str, ...]:
    """The configurations of runs that come with the package, e.g. "segment/hippocampus"; sorted."""
    found = (path for path in CONFIGS.rglob("*") if path.suffix in _SUFFIXES)
    names = (path.relative_to(CONFIGS).with_suffix("").as_posix() for path in found)
    return tuple(sorted(name for name in names if name not in _NO_RUNS))


def config_summary(name: str) -> str:
    """Return what a shipped configuration is: the first sentence of the comment at its head.

    Example:
        >>> config_summary("finetune/pathology")
        'Tiles of stained tissue, such as PatchCamelyon: 224 pixels, three colours'
    """
    words: list[str] = []
    for line in regular(find_config(name)).read_text(encoding="utf-8").splitlines():
        if not line.startswith(("# ", "// ")):
            break
        text = line.lstrip("#/ ")
        words.append(text)
        if text.endswith((".", ":")) or ". " in text:
            break
    return " ".join(words).split(". ")[0].rstrip(".:")


def find_config(name: str | Path) -> Path:
    """A configuration file, or one that comes with the package, by its name.

    Raises:
        InputError: there is none.
    """
    path = regular(Path(name))
    if path.is_file():
        return path
    for suffix in _SUFFIXES:
        shipped = CONFIGS / f"{path}{suffix}"
        if shipped.is_file():
            return shipped
    raise InputError(
        "is neither a file nor a configuration that comes with the package",
        where=str(name),
        fix=f"name a file or one of: {', '.join(config_names())}",
    )


def _own_job(task: str) -> type[Job]:
    from vesalius.tasks.job import Job

    where = f"task: {task}"
    module, _, name = task.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # the last: a file here hides no package
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # whatever the module does
        what = f"{module!r} cannot be imported ({type(error).__name__}: {error})"
        raise ConfigError(what, where=where, fix="install it, or run in the folder that holds it") from error
    if not (isinstance(found, type) and issubclass(found, Job)):
        kind = "has no such class" if found is None else "has it, but it is no Job"
        raise ConfigError(f"{module!r} {kind}", where=where, fix="derive a class from vesalius.tasks.job.Job")
    return found
