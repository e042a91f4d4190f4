"""What a run would do and cost, before it begins; nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import yaml
from accelerate import PartialState

from vesalius.cohort.audit.run import audit, count_part
from vesalius.cohort.cohort import Cohort
from vesalius.tasks.cohort.parts import part_facts, part_lines
from vesalius.tasks.train.train import make_job
from vesalius.training.device import on_cpu
from vesalius.training.estimate import estimate
from vesalius.training.loop import Loop


def dry_run(
    config: str | Path,
    overrides: Sequence[str] = (),
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """The whole configuration, an audit of the cases, and the time and memory measured on a few real steps.

    Args:
        config: a file, or the name of a configuration that comes with the package.
        overrides: "a.b=value".
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        progress: told what is done.

    Returns:
        {"config", "parts", "findings", "estimate", "failed"}, JSON-able; "failed" counts errors of the audit.

    Raises:
        ConfigError: a wrong key or value.
        InputError: a file is missing or damaged.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    PartialState(cpu=on_cpu(device))  # a task may ask where it will run
    job = make_job(config, overrides)
    parts = job.parts()
    progress("reading every case")
    some = next(iter(parts.values()))
    whole = Cohort(tuple(case for name in parts for case in _named(parts[name], name)), some.root)
    found = audit(whole, pixels=job.reads_scans, workers=threads or 1, progress=progress)
    result: dict[str, Any] = {
        "config": job.settings.model_dump(mode="json"),
        "parts": [part_facts(count_part(name, cohort)) for name, cohort in parts.items()],
        "findings": [{"level": one.level, "code": one.code, "text": one.text} for one in found.findings],
        "failed": found.count("error"),
    }
    if not result["failed"]:
        progress("running a few steps")
        loop = Loop(job.trial(), job.settings.train, None, cpu=on_cpu(device))
        result["estimate"] = asdict(estimate(loop)) | {"device": loop.accelerator.device.type}
    return result


def lines(result: dict[str, Any]) -> Iterator[str]:
    """The result for people."""
    yield yaml.safe_dump(result["config"], sort_keys=False).rstrip()
    yield ""
    yield from part_lines(result["parts"])
    for one in result["findings"]:
        yield f"{one['level']}: {one['code']}: {one['text']}"
    if "estimate" not in result:
        yield "the errors above would stop the run"
        return
    cost = result["estimate"]
    counts = ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in cost["parameters"].items())
    yield f"parameters: {counts}"
    yield f"memory: about {cost['memory_mib']:.0f} MiB on {cost['device']}"
    yield (
        f"time: about {_duration(cost['seconds'])} ({cost['steps']} steps of {cost['step_seconds']:.2f} s, "
        f"each validation {cost['validation_seconds']:.1f} s)"
    )


def _named(cohort: Cohort, split: str) -> list[Any]:
    return [case.model_copy(update={"split": split}) for case in cohort]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
