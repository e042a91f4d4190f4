"""A study to look through: original, what each coder restores at about equal bytes, the errors, lossless.

Of a cine one slice moves, of a still scan the slices are seen. Letters: C channel, T time, I J K voxel axes; N
pictures, J rows, I columns of a picture.
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
from vesalius.report.page import Viewer, write_figure
from vesalius.report.scan_viewer import frame_step_ms
from vesalius.report.table import number
from vesalius.report.viewer import (
    EXACT_PIXELS,
    FASTEST_MS,
    SLOWEST_MS,
    PaneStacks,
    Stack,
    error_stack,
    grey,
    still_of,
    viewer,
)
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.adapter import is_tokens
from vesalius.tasks.evaluate.codec.pictures import GAIN, DrawnPoint, slug
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

    @property
    def is_film(self) -> bool:
        """Whether frames are seen, not slices."""
        return self.scan.shape[1] > 1

    @cached_property
    def slices(self) -> range:
        """The slices that are seen: that of the place, and others evenly around it."""
        if self.is_film:
            return range(self.place[1], self.place[1] + 1)
        rows, columns, count = self.scan.shape[3], self.scan.shape[2], self.scan.shape[4]
        every = -(-count // max(1, EXACT_PIXELS // (rows * columns)))
        return range(self.place[1] % every, count, every)

    def film(self, stored_CTIJK: NDArray[Any]) -> NDArray[np.uint8]:
        """Return the first channel of a scan, given as stored values, as 8 bits, upright: its frames, or its slices."""
        view, through = view_of(self.scan, "upright"), slice(self.slices.start, self.slices.stop, self.slices.step)
        part_TIJK = stored_CTIJK[:1, :, *self._inside, through]
        values = self.scan.intensity.part(slice(None), through).to_real(part_TIJK, np.float32)[0]
        pictures_NIJ = values[..., 0] if self.is_film else values[0].transpose(2, 0, 1)
        return np.stack([view.turn(picture_IJ) for picture_IJ in grey(pictures_NIJ, self.window)])

    @property
    def _depth(self) -> slice:
        return slice(self.place[1], self.place[1] + 1)

    @property
    def _inside(self) -> tuple[slice, slice]:
        return (slice(None), slice(None)) if self.box is None else (self.box[0], self.box[1])


def look_through(
    study: Study, screen: Screen, restored: Sequence[DrawnPoint], exact: Sequence[Exact], folder: Path
) -> Viewer | None:
    """Write the sheets of a study and return its viewer; None of a single picture.

    Shown are the coders of tokens, then the others in their order, each with the file nearest to the fewest bytes per
    frame that all of them reach, and below them their errors. The lossless film is the original, with the bytes of the
    smallest lossless file.
    """
    scan = screen.scan
    c, frames, _, _, k = scan.shape
    chosen = _chosen(restored)
    if frames * k == 1 or not chosen:
        return None
    pictures, original_NJI = c * frames * k, screen.film(scan.stored())
    original = _stack(screen, original_NJI)
    plain = f"16 bit: {number(2 * scan.voxels / pictures)} B per frame"
    panes = [PaneStacks("Original", [original], (plain, f"source {study.source_bytes:,} B"))]
    smallest = min((file for file in exact if file.tier_bytes), default=None, key=lambda file: file.size_bytes or 0)
    if smallest is not None and smallest.size_bytes and smallest.tier_bytes:
        size = f"file {smallest.size_bytes:,} B, {ratio(scan.voxels, smallest.size_bytes):.2f}:1"
        lines = (f"tier {number(smallest.tier_bytes / pictures)} B per frame", size, "equal bit for bit")
        panes.append(PaneStacks(f"Lossless ({smallest.method})", [original], lines))
    errors = []
    for drawn in chosen:
        assert drawn.film_NJI is not None
        panes.append(PaneStacks(drawn.point.coder, [_stack(screen, drawn.film_NJI)], _lines(drawn.point, pictures)))
        error = error_stack(drawn.film_NJI.astype(np.int16) - original_NJI, 255 / GAIN)
        stack = Stack(_place(screen, error.pictures), error.palette_N4)
        errors.append(PaneStacks(f"Error of {drawn.point.coder} x {GAIN:g}", [stack], column=len(panes)))
    where = f"{study.data_set}, {study.name}: {screen.region}"
    where += (
        f" of slice {screen.place[1]} (from 0), {_speed(frame_step_ms(scan))}" if screen.is_film else ", slice by slice"
    )
    stem = f"{slug(study.data_set)}-{slug(study.name)}-view"
    aspect = view_of(scan, "upright").pixel_aspect
    start = (screen.place[0], 0) if screen.is_film else (0, screen.slices.index(screen.place[1]))
    block, files = viewer(
        stem,
        [*panes, *errors],
        still=f"{stem}.png",
        caption=f"{where}. Lossy files are of about equal bytes per frame; decibels and SSIM are those of the region "
        f"in all frames and slices. Errors are those seen in the grey window, {GAIN:g} times as strong: white is none, "
        "red brighter than the original, blue darker.",
        alt=f"{where}: {', '.join(pane.title for pane in panes)} side by side",
        slices=screen.slices,
        start=start,
        frame_ms=frame_step_ms(scan),
        pixel_aspect=aspect,
        columns=len(panes),
        exact=True,
    )
    files[block.still] = still_of(panes, start, aspect)
    for name, data in files.items():
        write_figure(folder / name, data)
    return block


def _stack(screen: Screen, film_NJI: NDArray[np.uint8]) -> Stack:
    return Stack(_place(screen, film_NJI))


def _place(screen: Screen, film_NJI: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return frames as (T, 1, J, I), slices as (1, K, J, I)."""
    return film_NJI[:, None] if screen.is_film else film_NJI[None]


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
        if drawn.film_NJI is not None:
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
