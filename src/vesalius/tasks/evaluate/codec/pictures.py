"""Original, restored and error pictures of a study at common ratios.

Letters: I columns, J rows of a picture.
"""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.metrics.codec import Box
from vesalius.report.figure import Shown, panel
from vesalius.report.page import Figure, write_figure
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.results import Point
from vesalius.tasks.evaluate.codec.studies import Study
from vesalius.transforms.view import view_of
from vesalius.transforms.window import DISPLAY_PERCENT, percentile_range

RATIOS = (100, 1000)
NEAR = 1.6
"""A coder is drawn at a ratio if it has a point within this factor of it."""
GAIN = 5.0


@dataclass(frozen=True, eq=False)
class DrawnPoint:
    """A measured point and the drawn slice of its restored scan, real values (I, J); its film where one is shown."""

    point: Point
    picture_IJ: NDArray[Any]
    film_NJI: NDArray[np.uint8] | None = None


def draw(
    study: Study, scan: Scan, place: tuple[int, int], box: Box | None, restored: Sequence[DrawnPoint], folder: Path
) -> tuple[Figure, ...]:
    """Write PNG files of one slice of a study: whole field, and heart region where there is a box.

    Drawn at RATIOS, or at the median of the measured ratios where no coder comes near any of RATIOS. `place` is the
    frame and the slice; `restored` holds all measured points.
    """
    frame, depth = place
    original_IJ = scan.values(slice(frame, frame + 1), slice(depth, depth + 1))[0, 0, :, :, 0]
    regions: list[tuple[str, tuple[slice, slice]]] = [("whole field", (slice(None), slice(None)))]
    if box is not None:
        regions.append(("heart region", (box[0], box[1])))
    view = view_of(scan, "upright")
    pictures = []
    for wanted in _wanted(restored):
        near = _nearest(restored, wanted)
        for region, inside in regions if near else ():
            name = f"{slug(study.data_set)}-{slug(study.name)}-{wanted}-{region.split()[0]}.png"
            window = percentile_range(original_IJ[inside], *DISPLAY_PERCENT)
            shown = [Shown(_words(drawn.point, region), view.turn(drawn.picture_IJ[inside])) for drawn in near]
            png = panel(
                view.turn(original_IJ[inside]),
                shown,
                window=window,
                spacing_mm=view.spacing_mm or (1.0, 1.0),
                gain=GAIN,
                unit=scan.intensity.unit,
            )
            write_figure(folder / name, png)
            where = f"{study.data_set}, {study.name}: {region} near {wanted:,}:1"
            caption = _caption(where, scan, place, window, near, restored)
            pictures.append(Figure(file=name, caption=caption, alt=where))
    return tuple(pictures)


def slug(text: str) -> str:
    """A name that is safe as part of a file name; different texts give different names."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text).strip("-")
    return kept if kept and kept == text else f"{kept}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".strip("-")


def _wanted(restored: Sequence[DrawnPoint]) -> list[int]:
    reached = [ratio for ratio in RATIOS if _nearest(restored, ratio)]
    if reached or not restored:
        return reached
    return [max(1, round(statistics.median_low(drawn.point.ratio for drawn in restored)))]


def _nearest(restored: Sequence[DrawnPoint], wanted: float) -> list[DrawnPoint]:
    """For each coder the point nearest to a ratio, if it is within NEAR."""
    nearest: dict[str, DrawnPoint] = {}
    for drawn in restored:
        best = nearest.get(drawn.point.coder)
        if best is None or _distance(drawn, wanted) < _distance(best, wanted):
            nearest[drawn.point.coder] = drawn
    return [drawn for drawn in nearest.values() if _distance(drawn, wanted) <= math.log(NEAR)]


def _distance(drawn: DrawnPoint, wanted: float) -> float:
    return abs(math.log(drawn.point.ratio / wanted))


def _words(point: Point, region: str) -> str:
    measures = point.heart if region == "heart region" and point.heart is not None else point.whole
    return f"{point.coder}, {point.ratio:,.0f}:1\n{measures.psnr_db:.1f} dB, SSIM {measures.ssim:.3f}"


def _caption(
    where: str,
    scan: Scan,
    place: tuple[int, int],
    window: tuple[float, float],
    near: Sequence[DrawnPoint],
    restored: Sequence[DrawnPoint],
) -> str:
    absent = sorted({drawn.point.coder for drawn in restored} - {drawn.point.coder for drawn in near})
    missing = f" No file of {', '.join(absent)} is near this ratio." if absent else ""
    channels = scan.shape[0]
    channel = "" if channels == 1 else f" Of {channels} channels ({scan.colour}) the first is drawn."
    return (
        f"{where}; frame {place[0]}, slice {place[1]} (from 0), turned by the affine. Grey window "
        f"{window[0]:.4g} to {window[1]:.4g}. PSNR and SSIM are of all frames and slices of the region, RMS "
        f"of the picture alone.{missing}{channel}"
    )
