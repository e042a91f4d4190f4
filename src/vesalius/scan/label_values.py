"""Labels of a label map: whole numbers within the precision of the file.

A file that stores labels as integers with a slope gives 1.00000004 for 1, because its slope was rounded to float32, and
0.988 where its steps do not meet 1. Such values count as labels where the rounding of the file explains the difference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vesalius.scan.pictures.stack import indices
from vesalius.scan.scan import Scan

_ROUNDINGS = 4
"""Roundings at the stored precision: slope, intercept, product and sum."""
_COARSE = 0.1
"""Widest step between stored values that explains a difference; wider ones may belong to an image."""


class NotLabelsError(ValueError):
    """The values of a scan are not labels; the message continues after the name of the mask."""


def label_map(scan: Scan) -> Scan:
    """Return a scan opened as a label map: pictures with a palette give its indices, not its colours."""
    return indices(scan)


def read_labels(scan: Scan, least: int, most: int) -> NDArray[np.int64]:
    """Return the labels of a label map, (1, T, I, J, K).

    Raises:
        NotLabelsError: several channels, or values that are not whole numbers from `least` to `most`.
    """
    if scan.shape[0] != 1:
        kind = "" if scan.colour == "channels" else f" ({scan.colour})"
        raise NotLabelsError(f"has {scan.shape[0]} channels{kind}, but a label map has one")
    values = scan.values(dtype=np.float64)
    labels = np.rint(values)
    finite = bool(np.isfinite(values).all()) and scan.dtype.kind != "c"
    within = labels.size and least <= labels.min() and labels.max() <= most
    if values.size and not (finite and within and np.abs(values - labels).max() <= _precision(scan, values)):
        raise NotLabelsError(f"holds values other than whole numbers from {least} to {most}")
    return labels.astype(np.int64)


def _precision(scan: Scan, values: NDArray[np.floating]) -> float:
    """Return how far the rounding of the file can move a whole number."""
    epsilon = float(np.finfo(scan.dtype).eps) if scan.dtype.kind == "f" else 0.0
    step = 0.0
    reach = float(np.abs(values).max())
    if not scan.intensity.is_identity:
        slopes, inters = scan.intensity.slope_TK, scan.intensity.inter_TK
        factors = np.concatenate([slopes, inters])
        is_single = (factors.astype(np.float32) == factors).all()  # the header states float32 where all factors fit it
        epsilon = max(epsilon, float(np.finfo(np.float32 if is_single else np.float64).eps))
        reach = max(reach, float(np.abs(inters).max()))
        if scan.dtype.kind in "iu":
            step = float(np.abs(slopes).max())
    return min(_COARSE, _ROUNDINGS * epsilon * reach + (step / 2 if step <= _COARSE else 0.0))
