"""The report of an evaluation: tables, curves, pictures, definitions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vesalius.metrics.bdrate import psnr_at_ratio
from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.ssim import SSIM_WINDOW
from vesalius.report.chart import Goal, Line, bars, rate_distortion
from vesalius.report.page import Made, Report, ReportTable, Section, write_figure
from vesalius.tasks.evaluate.codec.judge_tables import (
    JUDGE_DEFINITIONS,
    judge_study_table,
    judge_table,
    originals_table,
)
from vesalius.tasks.evaluate.codec.ladder import USELESS_DB
from vesalius.tasks.evaluate.codec.pictures import slug
from vesalius.tasks.evaluate.codec.results import StudyResult
from vesalius.tasks.evaluate.codec.summary import (
    CLAIMED_RATIO,
    DataSetSummary,
    Region,
    Summary,
    psnr_curve,
    region_points,
    ssim_at,
)
from vesalius.tasks.evaluate.codec.tables import (
    CLAIMED_DB,
    CLAIMED_SSIM,
    claims_table,
    delta_rate_table,
    lossless_table,
    orientation_table,
    study_table,
)
from vesalius.wording import some

_MEAN_POINTS = 24

DEFINITIONS = {
    "Peak": "p99.9 minus p0.1 of the real values of the whole scan; the same peak serves the heart region.",
    "Ratio": "2 bytes x voxels / bytes of the whole .vsl file, its header included. table.csv also has the ratio to "
    "the source file or folder and to gzip -6 of the plain 16-bit array.",
    "Whole field": "All voxels, frames and slices on the scan's own grid.",
    "Heart region": "The box of the union of the end-diastolic and end-systolic masks plus 10 mm on every side, "
    "rounded up to whole voxels and clipped to the grid; all frames. The ratio stays that of the whole file. Scans "
    "without masks have none.",
    "PSNR": "20 log10(peak / root of the mean squared error) over all voxels of the region, in dB.",
    "SSIM": f"Mean over the 2D pictures (rows J, columns I) of the region; uniform window of {SSIM_WINDOW} pixels, "
    "smaller where the picture is smaller; data range = peak.",
    "Max error": "Largest absolute difference of real values.",
    "Temporal error": "Root mean square over voxels of (frame-to-frame change of the restored scan minus that of the "
    "original), real values. Only where T is known to be time: the file says so, or Info.cfg names ED and ES frames.",
    "Bits per voxel": "8 x bytes of the file / voxels.",
    "At a ratio, at a PSNR": "Read from each study's measured points by monotone (PCHIP) interpolation in the "
    "logarithm of the ratio; never beyond the measured ends: a dash says that the coder's ladder does not reach "
    f"there, or only below {USELESS_DB:g} dB, where measuring stops. The mean over studies is arithmetic; (2 of 4) "
    "says how many studies reach.",
    "BD-rate": "Bjontegaard delta rate: mean difference in bytes at equal PSNR over the range both curves cover, PCHIP "
    "in the logarithm of the rate; negative is smaller. No value where curves share less than 1 dB.",
    "Interval": f"In brackets from {MIN_PATIENTS} studies on: 95 % percentile bootstrap over studies (patients "
    "unknown: several studies of a patient count one by one, which may be too narrow). Below that each study's own "
    "values are listed.",
    "Milliseconds per frame": "Wall time / number of 2D pictures, at the measured file nearest to 1000:1. Encoding "
    "includes the survey of the scan and the check by decoding; reading the source is not counted.",
    "Lossless": "Whole .vsl files that gave back every bit. zstd and gzip rows: the plain 16-bit array (file order, "
    "whole numbers cast to 16 bits) through the general compressor, without any header.",
    "NaN and infinity": "Voxels whose original is not finite are left out of every measure.",
}


def build_report(results: Sequence[StudyResult], summary: Summary, made: Made, folder: Path) -> Report:
    """The report; its charts are written to the folder `figures`.

    Args:
        results: all studies.
        summary: their summary.
        made: how it was made.
        folder: the folder `figures`.
    """
    studies = len(results)
    names = ", ".join(one.name for one in summary.data_sets)
    lead = f"Coders compared on {studies} {'study' if studies == 1 else 'studies'} of {names}."
    report = Report(title="Codec evaluation", task="evaluate codec", lead=lead, made=made)
    for data_set in summary.data_sets:
        own = [one for one in results if one.data_set == data_set.name]
        section = report.section(data_set.name)
        _add(section, orientation_table(data_set))
        _curves(section, data_set, own, folder)
        _add(section, delta_rate_table(data_set))
        _add(section, claims_table(data_set))
        _judge(section, data_set)
        for picture in (picture for one in own for picture in one.pictures):
            section.figure(picture.file, picture.caption, picture.alt)
        each = study_table(data_set)
        if each is not None:
            _add(section, each)
        _notes(section, own)
    _lossless(report.section("Lossless"), summary, folder)
    judged = any(one.judge for one in summary.data_sets)
    report.section("Definitions").definitions(DEFINITIONS | (JUDGE_DEFINITIONS if judged else {}))
    report.results = summary.model_dump(mode="json")
    return report


def _add(section: Section, table: ReportTable) -> None:
    if table.rows:
        section.table(table.columns, table.rows, table.caption)


def _judge(section: Section, data_set: DataSetSummary) -> None:
    if data_set.judge is None:
        return
    for warning, names in data_set.judge.warnings.items():
        section.text(f"{some(names)}: {warning}.", tone="warning")
    for table in (originals_table(data_set), judge_table(data_set), judge_study_table(data_set)):
        if table is not None:
            _add(section, table)


def _curves(section: Section, data_set: DataSetSummary, results: Sequence[StudyResult], folder: Path) -> None:
    """Charts of PSNR and of SSIM over the ratio."""
    if not data_set.coders:
        return
    thin = " Thin lines are the studies, thick lines their mean where all have one." if len(results) > 1 else ""
    goals = {
        "psnr": Goal("claimed at 1,000:1", CLAIMED_RATIO, CLAIMED_DB),
        "ssim": Goal("claimed at 1,000:1", CLAIMED_RATIO, CLAIMED_SSIM),
    }
    for measure, name in (("psnr", "PSNR (dB)"), ("ssim", "SSIM")):
        panels = {title: _lines(data_set, results, region, measure) for region, title in _regions(data_set)}
        if not any(panels.values()):
            continue
        file = f"{slug(data_set.name)}-{measure}.png"
        write_figure(folder / file, rate_distortion(panels, name, goals[measure]))
        words = f"{data_set.name}: {name} over compression ratio, by coder."
        section.figure(file, words + thin, words)


def _regions(data_set: DataSetSummary) -> list[tuple[Region, str]]:
    known: tuple[tuple[Region, str], ...] = (("whole", "Whole field"), ("heart", "Heart region"))
    return [(region, title) for region, title in known if data_set.of(region)]


def _lines(data_set: DataSetSummary, results: Sequence[StudyResult], region: Region, measure: str) -> list[Line]:
    lines = []
    for coder in dict.fromkeys(one.coder for one in data_set.of(region)):
        each = [_line(one, coder, region, measure) for one in results]
        each = [line for line in each if len(line.ratios) > 1]
        if len(each) == 1:
            lines += each
        elif each:
            lines += [Line(line.name, line.ratios, line.values, faint=True) for line in each]
            lines += _mean_line(results, coder, region, measure, each)
    return lines


def _line(result: StudyResult, coder: str, region: Region, measure: str) -> Line:
    if measure == "psnr":
        curve = psnr_curve(result, coder, region)
        return Line(coder, curve.ratios, curve.psnr_db)
    pairs = [(point.ratio, one.ssim) for point, one in region_points(result, coder, region) if np.isfinite(one.ssim)]
    return Line(coder, [ratio for ratio, _ in pairs], [ssim for _, ssim in pairs])


def _mean_line(
    results: Sequence[StudyResult], coder: str, region: Region, measure: str, each: Sequence[Line]
) -> list[Line]:
    """The mean over studies at ratios that all of them reach."""
    low, high = max(min(line.ratios) for line in each), min(max(line.ratios) for line in each)
    if low >= high:
        return []
    ratios, values = [], []
    for ratio in np.geomspace(low, high, _MEAN_POINTS).tolist():
        found = [
            psnr_at_ratio(psnr_curve(one, coder, region), ratio)
            if measure == "psnr"
            else ssim_at(one, coder, region, ratio)
            for one in results
            if one.of(coder) and (region == "whole" or one.heart is not None)
        ]
        present = [value for value in found if value is not None]
        if len(present) == len(found):
            ratios.append(ratio)
            values.append(float(np.mean(present)))
    return [Line(coder, ratios, values)] if len(ratios) > 1 else []


def _notes(section: Section, results: Sequence[StudyResult]) -> None:
    notes: dict[str, list[str]] = {}
    for one in results:
        for note in one.notes:
            notes.setdefault(note, []).append(one.name)
    for note, names in notes.items():
        section.text(f"{', '.join(names)}: {note}.", tone="note")


def _lossless(section: Section, summary: Summary, folder: Path) -> None:
    _add(section, lossless_table(summary))
    groups = {
        one.name: {method: value.mean for method, value in one.lossless.items() if value.mean is not None}
        for one in summary.data_sets
    }
    if any(groups.values()):
        write_figure(folder / "lossless.png", bars(groups, "lossless ratio to plain 16 bit (n : 1)"))
        section.figure("lossless.png", "Lossless ratios, mean over studies.", "Bars of lossless ratios by method")
    for one in summary.data_sets:
        for method, why in one.why_no_lossless.items():
            section.text(f"{one.name}, {method}: {why}.", tone="note")
