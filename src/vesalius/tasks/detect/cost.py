"""Cost of encoding a cohort, measured on a few of its scans in advance; nothing is kept.

Letters: N slices of a scan, D width.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.cache import Cache
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader
from vesalius.cohort.read import open_image
from vesalius.errors import InputError, VesaliusError
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.slices import SliceConfig
from vesalius.tasks.encode.vectors import extract, known_store
from vesalius.transforms.view import view_of

_ENOUGH, _SLICES, _MOST = 2, 16, 24
"""Least number of scans and slices to measure after a warm-up scan, and the most scans to try."""
_PATIENCE_S = 60.0
"""Time after which no further scan is measured."""


@dataclass(frozen=True, eq=False)
class TimedScans:
    """Scans that were encoded.

    Args:
        rows: vectors [N, D] of each.
        measured: scans behind the time.
        slice_seconds: mean time for a slice, by the header's count, reading included.
    """

    rows: tuple[NDArray[np.float32], ...]
    measured: int
    slice_seconds: float


@dataclass(frozen=True)
class Left:
    """What is left to encode.

    Args:
        scans: without cached vectors.
        slices: of these scans, by their headers.
        there: scans with cached vectors.
    """

    scans: int
    slices: int
    there: int


def try_scans(
    cohort: Cohort, encoder: Encoder, choice: SliceConfig, images: Sequence[str], batch: int, *, skip_invalid: bool
) -> TimedScans:
    """Encode a few scans.

    Raises:
        InputError: a scan cannot be read, or with `skip_invalid` none can.
    """
    rows: list[NDArray[np.float32]] = []
    times: list[tuple[float, int]] = []
    begun = time.perf_counter()
    for case in cohort.cases[:_MOST]:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            scan = Cohort((case,), cohort.root)
            found = extract(scan, encoder, choice, Path(folder), images=images, batch=batch, skip_invalid=skip_invalid)
            if case.id not in found.keys:
                continue
            times.append((time.perf_counter() - started, slices_of(cohort, case, encoder, choice, images)))
            rows.append(np.array(found.store.rows(found.keys[case.id])))
        measured = times[1:]
        enough = len(measured) >= _ENOUGH and sum(count for _, count in measured) >= _SLICES
        if enough or time.perf_counter() - begun > _PATIENCE_S:
            break
    if not rows:
        raise InputError(f"none of the first {min(_MOST, len(cohort))} scans can be read", fix="mend the files")
    measured = times[1:] or times
    seconds, slices = sum(spent for spent, _ in measured), sum(count for _, count in measured)
    return TimedScans(tuple(rows), len(measured), seconds / max(1, slices))


def left_to_do(
    cohort: Cohort, encoder: Encoder, choice: SliceConfig, images: Sequence[str], cache: Path | None
) -> Left:
    """Count the scans that the cache does not hold yet; unreadable ones are not counted."""
    store = known_store(encoder, choice, Cache(cache))
    loader = Loader(cohort, prepare=encoder.contract.prepare, images=images)
    scans = slices = there = 0
    for case in cohort:
        try:
            if store is not None and loader.key(case) in store:
                there += 1
                continue
            slices += slices_of(cohort, case, encoder, choice, images)
        except VesaliusError:  # the audit names it
            continue
        scans += 1
    return Left(scans, slices, there)


def slices_of(cohort: Cohort, case: Case, encoder: Encoder, choice: SliceConfig, images: Sequence[str]) -> int:
    """Count the slices to use by the header; the share of air is unknown before pixels are read.

    Raises:
        VesaliusError: it cannot be read.
    """
    prepare = encoder.contract.prepare
    view = view_of(open_image(cohort, case, images[0]), prepare.plane, prepare.display)
    return len(choice.spread(np.arange(view.count, dtype=np.int64)))
