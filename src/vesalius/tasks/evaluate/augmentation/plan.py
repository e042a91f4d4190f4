"""The cells of a comparison of augmentations: one training for each arm and seed.

All arms train the same net for as many optimizer steps as the real pictures alone would take, validate on the same real
cases once at the end (that chooses no weights) and are measured on the same real test cases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import joined, read_manifest
from vesalius.config import Config
from vesalius.errors import InputError, UsageError
from vesalius.tasks.evaluate.arms.cases import words_of, write_cases
from vesalius.tasks.evaluate.arms.cell import RunLength
from vesalius.tasks.evaluate.augmentation.options import (
    ARMS,
    CLASSICAL,
    EVERYTHING,
    REAL,
    SYNTHETIC_ONLY,
    AugmentationOptions,
)
from vesalius.tasks.finetune.config import FinetuneConfig, with_classes
from vesalius.tasks.finetune.job import FinetuneJob
from vesalius.tasks.finetune.task import FinetuneTask
from vesalius.tasks.train.run import configured
from vesalius.tasks.train.start import Start
from vesalius.wording import some

CELLS = "cells"
"""Folder of the runs."""
CASES = "cases"
"""Folder of the manifests of the arms."""
SOURCE = "source"
"""Fact of a synthetic case: the id of the case whose labels, mask and caption it has."""
_PLAIN = ("augment=[]", "mixup=0.0", "prepare_for_training=null")
"""Overrides of an arm that is not augmented in the classical way."""
_CALLS = ("accuracy", "macro_f1")


@dataclass(frozen=True)
class ArmCell:
    """One training.

    Args:
        arm: its name.
        seed: of the training.
        words: overrides of its configuration.
        length: of the training, the same for all arms.
    """

    arm: str
    seed: int
    words: tuple[str, ...]
    length: RunLength

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.arm}-seed_{self.seed}"


class AugmentationRecord(Config):
    """What may not change when a run is resumed: the configuration of each arm."""

    task: str = "augmentation"
    arms: dict[str, Any]


class AugmentationPlan:
    """The cells of a run, checked before any is trained. Nothing is written.

    Args:
        config: a file, or the name of a configuration of finetune that comes with the package; its `augment` and
            `mixup` are the classical augmentation, its `data.manifest` holds the real cases.
        synthetic: manifest of the synthetic cases.
        overrides: "a.b=value".
        options: arms, seeds, ...

    Raises:
        ConfigError: a wrong key or value.
        UsageError: the options do not fit each other or the cases, or synthetic cases were made from held-out ones.
        InputError: a file cannot be read.
    """

    def __init__(
        self, config: str | Path, synthetic: Path, overrides: Sequence[str], options: AugmentationOptions
    ) -> None:
        options.check()
        self.config, self.options = config, options
        cls, settings = configured(config, overrides)
        if not issubclass(cls, FinetuneJob) or not isinstance(settings, FinetuneConfig):
            what = f"a run of {settings.task} does not classify pictures"
            raise UsageError(what, where=str(config), fix="name a configuration of finetune")
        _check_settings(settings, options, str(config))
        self._words = {arm: (*overrides, *(() if _is_augmented(arm) else _PLAIN)) for arm in options.arms}
        job = FinetuneJob(FinetuneConfig.model_validate(configured(config, self._words[REAL])[1]))
        self.parts: Mapping[str, Cohort] = job.parts()
        self.classes, self.activation = job.classes, job.config.loss.activation
        if not len(self.parts["test"]):
            what = "there is no test split to measure on"
            raise UsageError(what, where=settings.data.where, fix="make one with vesalius cohort split")
        _check_net(job.task_of(job.config), job)
        self.length = RunLength.of(job)
        made = with_classes(read_manifest(synthetic), settings.data.class_fact)
        self.synthetic, self.notes = _usable(made, settings, self.parts, synthetic)

    @property
    def record(self) -> AugmentationRecord:
        """The configuration of each arm."""
        arms = {arm: configured(self.config, words)[1].model_dump(mode="json") for arm, words in self._words.items()}
        return AugmentationRecord(arms=arms)

    @property
    def volatile(self) -> frozenset[str]:
        """Keys of the record that may differ when a run is resumed."""
        return frozenset(f"arms.{arm}.{key}" for arm in ARMS for key in FinetuneJob.volatile)

    def counts(self, arm: str) -> tuple[int, int]:
        """Return how many real and how many synthetic pictures an arm trains on."""
        real = 0 if arm == SYNTHETIC_ONLY else len(self.parts["train"])
        return real, 0 if arm in (REAL, CLASSICAL) else len(self.synthetic)

    def cells(self, folder: Path) -> Iterator[ArmCell]:
        """Yield the cells of a run folder, seed by seed, so that an interrupted run can be compared already."""
        for seed in self.options.seeds:
            for arm in self.options.arms:
                words = (*self._words[arm], *words_of(_manifest(folder, arm), seed, self.classes))
                yield ArmCell(arm, seed, words, self.length)

    def write(self, folder: Path) -> None:
        """Write the manifest of each arm below a run folder; those of an earlier run must say the same.

        Raises:
            UsageError: the cases have changed since.
            OutputError: cannot be written.
        """
        real = self.parts["train"]
        for arm in self.options.arms:
            no_real, no_synthetic = (not count for count in self.counts(arm))
            train = joined(
                [Cohort((), real.root) if no_real else real, *([] if no_synthetic else [self.synthetic])], folder
            )
            kept = {"train": train, "val": self.parts["val"], "test": self.parts["test"]}
            cases = [case.model_copy(update={"split": name}) for name, part in kept.items() for case in part]
            write_cases(Cohort(tuple(cases), real.root), _manifest(folder, arm), folder)


def _manifest(folder: Path, arm: str) -> Path:
    return folder / CASES / f"{arm}.csv"


def _is_augmented(arm: str) -> bool:
    return arm in (CLASSICAL, EVERYTHING)


def _check_settings(settings: FinetuneConfig, options: AugmentationOptions, where: str) -> None:
    if settings.data.slices is not None:
        what = "slices of volumes cannot be compared with synthetic pictures"
        raise UsageError(what, where=f"{where}: data.slices", fix="name a configuration of pictures")
    if settings.bit_hyperrule is not None:
        what = "the rule chooses other steps and changes for each number of pictures"
        raise UsageError(what, where=f"{where}: bit_hyperrule", fix="write the optimizer and the schedule yourself")
    changed = [arm for arm in options.arms if _is_augmented(arm)]
    if changed and not settings.augment and not settings.mixup:
        what = f"holds no augmentation for the arm {changed[0]}"
        raise UsageError(what, where=where, fix="give augment or mixup, or leave the arm out with --arms")
    if options.measure in _CALLS and settings.loss.activation != "softmax":
        what = f"{options.measure} needs pictures of one class each (loss softmax)"
        raise UsageError(what, where="--measure", fix="choose auroc or auprc")


def _check_net(task: FinetuneTask, job: FinetuneJob) -> None:
    """Raise VesaliusError if the net cannot be built, takes other pictures, or does not fit `init_from`."""
    modules = task.build()
    if job.config.init_from is not None:
        Start(job.config.init_from, task)(modules)


def _usable(
    made: Cohort, settings: FinetuneConfig, parts: Mapping[str, Cohort], where: Path
) -> tuple[Cohort, tuple[str, ...]]:
    """Return the synthetic cases that the run can take, and notes; none may come from a held-out case."""
    split_of = {case.id: name for name, part in parts.items() for case in part}
    held_out = [case.id for case in made if _home(case, split_of) in ("val", "test")]
    if held_out:
        what = f"{len(held_out)} cases stand for held-out ones, namely {some(held_out)}"
        raise UsageError(what, where=where, fix="make them from the training split: vesalius generate --from")
    strange = [case.id for case in made if SOURCE in case.facts and str(case.facts[SOURCE]) not in split_of]
    if strange:
        what = f"{len(strange)} cases name a source that the real manifest does not hold, namely {some(strange)}"
        raise UsageError(what, where=where, fix="give the manifest that they were made from as data.manifest")
    usable = made.where(
        lambda case: settings.data.usable(case) and all(name in case.images for name in settings.data.images)
    )
    if not len(usable):
        needs = f"{settings.data.needs} and the image {' and '.join(settings.data.images)}"
        raise InputError(f"no case has a {needs}", where=where, fix="make it with vesalius generate --from")
    notes = []
    unknown = sum(SOURCE not in case.facts for case in usable)
    if unknown:
        notes.append(
            f"{unknown} of {len(usable)} synthetic cases name no source: whether it is a held-out case is not known"
        )
    if len(usable) < len(made):
        missing = f"{len(made) - len(usable)} of {len(made)} synthetic cases"
        notes.append(f"{missing} have no {settings.data.needs} or image and are left out")
    return usable, tuple(notes)


def _home(case: Case, split_of: Mapping[str, str]) -> str | None:
    """Return the split that a synthetic case belongs to: that of its source, and what it says itself."""
    stated = case.split if case.split in ("val", "test") else None
    return stated or split_of.get(str(case.facts.get(SOURCE, "")))
