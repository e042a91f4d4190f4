"""Whether the values of a scan are labels: one check for all who read label maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def are_labels(values: NDArray[Any], least: int, most: int) -> bool:
    """True where all values are whole numbers from `least` to `most`; NaN and infinite ones are none."""
    if not values.size:
        return True
    whole = bool(np.isfinite(values).all()) and bool((values == np.rint(values)).all())
    return whole and bool(least <= values.min()) and bool(values.max() <= most)
