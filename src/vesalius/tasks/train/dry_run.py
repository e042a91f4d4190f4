"""The configuration, cases and expected cost of a run before it begins; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
import yaml
from accelerate import PartialState

from vesalius.cohort.audit.run import audit, count_splits
from vesalius.cohort.cohort import Cohort
from vesalius.memory import GIB, available_bytes
from vesalius.tasks.cohort.counts import count_lines
from vesalius.tasks.train.run import make_job
from vesalius.tasks.train.start import Start
from vesalius.training.device import on_cpu
from vesalius.training.estimate import duration, estimate
from vesalius.training.loop import Loop
from vesalius.wording import Progress, quiet

_UNREADABLE = ("missing-image", "mask-without-image", "unreadable-image")
"""Findings of an audit whose cases a run leaves out, if it may."""


@dataclass(frozen=True)
class DryRun:
    """What a run would do and cost.

    Args:
        config: the whole configuration, defaults written out.
        parts: counts of the cases of each split that the run would take.
        notes: caveats about the cases.
        findings: of the audit, {"level", "code", "text"} each; `failed` of them are errors.
        failed: number of errors.
        skips_invalid: whether the run goes on without unreadable cases.
        preparation: cost of the work before the loop; None: there is no such work.
        estimate: cost of the loop and of the whole; None where the errors would stop the run or it does not fit.
        footprint: memory by the sizes of the net, in bytes, "words" for people and what is "free"; None: not known.
    """

    config: dict[str, Any]
    parts: Sequence[Any]
    notes: list[str]
    findings: list[dict[str, str]]
    failed: int
    skips_invalid: bool
    preparation: dict[str, Any] | None = None
    estimate: dict[str, Any] | None = None
    footprint: dict[str, Any] | None = None


def dry_run(
    config: str | Path,
    overrides: Sequence[str] = (),
    *,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = quiet,
) -> DryRun:
    """Write out the configuration, audit of the cases, and the time and memory measured on a few real steps.

    Args:
        config: a file, or the name of a configuration that comes with the package.
        overrides: "a.b=value".
        device: "auto", "cpu" or "cuda".
        threads: of PyTorch; None: its own choice.
        progress: callback that receives progress lines.

    Raises:
        ConfigError: a wrong key or value.
        InputError: a file is missing or damaged.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    PartialState(cpu=on_cpu(device))  # a task may look where it will run
    job = make_job(config, overrides, progress)
    job.progress = progress
    parts = job.parts()
    progress("reading every case")
    cases = (case.model_copy(update={"split": name}) for name, cohort in parts.items() for case in cohort)
    whole = Cohort(tuple(cases), next(iter(parts.values())).root)
    report = audit(whole, pixels=job.reads_scans, workers=threads or 1, progress=progress)
    if job.skips_invalid:
        broken = {case for finding in report.findings if finding.code in _UNREADABLE for case in finding.cases}
        parts = {name: cohort.where(lambda case: case.id not in broken) for name, cohort in parts.items()}
    result = DryRun(
        config=job.config.model_dump(mode="json"),
        parts=count_splits(parts),
        notes=list(job.warnings()),
        findings=[{"level": finding.level, "code": finding.code, "text": finding.text} for finding in report.findings],
        failed=report.count("error"),
        skips_invalid=job.skips_invalid,
    )
    if result.failed and not job.skips_invalid:
        return result
    device_type = "cpu" if on_cpu(device) else "cuda"
    expected = job.footprint(device_type)
    if expected is not None:
        free = available_bytes() if device_type == "cpu" else torch.cuda.mem_get_info()[0]
        by_size = asdict(expected) | {"total": expected.total, "words": expected.words(), "free": free}
        result = replace(result, footprint=by_size)
        if expected.total > free:
            return result
    progress("running a few steps")
    task = job.trial()
    start = Start(job.config.init_from, task) if job.config.init_from else None
    loop = Loop(task, job.config.train, None, cpu=on_cpu(device), start=start)
    cost = asdict(estimate(loop)) | {"device": loop.accelerator.device.type}
    before = job.preparation()
    cost["seconds_in_all"] = cost["seconds"] + (before.seconds if before else 0.0)
    preparation = None if before is None else asdict(before) | {"seconds": before.seconds}
    return replace(result, preparation=preparation, estimate=cost)


def lines(result: DryRun) -> Iterator[str]:
    """Format the result for people."""
    yield from yaml.safe_dump(result.config, sort_keys=False).splitlines()
    yield ""
    yield from count_lines(result.parts)
    yield from (f"note: {note}" for note in result.notes)
    for finding in result.findings:
        yield f"{finding['level']}: {finding['code']}: {finding['text']}"
    if result.footprint is not None:
        yield f"memory by its sizes: {result.footprint['words']}"
        if result.estimate is None:
            yield f"no step was tried: this machine has {result.footprint['free'] / GIB:.1f} GiB free"
            return
    if result.estimate is None:
        yield "the errors above would stop the run"
        return
    if result.failed:
        yield "cases above that cannot be read are left out (data.skip_invalid)"
    yield from _cost_lines(result.estimate, result.preparation)


def _cost_lines(cost: dict[str, Any], before: dict[str, Any] | None) -> Iterator[str]:
    counts = [f"{name} {_millions(count)}" for name, count in cost["parameters"].items()]
    if before is not None:
        counts += [f"{name} {_millions(count)} (frozen)" for name, count in before["parameters"].items()]
    yield f"parameters: {', '.join(counts)}"
    yield f"memory: about {cost['memory_mib']:.0f} MiB on {cost['device']}"
    training = (
        f"about {duration(cost['seconds'])} ({cost['steps']} steps of {cost['step_seconds']:.2g} s, "
        f"each validation {cost['validation_seconds']:.1f} s)"
    )
    if before is None:
        yield f"time: {training}; the test on held-out cases comes on top"
        return
    yield f"time: about {duration(cost['seconds_in_all'])} in all; the test on held-out cases comes on top"
    yield (
        f"  vectors first: about {duration(before['seconds'])} ({before['slices']} slices of {before['scans']} scans, "
        f"{before['slice_seconds']:.2g} s each as measured on {before['measured']}; {before['there']} more scans are "
        "in the cache)"
    )
    yield f"  training: {training}"


def _millions(count: int) -> str:
    return f"{count / 1e6:.2f} M" if count >= 10_000 else f"{count:,}"
