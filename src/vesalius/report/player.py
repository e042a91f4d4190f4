"""Moving pictures side by side for a report: one PNG with all frames, and the words below each.

A row of the sheet holds one frame of every track, so all tracks move together. Without a script the page shows one row.
Letters: T time, J rows, I columns.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vesalius.report.page import Player, PlayerTile
from vesalius.transforms.window import window as windowed

GAP = 3
"""Transparent pixels between two tracks."""
MOST_ROWS = 16_000
"""Taller sheets are not shown by every browser: frames are left out evenly."""
FASTEST_MS, SLOWEST_MS = 20.0, 400.0
_BEAT_MS = 1000.0


@dataclass(frozen=True)
class Track:
    """One film of a player.

    Args:
        title: e.g. the coder.
        lines: short lines below it, e.g. its bytes.
        grey_TJI: frames in 8 bits, see `grey`.
    """

    title: str
    lines: tuple[str, ...]
    grey_TJI: NDArray[np.uint8]


def grey(values: NDArray[Any], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Return real values as 8 bits: the ends of the window are black and white.

    Example:
        >>> grey(np.array([-5.0, 0.0, 50.0, 200.0]), (0.0, 100.0))
        array([  0,   0, 128, 255], dtype=uint8)
    """
    low, high = window
    return np.rint(windowed(values, (low + high) / 2, high - low) * 255).astype(np.uint8)


def player(
    file: str,
    tracks: Sequence[Track],
    *,
    caption: str,
    alt: str,
    frame_ms: float | None = None,
    pixel_aspect: float = 1.0,
    start: int = 0,
) -> tuple[Player, bytes]:
    """Return the block of a report and its PNG.

    Args:
        file: name of the PNG in the folder `figures`.
        tracks: of equal shape.
        caption: text below; what is left out is added.
        alt: the same in words.
        frame_ms: time between frames, kept within 20 to 400 ms; None: unknown, one second for all frames.
        pixel_aspect: how much taller than wide a pixel is.
        start: the frame that is shown first.

    Raises:
        ValueError: no track, tracks of different shapes, or no such frame.
    """
    shapes = {track.grey_TJI.shape for track in tracks}
    if len(shapes) != 1 or len(next(iter(shapes))) != 3:
        raise ValueError(f"tracks of shapes {sorted(shapes)}")
    frames, rows, columns = next(iter(shapes))
    if not 0 <= start < frames:
        raise ValueError(f"no frame {start} of {frames}")
    every = -(-frames * rows // MOST_ROWS)
    kept = range(start % every, frames, every)
    ms = every * (_BEAT_MS / frames if frame_ms is None else frame_ms)
    block = Player(
        file=file,
        tiles=[PlayerTile(title=track.title, lines=list(track.lines)) for track in tracks],
        frames=len(kept),
        start=kept.index(start),
        frame_ms=min(max(ms, FASTEST_MS), SLOWEST_MS),
        tile_width=float(columns),
        tile_height=rows * pixel_aspect,
        gap=float(GAP),
        caption=caption if every == 1 else f"{caption} One of {every} frames is shown.",
        alt=alt,
    )
    return block, _sheet([track.grey_TJI[kept.start :: every] for track in tracks])


def _sheet(films: Sequence[NDArray[np.uint8]]) -> bytes:
    """Return a PNG with a row for each frame and a column for each film, transparent between them."""
    frames, rows, columns = films[0].shape
    width = len(films) * (columns + GAP) - GAP
    sheet_TJI2 = np.zeros((frames, rows, width, 2), np.uint8)
    for place, film_TJI in enumerate(films):
        across = slice(place * (columns + GAP), place * (columns + GAP) + columns)
        sheet_TJI2[:, :, across, 0], sheet_TJI2[:, :, across, 1] = film_TJI, 255
    buffer = io.BytesIO()
    Image.fromarray(sheet_TJI2.reshape(frames * rows, width, 2), mode="LA").save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
