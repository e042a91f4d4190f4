"""Vectors of all slices of a cohort, computed once and cached by their inputs.

A store belongs to one encoder (weights, sizes, precision), one preparation (windows, size) and one choice of slices;
in it a scan is found by the bytes of its files. So a moved file is found, and a changed voxel, window or weight is not.
Each scan is added when it is finished: an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from vesalius.cohort.cache import Cache
from vesalius.cohort.case import IMAGE, Case, Problem
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.features import FeatureStore, StoreFacts
from vesalius.cohort.loader import Loader
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, OutputError, VesaliusError
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.encoder import BATCH
from vesalius.tasks.encode.load import AnySliceEncoder
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


class Writer:
    """Adds a row for each chosen slice of a scan to a store.

    Args:
        store: of this encoder, its preparation and this choice.
        encoder: gives the vectors.
        choice: of slices.
        batch: slices in a batch.
    """

    def __init__(self, store: FeatureStore, encoder: AnySliceEncoder, choice: SliceConfig, batch: int = BATCH) -> None:
        self.store, self.encoder, self.choice, self.batch = store, encoder, choice, batch

    def __contains__(self, key: object) -> bool:
        return key in self.store

    def slices(self, scans: Sequence[Scan]) -> Slices:
        """Return the slices of the images of a case. Raises as `Slices.of` does."""
        return Slices.of(scans, self.encoder.contract.prepare)

    def add(self, key: str, name: str, slices: Slices) -> None:
        """Encode the chosen slices of a scan and add them.

        Raises:
            UsageError: the encoder cannot take them.
            OutputError: the store cannot be written.
        """
        rows_nD, numbers = self.encoder.rows(slices, self.choice, self.batch)
        self.store.append(key, name, rows_nD, numbers.tolist())


def extract(
    cohort: Cohort,
    encoder: AnySliceEncoder,
    choice: SliceConfig,
    cache: Path | None = None,
    *,
    images: Sequence[str] = (IMAGE,),
    batch: int = BATCH,
    ahead: int = 1,
    skip_invalid: bool = False,
    progress: Progress = quiet,
) -> Extracted:
    """Return the vectors of the chosen slices of every case, from the cache or encoded now.

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
    writer = Writer(store_of(encoder, choice, files), encoder, choice, batch)
    return fill(cohort, writer, files, images=images, ahead=ahead, skip_invalid=skip_invalid, progress=progress)


def fill(
    cohort: Cohort,
    writer: Writer,
    files: Cache,
    *,
    images: Sequence[str] = (IMAGE,),
    ahead: int = 1,
    skip_invalid: bool = False,
    progress: Progress = quiet,
) -> Extracted:
    """Let a writer add the cases that it lacks. Arguments, result and errors are those of `extract`."""
    loader = Loader(cohort, prepare=writer.encoder.contract.prepare, images=images, cache=files)
    extracted = Extracted(writer.store)
    clock = _Clock(len(cohort), progress)

    def load(case: Case) -> tuple[str, Slices | None]:
        key = loader.key(case)
        if key in writer:
            return key, None
        slices = writer.slices([open_image(cohort, case, name) for name in images])
        if loader.key(case) != key:
            raise InputError("was written while it was read", fix="run again")
        return key, slices

    for number, (case, loaded) in enumerate(_ahead(cohort.cases, load, ahead), start=1):
        try:
            key, slices = loaded()
            if slices is not None and key not in writer:  # two cases may have the same files
                writer.add(key, case.id, slices)
                extracted.encoded += 1
            extracted.keys[case.id] = key
        except OutputError:
            raise
        except VesaliusError as bare:
            error = at(bare, cohort.path(next(iter(case.images.values()))))
            if not skip_invalid:
                raise InputError(error.what, where=error.where, fix=f"{error.fix or 'mend it'}, or {SKIP}") from error
            extracted.problems.append(Problem(case.id, error.reason))
        clock.tick(number, extracted)
    return extracted


class _Clock:
    """Reports the progress of an extraction now and then; says nothing if every vector is cached."""

    def __init__(self, scans: int, progress: Progress) -> None:
        self._scans, self._progress = scans, progress
        self._started = self._printed = time.monotonic()
        self._encoded = 0

    def tick(self, number: int, extracted: Extracted) -> None:
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


def store_of(encoder: AnySliceEncoder, choice: SliceConfig, files: Cache) -> FeatureStore:
    """Open or create the store of an encoder, its preparation and a choice of slices.

    Raises:
        InputError: it is damaged.
        OutputError: it cannot be written.
    """
    facts, folder = _place(encoder, choice, files)
    return FeatureStore.open_or_create(folder, facts)


def known_store(encoder: AnySliceEncoder, choice: SliceConfig, files: Cache) -> FeatureStore | None:
    """Open the store; None if there is none yet. Nothing is written.

    Raises:
        InputError: it is damaged.
    """
    facts, folder = _place(encoder, choice, files)
    return FeatureStore.open(folder, facts) if folder.is_dir() else None


def _place(encoder: AnySliceEncoder, choice: SliceConfig, files: Cache) -> tuple[StoreFacts, Path]:
    chosen = hashlib.sha256(f"{encoder.contract.prepare.digest()} {choice.digest()}".encode()).hexdigest()
    facts = StoreFacts(width=encoder.width, encoder=encoder.digest(), prepare=chosen)
    return facts, files.folder / _FOLDER / f"{facts.encoder[:16]}-{facts.prepare[:16]}"


def at(error: VesaliusError, path: Path) -> VesaliusError:
    """Return the error with a path, unless it names one already."""
    return error if error.where is not None else InputError(error.what, where=path, fix=error.fix)


def _ahead(cases: Sequence[Case], load: Callable[[Case], _T], count: int) -> Iterator[tuple[Case, Callable[[], _T]]]:
    """Yield each case with a function that returns its loaded data, or raises what went wrong.

    Another thread loads the next `count` cases meanwhile.
    """
    if not count:
        yield from ((case, partial(load, case)) for case in cases)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="vesalius-slices") as pool:
        waiting: deque[Future[_T]] = deque(pool.submit(load, case) for case in cases[:count])
        try:
            for number, case in enumerate(cases):
                future = waiting.popleft()
                wait([future])  # first, so that no more than `count` cases are in memory
                waiting.extend(pool.submit(load, later) for later in cases[number + count : number + count + 1])
                yield case, future.result
        finally:
            for future in waiting:
                future.cancel()
