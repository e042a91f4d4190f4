"""The heart beat: how far the ventricles have emptied in each frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

_FILLING = ((0.0, 1.0), (0.1, 0.86), (0.3, 0.36), (0.42, 0.22), (0.72, 0.15), (0.82, 0.12), (0.93, 0.02), (1.0, 0.0))
"""Share of diastole -> emptying: fast filling, rest, the kick of the atria."""
_EJECTION = ((0.0, 0.0), (0.15, 0.05), (0.5, 0.55), (0.85, 0.95), (1.0, 1.0))
"""Share of systole -> emptying: the valves open a little after the first frame."""


def end_systole(frames: int, share: float) -> int:
    """The frame (from 0) of end-systole where systole takes `share` of the beat."""
    return min(max(round(frames * share), 2), frames - 3)


def emptying(frames: int, es_frame: int) -> NDArray[np.float64]:
    """Share of the stroke volume that has left, shape (T,): 0 at end-diastole (frame 0), 1 in the frame `es_frame`.

    Rises until `es_frame` and falls after it; the beat goes on where it started.
    """
    systole = [(es_frame * at, value) for at, value in _EJECTION]
    diastole = [(es_frame + (frames - es_frame) * at, value) for at, value in _FILLING[1:]]
    at, value = np.array(systole + diastole).T
    return np.clip(PchipInterpolator(at, value)(np.arange(frames)), 0.0, 1.0)
