"""Measuring a restored scan against its original, slice by slice, whole field and heart region at once.

Letters: C channel, T time, I J K voxel axes; N pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.codec import Box, add_changes
from vesalius.metrics.error import SquaredError
from vesalius.metrics.ssim import ssim_per_picture, to_pictures
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.results import Measures


@dataclass
class _Sums:
    """One region of one slice."""

    errors: SquaredError
    changes: SquaredError
    ssim_N: NDArray[np.float64]


def measure(
    original: Scan, stored_CTIJK: NDArray[Any], peak: float, box: Box | None, threads: int
) -> tuple[Measures, Measures | None]:
    """Measures of the whole field and of the heart region (None without one).

    Args:
        original: the scan; its intensity map holds for both.
        stored_CTIJK: restored stored values.
        peak: of the whole scan.
        box: heart region, or None.
        threads: slices measured at a time.
    """

    def one_slice(k: int) -> tuple[_Sums, _Sums | None]:
        part = slice(k, k + 1)
        reference = original.values(k=part, dtype=np.float64)
        intensity = original.intensity.part(slice(None), part)
        restored = intensity.to_real(stored_CTIJK[..., part], np.float64)
        whole = _sums(reference, restored, peak)
        if box is None or not box[2].start <= k < box[2].stop:
            return whole, None
        inside = (slice(None), slice(None), box[0], box[1])
        return whole, _sums(reference[inside], restored[inside], peak)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        pairs = list(pool.map(one_slice, range(original.shape[4])))
    is_time = original.t_meaning == "time" and original.shape[1] > 1
    whole = _measures([pair[0] for pair in pairs], peak, is_time)
    heart = [pair[1] for pair in pairs if pair[1] is not None]
    return whole, _measures(heart, peak, is_time) if heart else None


def _sums(reference_CTIJK: NDArray[Any], restored_CTIJK: NDArray[Any], peak: float) -> _Sums:
    sums = _Sums(
        SquaredError(),
        SquaredError(),
        ssim_per_picture(to_pictures(reference_CTIJK), to_pictures(restored_CTIJK), peak),
    )
    sums.errors.add(reference_CTIJK, restored_CTIJK)
    add_changes(sums.changes, reference_CTIJK, restored_CTIJK)
    return sums


def _measures(parts: Sequence[_Sums], peak: float, is_time: bool) -> Measures:
    errors, changes = SquaredError(), SquaredError()
    for part in parts:
        errors.merge(part.errors)
        changes.merge(part.changes)
    each = np.concatenate([part.ssim_N for part in parts])
    measured = each[~np.isnan(each)]
    return Measures(
        psnr_db=errors.psnr(peak),
        ssim=float(measured.mean()) if measured.size else math.nan,
        max_error=errors.max_error,
        temporal_error=changes.rmse if is_time else None,
    )
