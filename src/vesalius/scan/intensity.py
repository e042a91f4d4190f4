"""From stored numbers to real values: real = slope * stored + intercept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from vesalius.errors import InputError


@dataclass(frozen=True)
class Intensity:
    """The map from stored to real values.

    Args:
        slope_TK: slope, shape (1, 1), or (T, K) where a file scales each slice separately (PET); NaN where unknown.
        inter_TK: intercept, same shapes.
        unit: unit of the real values as the file states it ("HU"), or "".
        problem: clause that says why slopes are unknown; "" where all are known.

    Example:
        >>> hounsfield = Intensity.linear(1, -1024, "HU")
        >>> hounsfield.to_real(np.full((1, 1, 1, 1, 1), 1064, np.int16)).item()
        40.0
    """

    slope_TK: NDArray[np.float64] = field(default_factory=lambda: np.ones((1, 1)))
    inter_TK: NDArray[np.float64] = field(default_factory=lambda: np.zeros((1, 1)))
    unit: str = ""
    problem: str = ""

    @classmethod
    def linear(cls, slope: float, inter: float, unit: str = "") -> Intensity:
        """Return the map with one slope and one intercept for the whole scan."""
        return cls(np.full((1, 1), float(slope)), np.full((1, 1), float(inter)), unit)

    @property
    def is_known(self) -> bool:
        """True where every slope and intercept is known."""
        return not (np.isnan(self.slope_TK).any() or np.isnan(self.inter_TK).any())

    @property
    def is_identity(self) -> bool:
        """True where stored values are real values."""
        return bool((self.slope_TK == 1).all() and (self.inter_TK == 0).all())

    @property
    def is_uniform(self) -> bool:
        """True where one slope and one intercept serve the whole scan."""
        return self.slope_TK.size == 1 and self.inter_TK.size == 1

    def part(self, t: slice, k: slice) -> Intensity:
        """Return the map of the frames `t` and slices `k`."""
        if self.is_uniform:
            return self
        return replace(self, slope_TK=self.slope_TK[t, k], inter_TK=self.inter_TK[t, k])

    def to_real(self, stored_CTIJK: NDArray[Any], dtype: DTypeLike = np.float32) -> NDArray[np.floating]:
        """Convert stored values (C, T, I, J, K) to real values; computed in float64 unless the map is the identity.

        Complex values give their magnitude, as complex MR is viewed.

        Raises:
            InputError: a slope or an intercept is unknown.
        """
        self.check_known()
        values = stored_CTIJK
        if not self.is_identity:
            values = values * self.slope_TK[None, :, None, None, :] + self.inter_TK[None, :, None, None, :]
        return (np.abs(values) if values.dtype.kind == "c" else values).astype(dtype)

    def check_known(self) -> None:
        """Raise InputError where a slope or an intercept is unknown."""
        if not self.is_known:
            fix = "pass --assume-rescale SLOPE,INTERCEPT (a .vsl file must be decompressed before)"
            raise InputError(f"real values are unknown: {self.problem or 'a slope is not stated'}", fix=fix)
