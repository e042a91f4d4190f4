"""Between scans of one channel and 12 or 16 bits, and nets: values from 0 to 1, and colours for nets of RGB pictures.

Letters: B pictures, C channels, J rows, I columns.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor, nn

from vesalius.errors import UsageError


class ModalityAdapter(nn.Module):
    """One channel to the three that a net with frozen RGB weights takes, and back.

    Two 1 x 1 convolutions, to be trained together with the decoder. At first every colour is the grey value, and the
    grey value is the mean of the colours.
    """

    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Conv2d(1, 3, 1), nn.Conv2d(3, 1, 1)
        with torch.no_grad():
            self.into.weight.fill_(1)
            self.out.weight.fill_(1 / 3)
            self.into.bias.zero_()  # type: ignore[union-attr]
            self.out.bias.zero_()  # type: ignore[union-attr]

    def colours(self, x_B1JI: Tensor) -> Tensor:
        """Return x_B3JI."""
        x_B3JI: Tensor = self.into(x_B1JI)
        return x_B3JI

    def grey(self, x_B3JI: Tensor) -> Tensor:
        """Return x_B1JI."""
        x_B1JI: Tensor = self.out(x_B3JI)
        return x_B1JI


def to_unit(values: NDArray[np.generic], low: float, high: float) -> NDArray[np.float32]:
    """Map stored or real values to 0 to 1; what lies outside `low` to `high` is clipped.

    Raises:
        UsageError: NaN or infinite values, or an empty range.

    Example:
        >>> to_unit(np.array([0, 2048, 4095], np.uint16), 0, 4095).round(3).tolist()
        [0.0, 0.5, 1.0]
    """
    if not (np.isfinite(low) and np.isfinite(high) and high > low):
        raise UsageError(f"the range {low} to {high} is empty", fix="code a scan that is not constant")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UsageError("the scan holds NaN or infinite values", fix="replace them first")
    scaled: NDArray[np.float32] = np.clip((values.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32)
    return scaled


def from_unit(unit: NDArray[np.floating], low: float, high: float, dtype: DTypeLike) -> NDArray[np.generic]:
    """Map 0 to 1 back to values; integers are rounded and kept within their type.

    Example:
        >>> from_unit(np.array([0.0, 0.5, 1.0]), -100, 4095, np.int16).tolist()
        [-100, 1998, 4095]
    """
    kind = np.dtype(dtype)
    values = unit.astype(np.float64) * (high - low) + low
    if kind.kind not in "iu":
        return values.astype(kind)
    limits = np.iinfo(kind)
    return np.clip(np.rint(values), limits.min, limits.max).astype(kind)
