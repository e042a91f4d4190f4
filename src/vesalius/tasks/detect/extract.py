"""Vectors of all slices of a cohort, made once and kept under what they were made from.

A store belongs to one encoder (weights, sizes, precision), one preparation (windows, size) and one choice of slices;
in it a scan is found by the bytes of its files. So another path finds what is there, and a changed voxel, window or
weight finds nothing. Each scan is added when it is done: an interrupted run goes on where it stopped.
"""

from __future__ import annotations

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
from vesalius.cohort.loader import Loader
from vesalius.cohort.read import open_image
from vesalius.cohort.sample import Problem
from vesalius.errors import InputError, VesaliusError
from vesalius.tasks.detect.encoder import BATCH, Encoder, facts_digest
from vesalius.tasks.detect.slices import SliceConfig, Slices

_T = TypeVar("_T")
SKIP = "leave out what cannot be read (data.skip_invalid=true in train, --skip-invalid in evaluate)"
"""What to do where a scan cannot be read."""
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
        progress: told now and then how far it is.

    Raises:
        InputError: a case cannot be read.
        OutputError: the store cannot be written.
    """
    files = Cache(cache)
    loader = Loader(cohort, prepare=encoder.contract.prepare, images=images, cache=files)
    facts = StoreFacts(width=encoder.width, encoder=encoder.digest(), prepare=facts_digest(encoder, choice))
    folder = files.folder / _FOLDER / f"{facts.encoder[:16]}-{facts.prepare[:16]}"
    found = Extracted(FeatureStore.open_or_create(folder, facts))

    def load(case: Case) -> tuple[str, Slices | None] | Problem:
        try:
            key = loader.key(case)
            if key in found.store:
                return key, None
            scans = [open_image(cohort, case, name) for name in images]
            slices = Slices.of(scans, encoder.contract.prepare)
            if loader.key(case) != key:
                raise InputError("was written while it was read", fix="run again")
        except VesaliusError as error:
            return Problem(case.id, str(error))
        return key, slices

    for number, (case, loaded) in enumerate(_ahead(cohort.cases, load, ahead), start=1):
        problem = loaded if isinstance(loaded, Problem) else None
        if not isinstance(loaded, Problem):
            problem = _add(found, case, *loaded, encoder, choice, batch)
        if problem is not None and not skip_invalid:
            raise InputError(problem.reason, where=f"case {case.id}", fix=f"mend it, or {SKIP}")
        if problem is not None:
            found.problems.append(problem)
        if number % max(1, len(cohort) // 20) == 0:
            progress(f"{number} of {len(cohort)} scans, {found.made} of them encoded now")
    return found


def _add(
    found: Extracted, case: Case, key: str, slices: Slices | None, encoder: Encoder, choice: SliceConfig, batch: int
) -> Problem | None:
    """Put the vectors of a case into the store, unless they are there; says why where that cannot be."""
    if slices is not None and key not in found.store:
        numbers = choice.chosen(slices)
        try:
            rows_BD = encoder.embed(slices, numbers, batch)
        except VesaliusError as error:
            return Problem(case.id, str(error))
        found.store.append(key, case.id, rows_BD, numbers.tolist())
        found.made += 1
    found.keys[case.id] = key
    return None


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
