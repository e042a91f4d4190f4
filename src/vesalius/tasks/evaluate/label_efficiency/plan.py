"""The cells of a label-efficiency run: one training for each share of the patients, arm, seed and fold.

A cell is a run of `vesalius train` with a manifest of its own: the patients of its share, and the cases that it is
measured on. No label outside the share decides anything that is measured: the last weights count, not the best ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import groups
from vesalius.cohort.manifest import read_manifests
from vesalius.cohort.subset import share_of_patients
from vesalius.config import Config
from vesalius.errors import UsageError
from vesalius.metrics.one_class import Activation
from vesalius.tasks.detect.job import DetectJob
from vesalius.tasks.evaluate.arms.cases import words_of, write_cases
from vesalius.tasks.evaluate.arms.cell import RunLength
from vesalius.tasks.evaluate.label_efficiency.options import ARMS, PROBE, SCRATCH, EfficiencyOptions
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.tasks.job import InitConfig
from vesalius.tasks.train.run import configured
from vesalius.tasks.train.start import Start
from vesalius.weights.place import locate
from vesalius.wording import some

CELLS = "cells"
"""Folder of the runs."""
PATIENTS = "patients"
"""Folder of their manifests."""
_FOLD = "{fold}"
"""Stands for the number of the fold in a word of the command."""
_FROZEN = "fine_tune_after_block"
_HEAD_ONLY = 4


@dataclass(frozen=True)
class Cell:
    """One training.

    Args:
        percent: of the training patients.
        arm: scratch, pretrained or probe.
        seed: of the patients drawn and of the training.
        fold: that is measured; None: the test split is.
        patients: number of patients to train on (of cases that stand for one, where patients are unknown).
        cases: number of their cases.
        words: overrides of its configuration.
        budget: of the run; None: the epochs of the configuration.
    """

    percent: float
    arm: str
    seed: int
    fold: int | None
    patients: int
    cases: int
    words: tuple[str, ...]
    budget: RunLength | None

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{_draw(self.percent, self.seed, self.fold)}-{self.arm}"


class EfficiencyRecord(Config):
    """What may not change when a run is resumed: the configuration of each arm, and how cells are trained."""

    task: str = "label-efficiency"
    on: str
    budget: str
    arms: dict[str, Any]


@dataclass(frozen=True)
class _Fold:
    """The cases of a fold (or of the splits), and the budget of each arm where shares train for the same steps."""

    number: int | None
    parts: Mapping[str, Cohort]
    budgets: Mapping[str, RunLength]


class CellPlan:
    """The cells of a run, checked as far as that is possible before any is trained. Nothing is written.

    Args:
        config: a file, or the name of a configuration that comes with the package.
        overrides: "a.b=value", for one arm only "arm:a.b=value"; {fold} stands for the number of the fold.
        options: shares, seeds, arms, ...

    Raises:
        ConfigError: a wrong key or value.
        UsageError: the options do not fit each other or the cases.
        InputError: a file cannot be read.
    """

    def __init__(self, config: str | Path, overrides: Sequence[str], options: EfficiencyOptions) -> None:
        options.check()
        self.config, self.options = config, options
        self._words = {arm: _words(config, arm, overrides) for arm in options.arms}
        first = next(iter(self._words.values()))
        numbers = _folds(config, first) if options.on == "folds" else [None]
        self._folds = [self._fold(number) for number in numbers]

    @property
    def record(self) -> EfficiencyRecord:
        """The configuration of each arm; {fold} is left as it is."""
        arms = {arm: configured(self.config, words)[1].model_dump(mode="json") for arm, words in self._words.items()}
        return EfficiencyRecord(on=self.options.on, budget=self.options.budget, arms=arms)

    @property
    def volatile(self) -> frozenset[str]:
        """Keys of the record that may differ when a run is resumed."""
        keys = configured(self.config, self._words[self.options.arms[0]])[0].volatile
        return frozenset(f"arms.{arm}.{key}" for arm in self._words for key in keys)

    @property
    def folds(self) -> tuple[int | None, ...]:
        """Numbers of the folds that are measured; (None,) for the test split."""
        return tuple(fold.number for fold in self._folds)

    @cached_property
    def _draws(self) -> list[tuple[float, int, _Fold, Cohort]]:
        """The training cases of each share, seed and fold."""
        return [
            (percent, seed, fold, share_of_patients(fold.parts["train"], percent, seed))
            for percent in self.options.shares
            for seed in self.options.seeds
            for fold in self._folds
        ]

    def training(self, percent: float, seed: int, fold: int | None) -> Cohort:
        """Return the training cases of a draw."""
        return next(part for *draw, each, part in self._draws if (*draw, each.number) == (percent, seed, fold))

    def measured(self, fold: int | None) -> Cohort:
        """Return the cases that a fold measures."""
        parts = next(each.parts for each in self._folds if each.number == fold)
        return parts["test" if fold is None else "val"]

    def left_out(self) -> dict[str, str]:
        """Share, seed and fold that cannot be trained -> the reason."""
        return {
            _draw(percent, seed, fold.number): reason
            for percent, seed, fold, part in self._draws
            if (reason := _one_sided(part, fold.parts["train"], self.classes))
        }

    def cells(self, folder: Path) -> Iterator[Cell]:
        """Yield the cells of a run folder, the cheapest comparison first: arm by arm within each share and seed."""
        left_out = self.left_out()
        for percent, seed, fold, part in self._draws:
            draw = _draw(percent, seed, fold.number)
            for arm in self.options.arms if draw not in left_out else ():
                words = _filled(self._words[arm], fold.number)
                words += words_of(folder / PATIENTS / f"{draw}.csv", seed, self.classes if part.classes else ())
                budget, count = fold.budgets.get(arm), len(groups(part))
                yield Cell(percent, arm, seed, fold.number, count, len(part), tuple(words), budget)

    def write(self, folder: Path) -> None:
        """Write the manifest of each draw below a run folder; those of an earlier run must say the same.

        Raises:
            UsageError: the cases have changed since.
            OutputError: cannot be written.
        """
        for percent, seed, fold, part in self._draws:
            kept = {"train": part, **{name: fold.parts[name] for name in ("val", "test")}}
            if fold.number is not None:
                del kept["test"]  # it stays unseen
            cases = [case.model_copy(update={"split": name}) for name, part in kept.items() for case in part]
            path = folder / PATIENTS / f"{_draw(percent, seed, fold.number)}.csv"
            write_cases(Cohort(tuple(cases), fold.parts["train"].root), path, folder)

    def _fold(self, number: int | None) -> _Fold:
        """Make the job of each arm, so that what is wrong shows before anything is trained."""
        budgets: dict[str, RunLength] = {}
        parts: Mapping[str, Cohort] = {}
        for arm, words in self._words.items():
            words = [*_filled(words, number), *([] if number is None else [f"data.fold={number}"])]
            job_class, config = configured(self.config, words)
            job = job_class(config)
            assert isinstance(job, FinetuneJob | DetectJob)
            _check_start(job, config.init_from)
            if not parts:
                parts, self.classes = job.parts(), job.classes
                self.activation: Activation = job.config.loss.activation if isinstance(job, FinetuneJob) else "sigmoid"
            decides_itself = getattr(config, "bit_hyperrule", None) is not None  # the same steps for all small cohorts
            if self.options.budget == "steps" and not decides_itself:
                budgets[arm] = RunLength.of(job)
        if number is None and not len(parts["test"]):
            what, fix = "there is no test split to measure on", "give the manifest one, or pass --on folds"
            raise UsageError(what, where="--on test", fix=fix)
        return _Fold(number, parts, budgets)


def _check_start(job: FinetuneJob | DetectJob, init: InitConfig | None) -> None:
    """Raise VesaliusError if the net cannot be built, takes other pictures, or does not fit the weights to start from.

    A task of detection is left out: it first encodes every scan.
    """
    if isinstance(job, DetectJob):
        if init is not None:
            locate(init.model)
        return
    task = job.task()
    modules = task.build()
    if init is not None:
        Start(init, task)(modules)


def _words(config: str | Path, arm: str, overrides: Sequence[str]) -> list[str]:
    """Return the overrides of an arm: common words, what makes the arm, words of this arm only."""
    common = [word for word in overrides if not word.startswith(tuple(f"{name}:" for name in ARMS))]
    only = [word.removeprefix(f"{arm}:") for word in overrides if word.startswith(f"{arm}:")]
    job, settings = configured(config, common)
    if not issubclass(job, FinetuneJob | DetectJob):
        what = f"a run of {settings.task} has no labels to learn from"
        raise UsageError(what, where=str(config), fix="name a configuration of finetune or detect")
    if not job.Config.model_validate(settings).data.manifest:
        what = "precomputed vectors have no manifest to take patients from"
        raise UsageError(what, where=str(config), fix="give data.manifest and data.encoder")
    has_blocks = _FROZEN in type(settings).model_fields
    if arm == SCRATCH:
        return [*common, "init_from=null", *([f"{_FROZEN}=-1"] if has_blocks else []), *only]
    if settings.init_from is None:
        raise UsageError(
            "needs weights to start from", where=f"arm {arm}", fix="add init_from=RUN, or leave the arm out"
        )
    if arm == PROBE and not has_blocks:
        what = f"a run of {settings.task} has no {_FROZEN}"
        raise UsageError(what, where=f"arm {arm}", fix=f"leave it out: --arms {SCRATCH},...")
    return [*common, *([f"{_FROZEN}={_HEAD_ONLY}"] if arm == PROBE else []), *only]


def _folds(config: str | Path, words: Sequence[str]) -> list[int]:
    data = configured(config, words)[1].data  # type: ignore[attr-defined]
    folds = sorted({case.fold for case in read_manifests(data.manifest) if case.fold is not None})
    if len(folds) < 2:
        what, fix = "the manifest has no folds", "make them with vesalius cohort split --folds 5"
        raise UsageError(what, where="--on folds", fix=fix)
    return folds


def _filled(words: Sequence[str], fold: int | None) -> list[str]:
    return list(words) if fold is None else [word.replace(_FOLD, str(fold)) for word in words]


def _draw(percent: float, seed: int, fold: int | None) -> str:
    """Name what decides the training cases."""
    return f"{percent:g}_percent-seed_{seed}" + ("" if fold is None else f"-fold_{fold}")


def _one_sided(part: Cohort, whole: Cohort, classes: Sequence[str]) -> str | None:
    """Return why a share cannot be learned from: a class that has both labels in the whole has one in the share."""
    lacking = []
    for name in classes:
        values, wanted = ({case.labels[name] for case in cohort if name in case.labels} for cohort in (part, whole))
        lacking += [name] if len(values) < 2 <= len(wanted) else []
    if not lacking:
        return None
    count = len(groups(part))
    return f"{count} {'patient does' if count == 1 else 'patients do'} not hold both labels of {some(lacking)}"
