"""The slices of a scan to look through in a report, some of them under a map of their patches.

Letters: K slices, J rows, I columns, H W patches down and across.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from vesalius.report.heat import heat_stack
from vesalius.report.page import Viewer
from vesalius.report.scan_viewer import kept_slices, windows_of
from vesalius.report.viewer import PaneStacks, Stack, fitted, viewer
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.sheet import Sheet
from vesalius.tasks.encode.slices import Slices

STEM = "view"


def look_through(
    scan: Scan,
    slices: Slices,
    maps: Mapping[int, NDArray[np.float32]],
    *,
    start: int,
    still: str,
    name: str,
    floor: float | None = None,
    window_hu: tuple[float, float] | None = None,
    words: Mapping[int, str] | None = None,
) -> tuple[Viewer, dict[str, bytes]]:
    """Return the viewer of a scan and its sheets.

    Args:
        scan: that the slices are of.
        slices: in the view of the encoder.
        maps: number of a slice -> its heat map (H, W); all share one scale of colours.
        start: the slice that is shown first.
        still: file of the picture without scripts.
        name: of the values of the maps.
        floor: lowest value to draw; None: draw the whole maps.
        window_hu: first window, where values are known to be HU.
        words: number of a slice -> line shown with it; None: no lines.
    """
    kept = kept_slices(len(slices), start)
    first = Sheet.of(scan, slices, start, window_hu)
    is_shown = slices.prepare.intensity == "shown"
    windows = {"": first.window} if is_shown else windows_of(scan, first.window, in_hu=window_hu is not None)
    stacks = [
        Stack(_pictures(Sheet.of(scan, slices, number, window).picture_JI for number in kept))
        for window in windows.values()
    ]
    drawn = {kept.index(number): map_HW for number, map_HW in maps.items() if number in kept}
    edges = {
        kept.index(number): Sheet.of(scan, slices, number, first.window).covered for number in maps if number in kept
    }
    overlay = heat_stack(drawn, edges, first.picture_JI.shape[:2], stacks[0].pictures.shape[1:4], floor)
    on = ", ".join(map(str, sorted(maps)))
    several = len(slices) > 1
    return viewer(
        STEM,
        [PaneStacks("", stacks, overlay=overlay)],
        still=still,
        caption=f"{name[0].upper()}{name[1:]}" + (f", computed for slices {on}." if several else "."),
        alt=f"{'Slices' if several else 'The picture'} with the heat map: {name}",
        choices=list(windows) if len(windows) > 1 else [],
        slices=kept,
        start=(0, kept.index(start)),
        pixel_aspect=first.pixel_aspect,
        words=[words.get(number, "not used") for number in kept] if several and words is not None else [],
    )


def _pictures(pictures_JI: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return pictures as (1, K, J, I), or (1, K, J, I, 3) in colours."""
    return np.stack([fitted(picture) for picture in pictures_JI])[None]
