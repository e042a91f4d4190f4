"""All slices and frames of a scan, ready for a viewer: upright, small, through one window or several.

Letters: T time, K slices, J rows, I columns, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.report.viewer import LEAST_SIDE, MOST_PIXELS, Stack, fitted
from vesalius.scan.colours import in_rgb
from vesalius.scan.scan import Colour, Scan
from vesalius.transforms.view import to_view, view_of
from vesalius.transforms.window import WINDOWS_HU, default_range, to_screen

Windows = Mapping[str, tuple[float, float]]
"""Name -> real values that are black and white."""


@dataclass(frozen=True, eq=False)
class ScanStacks:
    """A scan to look through.

    Args:
        names: of the windows; empty where there is one.
        stacks: one for each window.
        slices: numbers of the slices, counted as in the file.
        pixel_aspect: row spacing over column spacing.
    """

    names: list[str]
    stacks: list[Stack]
    slices: range
    pixel_aspect: float

    @classmethod
    def of(cls, scan: Scan, k: int = 0) -> ScanStacks:
        """Read a scan; where it has very many slices, some evenly around slice `k`."""
        scan = in_rgb(scan)
        frames, slices = scan.shape[1], kept_slices(scan.shape[4], k, scan.shape[1])
        windows = windows_of(scan)
        parts = [
            [screened(to_view(scan, "upright", k=slice(n, n + 1)), scan.colour, window) for window in windows.values()]
            for n in slices
        ]
        stacks = [Stack(np.stack([each[place] for each in parts], axis=1)) for place in range(len(windows))]
        assert stacks[0].pictures.shape[0] == frames
        return cls(list(windows) if len(windows) > 1 else [], stacks, slices, view_of(scan, "upright").pixel_aspect)

    def turned(self, scan: Scan, labels_TIJK: NDArray[np.integer]) -> NDArray[np.integer]:
        """Return label maps on the grid of the scan as (T, K, J, I), like the pictures."""
        view = view_of(scan, "upright")
        labels_TKJI = [
            [fitted(view.turn(labels_IJK[..., k]).astype(np.uint8), smooth=False) for k in self.slices]
            for labels_IJK in labels_TIJK
        ]
        return np.array(labels_TKJI)


def kept_slices(count: int, k: int, frames: int = 1) -> range:
    """Return the slices that a viewer can hold: all, or some evenly around slice `k`."""
    every = -(-count // max(1, MOST_PIXELS // (LEAST_SIDE**2 * frames)))
    return range(k % every, count, every)


def windows_of(scan: Scan, first: tuple[float, float] | None = None, *, in_hu: bool = False) -> Windows:
    """Return the windows of a scan: `first` or its usual one, and of HU the common ones.

    Args:
        scan: the scan.
        first: window that is shown first.
        in_hu: its values are known to be HU, whatever the file says.
    """
    first = first or default_range(scan)
    if not (in_hu or scan.intensity.unit == "HU") or scan.colour != "grey":
        return {"automatic": first}
    named = {f"{name}, {low:g} to {high:g} HU": (low, high) for name, (low, high) in WINDOWS_HU.items()}
    known = next((name for name, ends in named.items() if ends == first), f"{first[0]:g} to {first[1]:g} HU")
    return {known: first} | named


def screened(x_BCJI: NDArray[Any], colour: Colour, window: tuple[float, float]) -> NDArray[np.uint8]:
    """Return pictures of 8 bits as a viewer holds them: (B, J, I), or (B, J, I, 3) in colours."""
    screen_BCJI = to_screen(x_BCJI, colour, window)
    pictures = screen_BCJI.transpose(0, 2, 3, 1) if screen_BCJI.shape[1] > 1 else screen_BCJI[:, 0]
    return np.stack([fitted(picture) for picture in pictures])


def frame_step_ms(scan: Scan) -> float | None:
    """Mean time between frames; None where unknown."""
    starts: Sequence[float] | None = scan.frame_ms
    return None if starts is None or starts[-1] <= starts[0] else (starts[-1] - starts[0]) / (len(starts) - 1)
