"""Charts of an evaluation: PSNR and SSIM over the compression ratio, PSNR over the bytes per frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from vesalius.report.chart import Goal, Line, rate_distortion
from vesalius.tasks.evaluate.codec.claims import CLAIMED_DB, CLAIMED_SSIM
from vesalius.tasks.evaluate.codec.equal_bytes import Region, per_frame, points_in, read_at_bytes
from vesalius.tasks.evaluate.codec.results import StudyResult
from vesalius.tasks.evaluate.codec.summary import (
    CLAIMED_RATIO,
    DataSetSummary,
    Measure,
    measure_at,
    psnr_curve,
    region_points,
)

_MEAN_POINTS = 24
_REGIONS: dict[Region, str] = {"whole": "Whole field", "heart": "Heart region"}
_BYTES_AXIS = "bytes per frame of the tier (log scale)"
_Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """A chart with its words: `name` ends the name of its file."""

    name: str
    words: str
    png: bytes


@dataclass(frozen=True)
class _Axes:
    """What a chart draws.

    Args:
        name: ends the name of the file.
        words: of the caption.
        y: label of the y axis.
        x: label of the x axis; None: the compression ratio.
        goal: a claim to mark.
        points: study, coder, region -> points.
        read: study, coder, region, place on the x axis -> value; None where unknown.
    """

    name: str
    words: str
    y: str
    x: str | None
    goal: Goal | None
    points: Callable[[StudyResult, str, Region], _Points]
    read: Callable[[StudyResult, str, Region, float], float | None]


def charts(data_set: DataSetSummary, studies: Sequence[StudyResult], *, claims: bool) -> Iterator[Chart]:
    """Draw the charts of a data set; `claims` marks what was claimed.

    Thin lines are studies, thick ones their mean where all have a value.
    """
    for axes in _axes(claims=claims):
        panels = {
            title: _lines(axes, data_set, studies, region) for region, title in _REGIONS.items() if data_set.of(region)
        }
        if any(panels.values()):
            yield Chart(axes.name, axes.words, rate_distortion(panels, axes.y, axes.goal, axes.x))


def _axes(*, claims: bool) -> list[_Axes]:
    goal = partial(Goal, f"claimed at {CLAIMED_RATIO:,}:1", CLAIMED_RATIO)
    return [
        _Axes(
            "psnr",
            "PSNR over compression ratio",
            "PSNR (dB)",
            None,
            goal(CLAIMED_DB) if claims else None,
            _psnr_by_ratio,
            partial(_measured_at, "psnr_db"),
        ),
        _Axes(
            "ssim",
            "SSIM over compression ratio",
            "SSIM",
            None,
            goal(CLAIMED_SSIM) if claims else None,
            _ssim_by_ratio,
            partial(_measured_at, "ssim"),
        ),
        _Axes(
            "bytes",
            "PSNR over bytes per frame of the tier in the file",
            "PSNR (dB)",
            _BYTES_AXIS,
            None,
            _psnr_by_bytes,
            lambda study, coder, region, at: read_at_bytes(study, coder, region, "psnr_db", at),
        ),
    ]


def _psnr_by_ratio(study: StudyResult, coder: str, region: Region) -> _Points:
    curve = psnr_curve(study, coder, region)
    return list(zip(curve.ratios, curve.psnr_db, strict=True))


def _ssim_by_ratio(study: StudyResult, coder: str, region: Region) -> _Points:
    return [(ratio, each.ssim) for ratio, each in region_points(study, coder, region) if np.isfinite(each.ssim)]


def _psnr_by_bytes(study: StudyResult, coder: str, region: Region) -> _Points:
    pairs = points_in(study, coder, region)
    return [(per_frame(study, point), each.psnr_db) for point, each in pairs if np.isfinite(each.psnr_db)]


def _measured_at(measure: Measure, study: StudyResult, coder: str, region: Region, ratio: float) -> float | None:
    return measure_at(study, coder, region, measure, ratio)


def _lines(axes: _Axes, data_set: DataSetSummary, studies: Sequence[StudyResult], region: Region) -> list[Line]:
    lines = []
    for summary in data_set.of(region):
        coder, fewest = summary.coder, 1 if summary.single else 2
        each = [axes.points(study, coder, region) for study in studies]
        drawn = [
            Line(coder, [x for x, _ in points], [y for _, y in points]) for points in each if len(points) >= fewest
        ]
        if summary.single or len(drawn) == 1:
            lines += drawn
        elif drawn:
            lines += [replace(line, faint=True) for line in drawn]
            lines += _mean_line(axes, studies, coder, region, drawn)
    return lines


def _mean_line(
    axes: _Axes, studies: Sequence[StudyResult], coder: str, region: Region, each: Sequence[Line]
) -> list[Line]:
    """The mean over studies at places that all of them reach."""
    low, high = max(min(line.x) for line in each), min(max(line.x) for line in each)
    if low >= high:
        return []
    coded = [study for study in studies if region_points(study, coder, region)]
    means = {}
    for place in np.geomspace(low, high, _MEAN_POINTS).tolist():
        values = [axes.read(study, coder, region, place) for study in coded]
        known = [value for value in values if value is not None]
        if len(known) == len(values):
            means[place] = float(np.mean(known))
    return [Line(coder, list(means), list(means.values()))] if len(means) > 1 else []
