"""Vectors of all slices of a cohort, made once and kept under what they were made from.

A store belongs to one encoder (weights, sizes, precision), one preparation (windows, size) and one choice of slices;
in it a scan is found by the bytes of its files. So another path finds what is there, and a changed voxel, window or
weight finds nothing. Each scan is added when it is done: an interrupted run goes on where it stopped.
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
from vesalius.cohort.case import IMAGE, Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.features import FeatureStore, StoreFacts
from vesalius.cohort.loaded import Problem
from vesalius.cohort.loader import Loader
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, OutputError, VesaliusError
from vesalius.tasks.encode.encoder import BATCH, Encoder, facts_digest
from vesalius.tasks.encode.slices import SliceConfig, Slices
from vesalius.training.estimate import duration

_T = TypeVar("_T")
SKIP = "leave out what cannot be read (data.skip_invalid=true in train, --skip-invalid in evaluate)"
"""What to do where a scan cannot be read."""
_PAUSE_S, _PAUSE_SHARE = 5.0, 0.05
"""Between two lines of progress: so many seconds, or that share of the time so far. Few lines, soon and to the end."""
_FOLDER = "embeddings-1"
"""The number is that of the form of the vectors."""


@dataclass
class Extracted:
    """The vectors of a cohort.

    Args:
        store: where they are.
        keys: case -> key in the store; a case that could not be read has none.
        problems: these cases, with reasons.
        made: scans that the encoder had to look at now.
    """

    store: FeatureStore
    keys: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    made: int = 0


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
    progress: Callable[[str], None] = lambda _: None,
) -> Extracted:
    """Vectors of the chosen slices of every case.

    Args:
        cohort: cases with unique ids.
        encoder: what looks.
        choice: of slices.
        cache: folder in which stores are kept; None: that of the user.
        images: names of the images whose channels are joined.
        batch: slices that go through the encoder at once.
        ahead: scans that are read meanwhile and wait in memory; 0: each is read when its turn comes.
        skip_invalid: note cases that cannot be read and go on, instead of stopping.
        progress: callback that receives a line now and then; not called where nothing is left to extract.

    Raises:
        InputError: a case cannot be read.
        OutputError: the store cannot be written.
    """
    files = Cache(cache)
    loader = Loader(cohort, prepare=encoder.contract.prepare, images=images, cache=files)
    found = Extracted(store_of(encoder, choice, files))
    clock = _Clock(len(cohort), progress)

    def load(case: Case) -> tuple[str, Slices | None] | VesaliusError:
        try:
            key = loader.key(case)
            if key in found.store:
                return key, None
            scans = [open_image(cohort, case, name) for name in images]
            slices = Slices.of(scans, encoder.contract.prepare)
            if loader.key(case) != key:
                raise InputError("was written while it was read", fix="run again")
        except VesaliusError as error:
            return error
        return key, slices

    for number, (case, loaded) in enumerate(_ahead(cohort.cases, load, ahead), start=1):
        error = loaded if isinstance(loaded, VesaliusError) else _kept(found, case, *loaded, encoder, choice, batch)
        if error is not None:
            error = at(error, cohort.path(next(iter(case.images.values()))))
            if not skip_invalid:
                raise InputError(error.what, where=error.where, fix=f"{error.fix or 'mend it'}, or {SKIP}") from error
            found.problems.append(Problem(case.id, error.reason))
        clock.tick(number, found)
    return found


class _Clock:
    """Says how far an extraction is, now and then; nothing where everything is there.

    Args:
        scans: in all.
        progress: callback that receives each line.
    """

    def __init__(self, scans: int, progress: Callable[[str], None]) -> None:
        self._scans, self._progress = scans, progress
        self._started = self._said = time.monotonic()
        self._made = 0

    def tick(self, number: int, found: Extracted) -> None:
        """After each scan."""
        now = time.monotonic()
        spent, is_last = now - self._started, number == self._scans
        if found.made == self._made or not (is_last or now - self._said >= max(_PAUSE_S, _PAUSE_SHARE * spent)):
            return
        self._said, self._made = now, found.made
        bad = f", {len(found.problems)} cannot be read" if found.problems else ""
        left = "" if is_last else f", about {duration(spent / number * (self._scans - number))} left"
        self._progress(f"{number} of {self._scans} scans, {found.made} of them encoded now{bad}{left}")


def store_of(encoder: Encoder, choice: SliceConfig, files: Cache) -> FeatureStore:
    """Where the vectors of an encoder, its preparation and a choice of slices are kept.

    Raises:
        InputError: it is damaged.
        OutputError: it cannot be written.
    """
    facts, folder = _place(encoder, choice, files)
    return FeatureStore.open_or_create(folder, facts)


def known_store(encoder: Encoder, choice: SliceConfig, files: Cache) -> FeatureStore | None:
    """The store as it is; None where nothing was kept yet. Nothing is written.

    Raises:
        InputError: it is damaged.
    """
    facts, folder = _place(encoder, choice, files)
    return FeatureStore.open(folder, facts) if folder.is_dir() else None


def _place(encoder: Encoder, choice: SliceConfig, files: Cache) -> tuple[StoreFacts, Path]:
    facts = StoreFacts(width=encoder.width, encoder=encoder.digest(), prepare=facts_digest(encoder, choice))
    return facts, files.folder / _FOLDER / f"{facts.encoder[:16]}-{facts.prepare[:16]}"


def _kept(
    found: Extracted, case: Case, key: str, slices: Slices | None, encoder: Encoder, choice: SliceConfig, batch: int
) -> VesaliusError | None:
    """Put the vectors of a case into the store, unless they are there; says why where that cannot be."""
    if slices is not None and key not in found.store:
        try:
            add(found.store, key, case.id, slices, encoder, choice, batch)
        except OutputError:
            raise
        except VesaliusError as error:
            return error
        found.made += 1
    found.keys[case.id] = key
    return None


def add(
    store: FeatureStore, key: str, name: str, slices: Slices, encoder: Encoder, choice: SliceConfig, batch: int = BATCH
) -> None:
    """Put the vectors of the chosen slices of a scan into a store.

    Raises:
        UsageError: the encoder cannot look at them.
        OutputError: the store cannot be written.
    """
    numbers = choice.chosen(slices)
    store.append(key, name, encoder.embed(slices, numbers, batch), numbers.tolist())


def at(error: VesaliusError, path: Path) -> VesaliusError:
    """The error with the file that it is about, where it does not name one itself."""
    return error if error.where is not None else InputError(error.what, where=path, fix=error.fix)


def _ahead(cases: Sequence[Case], load: Callable[[Case], _T], count: int) -> Iterator[tuple[Case, _T]]:
    """Each case with what was loaded of it, the next ones being loaded by another thread meanwhile."""
    if not count:
        yield from ((case, load(case)) for case in cases)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="vesalius-slices") as pool:
        waiting: deque[Future[_T]] = deque(pool.submit(load, case) for case in cases[:count])
        try:
            for number, case in enumerate(cases):
                loaded = waiting.popleft().result()
                waiting.extend(pool.submit(load, one) for one in cases[number + count : number + count + 1])
                yield case, loaded
        finally:
            for one in waiting:
                one.cancel()
