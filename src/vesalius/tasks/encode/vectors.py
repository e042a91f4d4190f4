"""Vectors of all slices of a cohort, computed once and cached by their inputs.

A store belongs to one encoder (weights, sizes, precision), one preparation (windows, size) and one choice of slices;
in it a scan is found by the bytes of its files. So a moved file is found, and a changed voxel, window or weight is not.
Each scan is added when it is finished: an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from vesalius.cohort.cache import Cache
from vesalius.cohort.case import IMAGE, Case, Problem
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.features import FeatureStore, StoreFacts
from vesalius.cohort.loader import Loader
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, OutputError, VesaliusError
from vesalius.tasks.encode.encoder import BATCH, Encoder, facts_digest
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.training.estimate import duration
from vesalius.wording import Progress, quiet

_T = TypeVar("_T")
SKIP = "skip what cannot be read (data.skip_invalid=true in train, --skip-invalid in evaluate)"
"""Fix for an unreadable scan."""
_PAUSE_S, _PAUSE_SHARE = 5.0, 0.05
"""Least time between two progress lines: seconds, or a share of the time so far."""
_FOLDER = "embeddings-1"
"""The number is the version of the vectors' form."""


@dataclass
class Extracted:
    """The vectors of a cohort.

    Args:
        store: that holds them.
        keys: case -> key in the store; a case that could not be read has none.
        problems: unreadable cases, with reasons.
        encoded: number of scans that were encoded now.
    """

    store: FeatureStore
    keys: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    encoded: int = 0


def extract(
    cohort: Cohort,
    encoder: Encoder,
    choice: SliceConfig,
    cache: Path | None = None,
    *,
    images: Sequence[str] = (IMAGE,),
    batch: int = BATCH,
    ahead: int = 1,
    skip_invalid: bool = False,
    progress: Progress = quiet,
) -> Extracted:
    """Return the vectors of the chosen slices of every case.

    Args:
        cohort: cases with unique ids.
        encoder: gives the vectors.
        choice: of slices.
        cache: folder of the stores; None: that of the user.
        images: names of the images whose channels are joined.
        batch: slices in a batch.
        ahead: scans to read in advance; 0: each is read when its turn comes.
        skip_invalid: list unreadable cases and go on, instead of stopping.
        progress: callback that receives a line now and then; not called if every vector is cached.

    Raises:
        InputError: a case cannot be read.
        OutputError: the store cannot be written.
    """
    files = Cache(cache)
    loader = Loader(cohort, prepare=encoder.contract.prepare, images=images, cache=files)
    extracted = Extracted(store_of(encoder, choice, files))
    clock = _Clock(len(cohort), progress)

    def load(case: Case) -> tuple[str, Slices | None] | VesaliusError:
        try:
            key = loader.key(case)
            if key in extracted.store:
                return key, None
            scans = [open_image(cohort, case, name) for name in images]
            slices = Slices.of(scans, encoder.contract.prepare)
            if loader.key(case) != key:
                raise InputError("was written while it was read", fix="run again")
        except VesaliusError as error:
            return error
        return key, slices

    for number, (case, loaded) in enumerate(_ahead(cohort.cases, load, ahead), start=1):
        error = (
            loaded if isinstance(loaded, VesaliusError) else _store(extracted, case, *loaded, encoder, choice, batch)
        )
        if error is not None:
            error = at(error, cohort.path(next(iter(case.images.values()))))
            if not skip_invalid:
                raise InputError(error.what, where=error.where, fix=f"{error.fix or 'mend it'}, or {SKIP}") from error
            extracted.problems.append(Problem(case.id, error.reason))
        clock.tick(number, extracted)
    return extracted


class _Clock:
    """Reports the progress of an extraction now and then; says nothing if every vector is cached.

    Args:
        scans: number of scans.
        progress: callback that receives each line.
    """

    def __init__(self, scans: int, progress: Progress) -> None:
        self._scans, self._progress = scans, progress
        self._started = self._printed = time.monotonic()
        self._encoded = 0

    def tick(self, number: int, extracted: Extracted) -> None:
        """Print a line after a scan, if it is time."""
        now = time.monotonic()
        spent, is_last = now - self._started, number == self._scans
        if extracted.encoded == self._encoded or not (
            is_last or now - self._printed >= max(_PAUSE_S, _PAUSE_SHARE * spent)
        ):
            return
        self._printed, self._encoded = now, extracted.encoded
        bad = f", {len(extracted.problems)} cannot be read" if extracted.problems else ""
        left = "" if is_last else f", about {duration(spent / number * (self._scans - number))} left"
        self._progress(f"{number} of {self._scans} scans, {extracted.encoded} of them encoded now{bad}{left}")


def store_of(encoder: Encoder, choice: SliceConfig, files: Cache) -> FeatureStore:
    """Open or create the store of an encoder, its preparation and a choice of slices.

    Raises:
        InputError: it is damaged.
        OutputError: it cannot be written.
    """
    facts, folder = _place(encoder, choice, files)
    return FeatureStore.open_or_create(folder, facts)


def known_store(encoder: Encoder, choice: SliceConfig, files: Cache) -> FeatureStore | None:
    """Open the store; None if there is none yet. Nothing is written.

    Raises:
        InputError: it is damaged.
    """
    facts, folder = _place(encoder, choice, files)
    return FeatureStore.open(folder, facts) if folder.is_dir() else None


def _place(encoder: Encoder, choice: SliceConfig, files: Cache) -> tuple[StoreFacts, Path]:
    facts = StoreFacts(width=encoder.width, encoder=encoder.digest(), prepare=facts_digest(encoder, choice))
    return facts, files.folder / _FOLDER / f"{facts.encoder[:16]}-{facts.prepare[:16]}"


def _store(
    extracted: Extracted, case: Case, key: str, slices: Slices | None, encoder: Encoder, choice: SliceConfig, batch: int
) -> VesaliusError | None:
    """Put the vectors of a case into the store, unless they are there; return the error that prevents it."""
    if slices is not None and key not in extracted.store:
        try:
            add(extracted.store, key, case.id, slices, encoder, choice, batch)
        except OutputError:
            raise
        except VesaliusError as error:
            return error
        extracted.encoded += 1
    extracted.keys[case.id] = key
    return None


def add(
    store: FeatureStore, key: str, name: str, slices: Slices, encoder: Encoder, choice: SliceConfig, batch: int = BATCH
) -> None:
    """Encode the chosen slices of a scan and add them to a store.

    Raises:
        UsageError: the encoder cannot take them.
        OutputError: the store cannot be written.
    """
    numbers = choice.chosen(slices)
    store.append(key, name, encoder.embed(slices, numbers, batch), numbers.tolist())


def at(error: VesaliusError, path: Path) -> VesaliusError:
    """Return the error with a path, unless it names one already."""
    return error if error.where is not None else InputError(error.what, where=path, fix=error.fix)


def _ahead(cases: Sequence[Case], load: Callable[[Case], _T], count: int) -> Iterator[tuple[Case, _T]]:
    """Yield each case with its loaded data; another thread loads the next ones meanwhile."""
    if not count:
        yield from ((case, load(case)) for case in cases)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="vesalius-slices") as pool:
        waiting: deque[Future[_T]] = deque(pool.submit(load, case) for case in cases[:count])
        try:
            for number, case in enumerate(cases):
                loaded = waiting.popleft().result()
                waiting.extend(pool.submit(load, later) for later in cases[number + count : number + count + 1])
                yield case, loaded
        finally:
            for future in waiting:
                future.cancel()
