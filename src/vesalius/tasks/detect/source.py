"""Sources of the vectors of a run: precomputed files, or scans and a frozen encoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vesalius.cohort.builders.series import LABELS, is_series_table, read_series
from vesalius.cohort.case import Problem
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import joined, read_manifest
from vesalius.errors import InputError
from vesalius.tasks.detect.bare import read_bare
from vesalius.tasks.detect.config import DetectConfig, DetectData, DetectSettings, EncoderFacts
from vesalius.tasks.detect.cost import Tried, try_scans
from vesalius.tasks.detect.studies import Vectors
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.vectors import SKIP, extract
from vesalius.transforms.contract import InputContract
from vesalius.transforms.prepare import ct_slices
from vesalius.wording import Progress, quiet

_SIDE = 224
"""Pixels of a slice's side where a window and no side is given."""


class StudySource(ABC):
    """A cohort whose cases have vectors."""

    cohort: Cohort
    reads_scans: bool
    has_slice_labels: bool
    """Whether single slices of studies may have labels."""
    problems: tuple[Problem, ...] = ()
    """Unreadable cases, known once the vectors are computed."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all labels of the cases: those of RSNA 2019 first, the others in order of appearance."""
        found = self.cohort.classes
        return (*(name for name in LABELS if name in found), *(name for name in found if name not in LABELS))

    @abstractmethod
    def vectors(self, cases: Cohort, device: str, progress: Progress = quiet) -> Vectors:
        """Return the vectors of cases; `progress` receives a line now and then."""

    @abstractmethod
    def settings(self, classes: tuple[str, ...], device: str) -> DetectSettings:
        """Return the settings of the shipped model."""

    def tried(self, cases: Cohort, device: str) -> Tried:
        """Return vectors for a trial of the loop, and the cost of computing all; nothing stays on disk."""
        return Tried(self.vectors(cases, device))

    def encoder(self, device: str) -> Encoder | None:  # noqa: ARG002
        """Return the encoder that ships with the model; None: there is none."""
        return None


def source_of(config: DetectConfig) -> StudySource:
    """Return the source of a configuration. Raises as the classes do."""
    return Scans(config.data) if config.data.manifest else Files(config.data)


class Files(StudySource):
    """Vectors from `.npy` files.

    Raises:
        InputError: a file cannot be read.
        UsageError: two files do not fit each other.
    """

    reads_scans = False

    def __init__(self, data: DetectData) -> None:
        self.cohort, self._vectors, self._names = read_bare(data)
        self.has_slice_labels = self._vectors.labels_NC is not None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all labels of the rows, in the order of the columns."""
        found = set(self.cohort.classes)
        return tuple(name for name in self._names if name in found)

    def vectors(self, cases: Cohort, device: str, progress: Progress = quiet) -> Vectors:  # noqa: ARG002
        return self._vectors

    def settings(self, classes: tuple[str, ...], device: str) -> DetectSettings:  # noqa: ARG002
        return DetectSettings(classes=classes, images=("image",))


class Scans(StudySource):
    """Vectors that a frozen encoder computes from the scans of manifests.

    Args:
        data: manifests, encoder, slices.
        encoder: one that is loaded already; None: that of `data`.

    Raises:
        InputError: a manifest or the encoder cannot be read; a row leads to no scan and `skip_invalid` is not set.
    """

    reads_scans = True

    def __init__(self, data: DetectData, encoder: Encoder | None = None) -> None:
        self._data = data
        self.cohort, self._unusable = _cohort(data.manifest, data.classes)
        self.has_slice_labels = data.unit == "study"
        self.problems = self._unusable
        if self._unusable and not data.skip_invalid:
            what = f"{len(self._unusable)} rows lead to no scan, {self._unusable[0]}"
            raise InputError(what, where=data.manifest[0], fix=f"mend them, or {SKIP}")
        self._encoders = {} if encoder is None else {encoder.device.type: encoder}

    def vectors(self, cases: Cohort, device: str, progress: Progress = quiet) -> Vectors:
        data = self._data
        found = extract(
            cases,
            self.encoder(device),
            data.slices,
            data.cache,
            images=data.images,
            batch=data.batch,
            skip_invalid=data.skip_invalid,
            progress=progress,
        )
        self.problems = (*self._unusable, *found.problems)
        of_case = {}
        items_N = np.zeros(len(found.store), np.int64)
        for case, key in found.keys.items():
            first, count = found.store.span(key)
            of_case[case] = np.arange(first, first + count)
            items_N[of_case[case]] = found.store.items(key)
        return Vectors(found.store.features, of_case, items_N)

    def tried(self, cases: Cohort, device: str) -> Tried:
        return try_scans(cases, self.encoder(device), self._data)

    def settings(self, classes: tuple[str, ...], device: str) -> DetectSettings:
        encoder, data = self.encoder(device), self._data
        name = Path(str(data.encoder)).name
        facts = EncoderFacts(name=name, digest=encoder.digest(), precision=encoder.precision)
        return DetectSettings(
            classes=classes, images=data.images, unit=data.unit, slices=data.slices, check=data.check, encoder=facts
        )

    def encoder(self, device: str) -> Encoder:
        """Return the encoder on a device, with the window of the run."""
        if device not in self._encoders:
            data = self._data
            loaded = Encoder.from_pretrained(str(data.encoder), device, data.precision)
            if data.window is not None:
                contract = InputContract(images=data.images, prepare=ct_slices(data.window, data.side or _SIDE))
                loaded = loaded.prepared_by(contract)
            self._encoders[device] = loaded.at_side(data.side, "data.side")
        return self._encoders[device]


def _cohort(paths: Sequence[Path], classes: Sequence[str]) -> tuple[Cohort, tuple[Problem, ...]]:
    """Return the cases of manifests or tables of series, and the rows that lead to no scan."""
    cohorts: list[Cohort] = []
    unusable: list[Problem] = []
    for path in paths:
        if not is_series_table(path):
            cohorts.append(read_manifest(path))
            continue
        cohort, bad, _ = read_series(path, classes=classes)
        if not len(cohort):
            raise InputError("no nifti_path leads to a .nii or .nii.gz file", where=path, fix="check the paths in it")
        cohorts.append(cohort)
        several = len(paths) > 1
        unusable += [Problem(f"{path.name} {row.id}", row.reason) for row in bad] if several else bad
    return joined(cohorts, paths[-1]), tuple(unusable)
