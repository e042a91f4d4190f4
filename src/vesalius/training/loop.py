"""The loop: epochs, optimizer steps, validation, states; one for every job.

One optimizer step takes `accumulate` batches. Whatever a step draws from PyTorch's generator depends on (seed, step)
alone, the order of batches on (seed, epoch) alone and learning rates on the step alone; with the state of `last/` that
makes a resumed run equal to an unbroken one.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast, send_to_device
from torch import Tensor, nn

from vesalius.errors import ConfigError, TrainingError
from vesalius.output import new_folder
from vesalius.seeding import digest
from vesalius.training.config import OptimizerConfig, TrainConfig
from vesalius.training.device import TrainPrecision, resolved_for_training
from vesalius.training.ema import Ema
from vesalius.training.optimizers import make_optimizer, rate_factor
from vesalius.training.record import Record
from vesalius.training.run_folder import BEST, LAST, MODEL, has_state, write_environment
from vesalius.training.scaling import Scaling
from vesalius.training.state import State, gather, load_state, part, restore, save_state
from vesalius.training.task import Batch, Logs, Ranks, Task, bare, mean_logs, parameters_of
from vesalius.training.trackers import make_trackers

Watch = Callable[[dict[str, Any]], None]
"""Callback that receives each row of metrics.jsonl."""
Start = Callable[[dict[str, nn.Module]], None]
"""Callback that changes freshly built modules, e.g. loads weights to start from."""


@dataclass(frozen=True)
class LoopResult:
    """The end of a run.

    Args:
        steps: number of optimizer steps.
        best: best value of the measure `train.best`; None where none was chosen.
        best_step: the step of that value; the last step where none was chosen.
        measures: of the last validation.
        stopped_early: whether `patience` ended the run.
    """

    steps: int
    best: float | None
    best_step: int
    measures: dict[str, float]
    stopped_early: bool


@dataclass
class _Progress:
    """The state of a run besides tensors."""

    step: int = 0
    best: float | None = None
    best_step: int = 0
    waited: int = 0
    done: bool = False
    stopped_early: bool = False
    measures: dict[str, float] | None = None


class Loop:
    """The training of one task.

    Args:
        task: modules, data and losses.
        config: epochs, optimizer, schedule and so on.
        folder: the run folder; None writes nothing (a trial).
        cpu: use the CPU even where there is a GPU.
        start: called with the modules of `task.build`, before optimizers and averages are made of them.
    """

    def __init__(
        self, task: Task, config: TrainConfig, folder: Path | None, *, cpu: bool = False, start: Start | None = None
    ) -> None:
        self.task, self.config, self.folder = task, config, folder
        AcceleratorState._reset_state()  # else a second run in one Python keeps the precision of the first
        self.accelerator = Accelerator(mixed_precision=_precision(config.precision, cpu), cpu=cpu)
        self.scaling = Scaling(self.accelerator.scaler)
        self._seed("build")
        built = task.build()
        if start is not None:
            start(built)
        device = self.accelerator.device
        task.modules = {name: module.to(device) for name, module in built.items()}
        task.ranks = Ranks(self.accelerator.process_index, self.accelerator.num_processes)
        for module in task.frozen().values():
            module.to(device).eval().requires_grad_(False)
        self.steps_per_epoch = math.ceil(task.batches_per_epoch() / config.accumulate)
        if not self.steps_per_epoch:
            raise TrainingError("there is no batch to train on", fix="give more cases or a smaller batch")
        trained = task.optimizers()
        self.parameters = {name: parameters_of(task.modules, group.modules) for name, group in trained.items()}
        self.optimizers = {
            name: make_optimizer(
                self._scaled(group.optimizer or config.optimizer), [p for _, p in self.parameters[name]]
            )
            for name, group in trained.items()
        }
        self.schedules = {
            name: (group.schedule or config.schedule).in_steps(self.steps_per_epoch) for name, group in trained.items()
        }
        self.peaks = {name: [group["lr"] for group in opt.param_groups] for name, opt in self.optimizers.items()}
        task.modules = {name: self._prepared(module) for name, module in task.modules.items()}
        raw = {name for group in trained.values() if not group.averaged for name in group.modules}
        averaged = {name: module for name, module in task.modules.items() if name not in raw}
        self.ema = Ema(averaged, config.ema_decay) if config.ema_decay else None
        whole = config.epochs * self.steps_per_epoch
        self.steps = min(whole, config.max_steps or whole)
        self.progress = _Progress()

    @property
    def is_main(self) -> bool:
        """True in the process that writes."""
        return bool(self.accelerator.is_main_process)

    def run(self, *, resume: bool = False, watch: Watch | None = None) -> LoopResult:
        """Train to the end, export the model.

        Raises:
            TrainingError: a loss or gradient is not a number; the state of the last good checkpoint stays.
            ConfigError: the task has no such measure as `train.best`.
            OutputError: the disk is full; the same.
        """
        if resume and self.folder is not None:
            self._restore(load_state(self.folder / LAST))
        sinks = self._sinks()
        started = time.monotonic()

        def report(kind: str, epoch: int, numbers: dict[str, float]) -> None:
            row = {"step": self.progress.step, "epoch": epoch, "kind": kind, **numbers}
            row["seconds"] = round(time.monotonic() - started, 3)
            for sink in sinks:
                sink.add(row)
            if watch is not None:
                watch(row)

        try:
            if self.task.measures_untrained and self.progress.step == 0:
                untrained = self.measures()
                self.check_best(untrained)
                report("validation", 0, untrained)
            while not self.progress.done:
                self._epoch(self.progress.step // self.steps_per_epoch, report)
        finally:
            for sink in sinks:
                sink.close()
        self._export()
        end = self.progress
        return LoopResult(end.step, end.best, end.best_step, end.measures or {}, end.stopped_early)

    def step(self, batches: list[Batch]) -> dict[str, float]:
        """Take one optimizer step on these batches and return the logged numbers.

        Raises:
            TrainingError: a loss or gradient is not a number.
        """
        step = self.progress.step
        self._seed("step", step)
        self.task.train_mode()
        for optimizer in self.optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        logs: list[Logs] = []
        for number, batch in enumerate(batches):
            logs.append(self._backward(batch, step, last=number == len(batches) - 1, share=1 / len(batches)))
        numbers = self._mean_over_ranks(mean_logs(logs))
        self.scaling.unscale(self.optimizers)
        longest = self.config.clip_norm or math.inf
        norms = {
            name: float(nn.utils.clip_grad_norm_([p for _, p in named], longest))
            for name, named in self.parameters.items()
        }
        several = len(norms) > 1
        numbers |= {f"gradient_norm/{name}" if several else "gradient_norm": norm for name, norm in norms.items()}
        numbers = self.scaling.logged(numbers)
        self._check(numbers, step)
        for name, optimizer in self.optimizers.items():
            factor = rate_factor(self.schedules[name], step, self.steps)
            for group, peak in zip(optimizer.param_groups, self.peaks[name], strict=True):
                group["lr"] = peak * factor
            numbers[f"lr/{name}" if several else "lr"] = optimizer.param_groups[0]["lr"]
        self.scaling.step(self.optimizers, step)
        self.progress.step += 1
        self.task.after_step(step)
        if self.ema is not None:
            self.ema.update(step)
        return numbers

    def batches(self, epoch: int, first_step: int) -> Iterator[list[Batch]]:
        """Yield the batches of each optimizer step of an epoch, on the device, from one of its steps on."""
        rank, world = self.accelerator.process_index, self.accelerator.num_processes
        source = iter(self.task.batches(epoch, first_step * self.config.accumulate, rank, world))
        while batches := list(islice(source, self.config.accumulate)):
            yield send_to_device(batches, self.accelerator.device)

    def _epoch(self, epoch: int, report: Callable[[str, int, dict[str, float]], None]) -> None:
        config, progress = self.config, self.progress
        waiting: list[dict[str, float]] = []
        for batches in self.batches(epoch, progress.step % self.steps_per_epoch):
            waiting.append(self.step(batches))
            ends = progress.step % self.steps_per_epoch == 0 or progress.step >= self.steps
            saves = progress.step % config.checkpoint_every == 0
            if ends or saves or progress.step % config.log_every == 0:
                report("train", epoch, _means(waiting))
                waiting = []
            if ends:
                break
            if saves:
                self._write(LAST)
        if (epoch + 1) % config.validate_every == 0 or progress.step >= self.steps:
            measures = self.measures()
            if measures:
                report("validation", epoch, measures)
            self._judge(measures)
        progress.done = progress.done or progress.step >= self.steps
        self._write(LAST)

    def _backward(self, batch: Batch, step: int, *, last: bool, share: float) -> dict[str, Tensor | float]:
        with ExitStack() as stack:
            if not last:
                for module in self.task.modules.values():
                    stack.enter_context(self.accelerator.no_sync(module))
            with self.accelerator.autocast():
                losses, logs = self.task.training_step(batch, step)
            names = {name: f"loss/{name}" if len(losses) > 1 else "loss" for name in losses}
            numbers = {names[name]: loss.detach() for name, loss in losses.items()} | dict(logs)
            self.task.backward(losses, batch, step, lambda loss: self.accelerator.backward(loss * share))
        return numbers

    def _check(self, numbers: dict[str, float], step: int) -> None:
        for name, value in numbers.items():
            if name.startswith(("loss", "gradient_norm")) and not math.isfinite(value):
                is_kept = self.folder is not None and has_state(self.folder)
                kept = "the state of the last checkpoint is kept" if is_kept else "no state was written"
                fix = "lower optimizer.lr, set clip_norm, or look at the data with vesalius cohort audit"
                raise TrainingError(f"{name} is {value} at step {step}; {kept}", fix=fix)

    def _mean_over_ranks(self, numbers: dict[str, float]) -> dict[str, float]:
        if self.accelerator.num_processes == 1:
            return numbers
        values = torch.tensor(list(numbers.values()), dtype=torch.float64, device=self.accelerator.device)
        mean = self.accelerator.reduce(values, "mean")
        return dict(zip(numbers, mean.tolist(), strict=True))

    def measures(self) -> dict[str, float]:
        """Validate: the measures of the task with the present (averaged) weights."""
        self._seed("validate", self.progress.step)
        for module in self.task.modules.values():
            module.eval()
        with torch.no_grad(), self.ema.applied() if self.ema else nullcontext(), self.accelerator.autocast():
            self._share_buffers()
            return {name: float(value) for name, value in self.task.validate(self.progress.step).items()}

    def check_best(self, measures: dict[str, float]) -> None:
        """Check that the measure by which weights are chosen is among those of a validation.

        Raises:
            ConfigError: it is not.
        """
        best = self.config.best
        if best is not None and best not in measures:
            raise ConfigError(
                f"no measure {best!r}", where="train.best", fix=f"choose one of {', '.join(sorted(measures))}"
            )

    def _share_buffers(self) -> None:
        """Give every process the buffers of the first, which are shipped: those of the others saw other batches."""
        if self.accelerator.num_processes > 1:
            for module in self.task.modules.values():
                broadcast([*bare(module).buffers()])

    def _judge(self, measures: dict[str, float]) -> None:
        """Keep the weights if they are the best so far; count towards the early end if not."""
        progress, config = self.progress, self.config
        progress.measures = measures
        if config.best is None:
            return
        self.check_best(measures)
        value, best = measures[config.best], progress.best
        is_better = best is None or (value > best if config.best_is == "max" else value < best)
        if math.isfinite(value) and is_better:
            progress.best, progress.best_step, progress.waited = value, progress.step, 0
            self._write(BEST)
        else:
            progress.waited += 1
            progress.stopped_early = config.patience is not None and progress.waited >= config.patience
            progress.done = progress.stopped_early

    def _write(self, name: str) -> None:
        """Write the whole state into `last`, the (averaged) weights alone into `best`."""
        if self.folder is None or not self.is_main:
            return
        modules, step = self.task.modules, self.progress.step
        if name == BEST:
            with self.ema.applied() if self.ema else nullcontext():
                save_state(gather(modules, {}, {}, {}, {"step": step}), self.folder / name)
            return
        averages, extra = self.ema.averages if self.ema else {}, self.task.extra_state()
        numbers = vars(self.progress) | self.scaling.state()
        save_state(gather(modules, self.optimizers, averages, extra, numbers), self.folder / name)

    def _restore(self, state: State) -> None:
        restore(state, self.task.modules, self.optimizers)
        if self.ema is not None:
            self.ema.load(part(state.tensors, "average/"))
        self.task.load_extra_state(part(state.tensors, "extra/"))
        self.scaling.load(state.numbers)
        numbers = {key: value for key, value in state.numbers.items() if key not in ("scalars", "scaler")}
        self.progress = _Progress(**numbers)

    def _export(self) -> None:
        """Ship the best weights, or the last (averaged) ones."""
        if self.folder is None or not self.is_main:
            return
        chosen = self.config.best is not None and (self.folder / BEST).exists()
        if chosen:
            restore(load_state(self.folder / BEST), self.task.modules, {})
        for module in self.task.modules.values():
            bare(module).eval()
        averaged = self.ema.applied() if self.ema and not chosen else nullcontext()
        shutil.rmtree(self.folder / MODEL, ignore_errors=True)  # where a finished run was resumed
        with new_folder(self.folder / MODEL) as folder, averaged:
            self.task.export(folder)

    def _sinks(self) -> list[Any]:
        if self.folder is None or not self.is_main:
            return []
        device = self.accelerator.device
        facts = {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "processes": self.accelerator.num_processes,
            "precision": "fp32" if self.accelerator.mixed_precision == "no" else self.accelerator.mixed_precision,
        }
        write_environment(self.folder, facts)
        return [Record(self.folder, self.progress.step), *make_trackers(self.config.trackers, self.folder)]

    def _scaled(self, optimizer: OptimizerConfig) -> OptimizerConfig:
        """The settings with the peak rate for the samples of a step of this run."""
        if optimizer.scaling == "none":
            return optimizer
        batch = self.task.batch_size()
        if batch is None:
            raise TrainingError(
                "this job does not say how many samples a step has", where="optimizer.scaling", fix="take none"
            )
        return optimizer.model_copy(update={"lr": optimizer.rate(batch * self.config.accumulate), "scaling": "none"})

    def _prepared(self, module: nn.Module) -> nn.Module:
        trains = any(p.requires_grad for p in module.parameters())
        prepared: nn.Module = self.accelerator.prepare_model(module) if trains else module
        return prepared

    def _seed(self, *names: str | int) -> None:
        torch.manual_seed(digest(self.config.seed, *names) % 2**63)


def _precision(wanted: TrainPrecision, cpu: bool) -> str:
    gpu = torch.cuda.is_available() and not cpu
    precision = resolved_for_training(wanted, "cuda" if gpu else "cpu")
    return "no" if precision == "fp32" else precision


def _means(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means of the steps since the last line; the rate as it is now."""
    means = {key: sum(row[key] for row in rows if key in row) / sum(key in row for row in rows) for key in rows[-1]}
    return means | {key: value for key, value in rows[-1].items() if key.startswith("lr")}
