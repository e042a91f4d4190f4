"""A small piece of a scan on which coders are tried: choosing one must not cost more than using it.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

from dataclasses import replace

from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.scan import Scan

SLICES, FRAMES, SIDE = 3, 24, 320
"""At most so many slices, spread evenly, the first frames, and the middle of each slice; the first channel. Of a still
scan, at most FRAMES slices from its middle, so that they are neighbours."""


def sample(scan: Scan) -> Scan:
    """The piece, in memory; the scan itself where it is no larger. Geometry is left out: nobody may write the piece."""
    c, t, i, j, k = scan.shape
    places = _still_places(k) if t == 1 else _places(k)
    if c == 1 and t <= FRAMES and max(i, j) <= SIDE and k == len(places):
        return scan
    frames = slice(0, min(t, FRAMES))
    array = scan.stored(t=frames, k=slice(places[0], places[-1] + 1))
    array = array[:1, :, _middle(i), _middle(j)][..., [place - places[0] for place in places]]
    intensity = scan.intensity
    if not intensity.is_uniform:
        slope, inter = (table[frames][:, places] for table in (intensity.slope_TK, intensity.inter_TK))
        intensity = replace(intensity, slope_TK=slope, inter_TK=inter)
    return replace(scan, pixels=ArrayPixels(array), geometry=None, intensity=intensity, frame_ms=None, native=None)


def _places(slices: int) -> list[int]:
    count = min(slices, SLICES)
    return [(2 * n + 1) * slices // (2 * count) for n in range(count)]


def _still_places(slices: int) -> list[int]:
    count = min(slices, FRAMES)
    return list(range((slices - count) // 2, (slices + count) // 2))


def _middle(size: int) -> slice:
    start = max(0, (size - SIDE) // 2)
    return slice(start, start + min(size, SIDE))
