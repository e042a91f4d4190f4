"""Cost of encoding a cohort, measured on a few of its scans in advance; nothing is kept."""

from __future__ import annotations

import tempfile
import time
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
from vesalius.tasks.detect.config import DetectData
from vesalius.tasks.detect.studies import Vectors
from vesalius.tasks.encode.encoder import Encoder
from vesalius.tasks.encode.vectors import extract, known_store
from vesalius.tasks.job import Preparation
from vesalius.transforms.view import view_of
from vesalius.weights.saved import ENCODER

_ENOUGH, _SLICES, _MOST = 2, 16, 24
"""Least number of scans and slices to measure after a warm-up scan, and the most scans to try."""
_PATIENCE_S = 60.0
"""Time after which no further scan is measured."""


@dataclass(frozen=True, eq=False)
class Tried:
    """For a dry run.

    Args:
        vectors: for every case, perhaps those of another case.
        cost: of encoding all cases; None: nothing is to be encoded.
    """

    vectors: Vectors
    cost: Preparation | None = None


def try_scans(cohort: Cohort, encoder: Encoder, data: DetectData) -> Tried:
    """Encode a few scans, whose vectors stand in for those of the others.

    Raises:
        InputError: a scan cannot be read, or with `data.skip_invalid` none can.
    """
    rows: list[NDArray[np.float32]] = []
    times: list[tuple[float, int]] = []
    begun = time.perf_counter()
    for case in cohort.cases[:_MOST]:
        with tempfile.TemporaryDirectory() as folder:
            started = time.perf_counter()
            found = extract(
                Cohort((case,), cohort.root),
                encoder,
                data.slices,
                Path(folder),
                images=data.images,
                batch=data.batch,
                skip_invalid=data.skip_invalid,
            )
            if case.id not in found.keys:
                continue
            times.append((time.perf_counter() - started, slices_of(cohort, case, encoder, data)))
            rows.append(np.array(found.store.rows(found.keys[case.id])))
        measured = times[1:]
        enough = len(measured) >= _ENOUGH and sum(count for _, count in measured) >= _SLICES
        if enough or time.perf_counter() - begun > _PATIENCE_S:
            break
    if not rows:
        raise InputError(f"none of the first {min(_MOST, len(cohort))} scans can be read", fix="mend the files")
    measured = times[1:] or times
    seconds, slices = sum(spent for spent, _ in measured), sum(count for _, count in measured)
    parameters = {ENCODER: sum(p.numel() for p in encoder.part.net.parameters())}
    cost = Preparation(*left_to_do(cohort, encoder, data), len(measured), seconds / max(1, slices), parameters)
    ends = np.cumsum([len(scan_rows) for scan_rows in rows])
    places = np.split(np.arange(ends[-1]), ends[:-1])
    of_case = {case.id: places[number % len(places)] for number, case in enumerate(cohort)}
    items_N = np.concatenate([np.arange(len(scan_rows)) for scan_rows in rows])
    return Tried(Vectors(np.concatenate(rows), of_case, items_N), cost)


def left_to_do(cohort: Cohort, encoder: Encoder, data: DetectData) -> tuple[int, int, int]:
    """Count the scans that the cache does not hold yet, their slices, and the scans that it holds.

    Unreadable scans are not counted.
    """
    store = known_store(encoder, data.slices, Cache(data.cache))
    loader = Loader(cohort, prepare=encoder.contract.prepare, images=data.images)
    scans = slices = cached = 0
    for case in cohort:
        try:
            if store is not None and loader.key(case) in store:
                cached += 1
                continue
            slices += slices_of(cohort, case, encoder, data)
        except VesaliusError:  # the audit names it
            continue
        scans += 1
    return scans, slices, cached


def slices_of(cohort: Cohort, case: Case, encoder: Encoder, data: DetectData) -> int:
    """Count the slices to use by the header; the share of air is unknown before pixels are read.

    Raises:
        VesaliusError: it cannot be read.
    """
    prepare = encoder.contract.prepare
    view = view_of(open_image(cohort, case, data.images[0]), prepare.plane, prepare.display)
    return len(data.slices.spread(np.arange(view.count, dtype=np.int64)))
