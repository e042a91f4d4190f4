"""PSNR, SSIM, MAE and MSE of pictures that belong together by name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.errors import InputError, UsageError, VesaliusError
from vesalius.metrics.error import peak
from vesalius.metrics.picture_error import GRADES, PictureError, grade, picture_error
from vesalius.metrics.spread import Spread
from vesalius.tasks.evaluate.images.pictures import Side, Source, open_picture
from vesalius.transforms.prepare import Prepare

MEASURES = ("psnr", "ssim", "mae", "mse")
_REAL = Prepare(layout="CJI")
_BYTE = 255.0


@dataclass(frozen=True)
class PairError:
    """Errors of one pair.

    Args:
        case: its name.
        source: patient or picture.
        error: the measures.
    """

    case: str
    source: Source
    error: PictureError


def measure_pairs(generated: Side, reference: Side) -> tuple[list[PairError], dict[str, VesaliusError]]:
    """Measure the pairs of one id (of a folder: of one file name).

    Values are those of the files; the range for PSNR and SSIM is 255 for eight bits, else the peak of the reference.

    Returns:
        Pairs in the order of the reference; case -> why it has no measure.

    Raises:
        UsageError: no pair could be measured.
    """
    offered = {case.id: case for case in generated.cohort}
    pairs: list[PairError] = []
    failed: dict[str, VesaliusError] = {}
    for case in reference.cohort:
        if case.id not in offered:
            failed[case.id] = InputError("no generated picture of this name")
            continue
        try:
            error = _error(generated.cohort, offered[case.id], reference.cohort, case)
            pairs.append(PairError(case.id, reference.sources[case.id], error))
        except VesaliusError as problem:
            failed[case.id] = problem
    known = {case.id for case in reference.cohort}
    failed |= {name: InputError("no reference picture of this name") for name in offered if name not in known}
    if not pairs:
        what = f"no pair could be measured; the first of {len(failed)} failures: {next(iter(failed))}: "
        raise UsageError(
            what + next(iter(failed.values())).what, fix="pairs have one id, or one file name in two folders"
        )
    return pairs, failed


def pair_results(pairs: Sequence[PairError]) -> dict[str, object]:
    """Return mean, sd, range and interval over sources of each measure, JSON-able; equal pictures have no PSNR."""
    results: dict[str, object] = {
        "pictures": len(pairs),
        "equal_pictures": sum(math.isinf(pair.error.psnr) for pair in pairs),
    }
    for measure in MEASURES:
        values = {pair.case: float(getattr(pair.error, measure)) for pair in pairs}
        spread = Spread.by_patient(values, {pair.case: (pair.source.name, pair.source.is_patient) for pair in pairs})
        finite = [value for value in values.values() if math.isfinite(value)]
        facts: dict[str, object] = {
            "mean": math.fsum(finite) / len(finite) if finite else None,
            "sd": float(np.std(finite, ddof=1)) if len(finite) > 1 else None,
            "range": [min(finite), max(finite)] if finite else None,
            "interval": None if spread.low is None else [spread.low, spread.high],
        }
        if measure in GRADES:
            facts["grade"] = grade(measure, math.fsum(finite) / len(finite)) if finite else None
        results[measure] = facts
    return results


def _error(generated: Cohort, made: Case, reference: Cohort, real: Case) -> PictureError:
    scans = open_picture(generated, made), open_picture(reference, real)
    restored, truth = map(_REAL, scans)
    if restored.shape != truth.shape:
        sizes = [" x ".join(map(str, x.shape)) for x in (restored, truth)]
        what = f"has {sizes[0]} channels, rows and columns, the reference {sizes[1]}"
        raise InputError(what, fix="pairs have the same pixels")
    bytes_both = all(scan.dtype == np.uint8 for scan in scans)
    return picture_error(restored, truth, _BYTE if bytes_both else peak(truth))
