"""What a run will cost, measured on a few real steps before it begins."""

from __future__ import annotations

import math
import resource
import statistics
import sys
import time
from dataclasses import dataclass
from itertools import islice

import torch

from vesalius.training.loop import Loop

_WARM, _TIMED = 2, 5


@dataclass(frozen=True)
class Estimate:
    """The expected cost of a run.

    Args:
        parameters: counts of trained and frozen ones, by module.
        steps: optimizer steps of the whole run.
        step_seconds: median of a few real steps, loading included.
        validation_seconds: time of one validation.
        seconds: time of the whole run.
        memory_mib: peak of the process (of the GPU where there is one).
    """

    parameters: dict[str, int]
    steps: int
    step_seconds: float
    validation_seconds: float
    seconds: float
    memory_mib: float


def estimate(loop: Loop) -> Estimate:
    """Run two steps to warm up, time five, validate once; the loop's task is changed and must not be used further.

    Raises:
        ConfigError: the task has no such measure as `train.best`.
    """
    task, config = loop.task, loop.config
    parts = task.named_parts(task.modules) | task.frozen()
    counts = {name: sum(p.numel() for p in module.parameters()) for name, module in parts.items()}
    cuda = loop.accelerator.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    times: list[float] = []
    started = time.perf_counter()
    for epoch in range(math.ceil((_WARM + _TIMED) / loop.steps_per_epoch)):
        for batches in islice(loop.batches(epoch, 0), _WARM + _TIMED - len(times)):
            loop.step(batches)
            if cuda:
                torch.cuda.synchronize()
            now = time.perf_counter()
            times.append(now - started)
            started = now
    step_seconds = statistics.median(times[_WARM:] or times)
    started = time.perf_counter()
    loop.check_best(loop.measures())
    validation_seconds = time.perf_counter() - started
    epochs = math.ceil(loop.steps / loop.steps_per_epoch)
    seconds = loop.steps * step_seconds + math.ceil(epochs / config.validate_every) * validation_seconds
    return Estimate(counts, loop.steps, step_seconds, validation_seconds, seconds, peak_mib(cuda))


def duration(seconds: float) -> str:
    """Format a time for people: "40 s", "12 min", "3.5 h"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def peak_mib(cuda: bool) -> float:
    """Return the peak memory of this process so far, or of the GPU."""
    if cuda:
        return torch.cuda.max_memory_allocated() / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
