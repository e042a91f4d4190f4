"""Axial CT slices for encoders that expect colours: three channels, a square of fixed size."""

from __future__ import annotations

from typing import Any, Literal

from vesalius.transforms.prepare import Prepare

CtWindow = Literal["wide", "brain-subdural-bone"]

_MEAN_HU, _STD_HU = 65.1084213, 178.0166321
"""Statistics of MedDINOv3's training data."""


def ct_slices(window: CtWindow = "wide", side: int = 224) -> Prepare:
    """Return the preparation of axial CT slices.

    Args:
        window: wide: HU clipped to -1000 and 1000 and standardized, three equal channels, as MedDINOv3
            (arXiv:2509.02379) was trained; brain-subdural-bone: a channel for each of these windows, from -1 to 1.
        side: pixels of the square.
    """
    size = {"name": "resize", "size": [side, side]}
    steps: tuple[dict[str, Any], ...]
    if window == "wide":
        standardize = {"name": "standardize", "clip": [-1000, 1000], "mean": [_MEAN_HU], "std": [_STD_HU]}
        steps = (standardize, size, {"name": "repeat", "channels": 3})
    else:
        to_one = {"name": "standardize", "mean": [0.5], "std": [0.5]}
        steps = ({"name": "windows", "windows": window}, size, to_one)
    return Prepare.build(layout="BCJI", plane="axial", steps=steps)
