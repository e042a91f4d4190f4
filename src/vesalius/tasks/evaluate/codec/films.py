"""One slice of a cine, moving: original, what each coder restores at about equal bytes, lossless.

Letters: C channel, T time, I J K voxel axes; J rows, I columns of a picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.codec import Box, ratio
from vesalius.report.page import Player, write_figure
from vesalius.report.player import FASTEST_MS, SLOWEST_MS, Track, grey, player
from vesalius.report.table import number
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.adapter import is_tokens
from vesalius.tasks.evaluate.codec.pictures import DrawnPoint, slug
from vesalius.tasks.evaluate.codec.results import Exact, Point
from vesalius.tasks.evaluate.codec.studies import Study
from vesalius.transforms.view import view_of
from vesalius.transforms.window import DISPLAY_PERCENT, percentile_range

MOST_LOSSY = 4
"""Lossy films beside the original and the lossless one."""


@dataclass(frozen=True, eq=False)
class Screen:
    """Where the films of a study are seen: one slice, the heart region or the whole field, one grey window."""

    scan: Scan
    place: tuple[int, int]
    box: Box | None

    @property
    def region(self) -> str:
        """In words."""
        return "whole field" if self.box is None else "heart region"

    @cached_property
    def window(self) -> tuple[float, float]:
        """Real values shown black and white."""
        frame = slice(self.place[0], self.place[0] + 1)
        picture_IJ = self.scan.values(frame, self._depth, dtype=np.float32)[0, 0, :, :, 0]
        return percentile_range(picture_IJ[self._inside], *DISPLAY_PERCENT)

    def film(self, stored_CTIJK: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the first channel of a scan, given as stored values, as 8 bits (T, J, I), upright."""
        stored_TIJ = stored_CTIJK[0, :, *self._inside, self._depth.start]
        values = self.scan.intensity.part(slice(None), self._depth).to_real(stored_TIJ[None, ..., None], np.float32)
        view = view_of(self.scan, "upright")
        return np.stack([view.turn(picture_IJ) for picture_IJ in grey(values[0, ..., 0], self.window)])

    @property
    def _depth(self) -> slice:
        return slice(self.place[1], self.place[1] + 1)

    @property
    def _inside(self) -> tuple[slice, slice]:
        return (slice(None), slice(None)) if self.box is None else (self.box[0], self.box[1])


def play(
    study: Study, screen: Screen, restored: Sequence[DrawnPoint], exact: Sequence[Exact], folder: Path
) -> Player | None:
    """Write the sheet of a study's films and return its player; None for a still scan.

    Shown are the coders of tokens, then the others in their order, each with the file nearest to the fewest bytes per
    frame that all of them reach. The lossless film is the original, with the bytes of the smallest lossless file.
    """
    scan = screen.scan
    c, frames, _, _, k = scan.shape
    chosen = _chosen(restored)
    if frames == 1 or not chosen:
        return None
    pictures, original_TJI = c * frames * k, screen.film(scan.stored())
    plain = f"16 bit: {number(2 * scan.voxels / pictures)} B per frame"
    tracks = [Track("Original", (plain, f"source {study.source_bytes:,} B"), original_TJI)]
    for drawn in chosen:
        assert drawn.film_TJI is not None
        tracks.append(Track(drawn.point.coder, _lines(drawn.point, pictures), drawn.film_TJI))
    smallest = min((file for file in exact if file.tier_bytes), default=None, key=lambda file: file.size_bytes or 0)
    if smallest is not None and smallest.size_bytes and smallest.tier_bytes:
        size = f"file {smallest.size_bytes:,} B, {ratio(scan.voxels, smallest.size_bytes):.2f}:1"
        lines = (f"tier {number(smallest.tier_bytes / pictures)} B per frame", size, "equal bit for bit")
        tracks.append(Track(f"Lossless ({smallest.method})", lines, original_TJI))
    where = f"{study.data_set}, {study.name}: {screen.region} of slice {screen.place[1]} (from 0)"
    frame_ms = _frame_ms(scan)
    block, png = player(
        f"{slug(study.data_set)}-{slug(study.name)}-player.png",
        tracks,
        caption=f"{where}, {_speed(frame_ms)}. Lossy films: files of about equal bytes per frame; the decibels and "
        "SSIM are those of the region in all frames and slices.",
        alt=f"{where}: {', '.join(track.title for track in tracks)} side by side",
        frame_ms=frame_ms,
        pixel_aspect=view_of(scan, "upright").pixel_aspect,
        start=screen.place[0],
    )
    write_figure(folder / block.file, png)
    return block


def _frame_ms(scan: Scan) -> float | None:
    """Mean time between frames; None where unknown."""
    starts = scan.frame_ms
    return None if starts is None or starts[-1] <= starts[0] else (starts[-1] - starts[0]) / (len(starts) - 1)


def _speed(frame_ms: float | None) -> str:
    if frame_ms is None:
        return "not in its own time, which is unknown"
    if FASTEST_MS <= frame_ms <= SLOWEST_MS:
        return "in its own time"
    return f"{'slower' if frame_ms < FASTEST_MS else 'faster'} than its own time, {number(frame_ms)} ms for a frame"


def _chosen(restored: Sequence[DrawnPoint]) -> list[DrawnPoint]:
    """One point of each coder at about equal bytes."""
    by_coder: dict[str, list[DrawnPoint]] = {}
    for drawn in restored:
        if drawn.film_TJI is not None:
            by_coder.setdefault(drawn.point.coder, []).append(drawn)
    shown = sorted(by_coder, key=lambda coder: not is_tokens(coder))[:MOST_LOSSY]
    if not shown:
        return []
    wanted = max(min(drawn.point.tier_bytes for drawn in by_coder[coder]) for coder in shown)
    return [min(by_coder[coder], key=lambda drawn: abs(math.log(drawn.point.tier_bytes / wanted))) for coder in shown]


def _lines(point: Point, pictures: int) -> tuple[str, ...]:
    measures = point.heart or point.whole
    return (
        f"tier {number(point.tier_bytes / pictures)} B per frame",
        f"file {point.size_bytes:,} B, {point.ratio:,.0f}:1",
        f"{measures.psnr_db:.1f} dB, SSIM {measures.ssim:.3f}",
    )
