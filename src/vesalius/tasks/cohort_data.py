"""The data block of a run's configuration: which cases it takes, how they are split, and how they are loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, field_validator

from vesalius.cohort.cache import Cache
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.cohort.manifest import read_manifests
from vesalius.cohort.split import left_out_notes, training_splits
from vesalius.config import Config
from vesalius.errors import UsageError
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import Augment


def _each_once(given: tuple[str, ...]) -> tuple[str, ...]:
    for name in given:
        if given.count(name) > 1:
            raise ValueError(f"{name} is named {given.count(name)} times")
    return given


ClassNames: TypeAlias = Annotated[tuple[str, ...], AfterValidator(_each_once)]
"""A field of a configuration that holds the labels to learn."""


class ManifestData(Config):
    """The cases of one or several manifests, and their splits."""

    manifest: tuple[Path, ...] = Field(
        min_length=1,
        description="one or several .jsonl or .csv of vesalius cohort build, shards (.tar, or a folder of them) or "
        "folders of scans in a layout that it knows; without splits they are split by patient",
    )
    images: tuple[str, ...] = Field(default=(IMAGE,), min_length=1, description="images that become the channels")
    fold: int | None = Field(default=None, ge=0, description="validate on this fold of the manifest, train on the rest")
    ratios: tuple[float, float, float] = Field(
        default=(0.7, 0.15, 0.15), description="train, val, test of a manifest without splits"
    )

    @field_validator("manifest", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str | Path) else given

    @property
    def where(self) -> str:
        """Names of the manifests, for messages."""
        return ", ".join(str(path) for path in self.manifest)


class CohortData(ManifestData):
    """Cases that a loader prepares and caches. Jobs add their fields in a subclass.

    Example:
        >>> data = CohortData.build(manifest="hearts.jsonl", fold=0)
        >>> data.where, data.images, data.memory_mib
        ('hearts.jsonl', ('image',), 2048)
    """

    workers: int = Field(default=1, ge=0, description="threads that load")
    memory_mib: int = Field(default=2048, ge=1, description="MiB that the loader may hold")
    cache: Path | None = Field(default=None, description="folder where prepared scans stay between runs")

    @property
    def _optional(self) -> bool:
        return False

    def cohort(self) -> Cohort:
        """Return all cases of the manifests.

        Raises:
            InputError: a manifest cannot be read, or two cases have one id.
        """
        return read_manifests(self.manifest)

    def usable(self, case: Case) -> bool:
        """Whether the run can take a case; a job that needs labels or masks overrides this."""
        return bool(case.images)

    @property
    def needs(self) -> str:
        """What a usable case has, for messages, such as "label"; "" where every case is usable."""
        return ""

    def splits(self, cohort: Cohort, seed: int) -> dict[str, Cohort]:
        """Return the usable cases of "train", "val" and "test"; the notes of each split say which cases are left out.

        A manifest without splits is split by patient. With `fold`, that fold is the validation split.

        Args:
            cohort: all cases.
            seed: random seed of the split.

        Raises:
            UsageError: nothing to train or to validate on, or splits that leak or do not fit (`training_splits`).
        """
        splits = training_splits(cohort, self.ratios, fold=self.fold, seed=seed, where=self.where)
        splits = {name: split.where(self.usable) for name, split in splits.items()}
        for name in ("train", "val"):
            if not len(splits[name]):
                what = f"the split {name!r} has no case" + (f" with a {self.needs}" if self.needs else "")
                fix = "check the manifest and the names under data, or split it with vesalius cohort split"
                raise UsageError(what, where=self.where, fix=fix)
        why = (f"have no {self.needs} or " if self.needs else "") + "are in no split of the run"
        notes = left_out_notes(cohort, splits, why)
        return {name: replace(split, notes=(*split.notes, *notes)) for name, split in splits.items()}

    def loader(
        self,
        cohort: Cohort,
        *,
        prepare: Prepare,
        order: Literal["shuffled", "cohort"],
        seed: int = 0,
        masks: Sequence[str] = (),
        optional_masks: bool = False,
        frame: str | None = None,
        classes: Sequence[str] | None = None,
        augment: Augment | None = None,
        repeats: int = 1,
    ) -> Loader:
        """Return a loader of a split, with the images, cache, memory and workers of this block.

        The arguments are those of `Loader`. Take the order "shuffled" for training and "cohort" for held-out cases,
        whose loader gets a quarter of the memory.
        """
        return Loader(
            cohort,
            prepare=prepare,
            images=self.images,
            optional=self._optional,
            masks=masks,
            optional_masks=optional_masks,
            frame=frame,
            classes=classes,
            augment=augment,
            cache=None if self.cache is None else Cache(self.cache),
            memory_mib=self.memory_mib if order == "shuffled" else max(1, self.memory_mib // 4),
            workers=self.workers,
            seed=seed,
            order=order,
            repeats=repeats,
        )


class ImagesData(CohortData):
    """Cases of several images, of which a case may lack some."""

    allow_missing: bool = Field(
        default=False, description="cases may lack some of the images; for nets that know missing ones, such as UME"
    )

    @property
    def _optional(self) -> bool:
        return self.allow_missing

    def held(self, case: Case) -> bool:
        """Whether a case has the images that it needs."""
        return (any if self.allow_missing else all)(name in case.images for name in self.images)

    @property
    def needed_images(self) -> str:
        """The same in words."""
        return f"image called {(' or ' if self.allow_missing else ' and ').join(self.images)}"

    def hide_missing(self, image_C: NDArray[np.floating], case: Case) -> None:
        """Set the channels of the images that a case lacks to NaN, in place: so nets learn that they are missing."""
        image_C[[channel for channel, name in enumerate(self.images) if name not in case.images]] = np.nan

    def check_missing(self, prepare: Prepare, takes_missing: bool) -> None:
        """Raise ValueError where images may be missing, and the net or the preparation does not allow that."""
        given = len(self.images)
        if self.allow_missing and not (takes_missing and prepare.channel_count(given) == given):
            raise ValueError("data.allow_missing needs a net that knows missing images, and one channel for each image")
