"""The summary as tables, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.drawn import BY_STUDY
from vesalius.metrics.spread import Spread
from vesalius.report.page import Column, ReportTable
from vesalius.report.table import fixed, number
from vesalius.tasks.evaluate.codec.summary import (
    ANCHORS,
    CLAIMED_RATIO,
    DECIBELS,
    RATIOS,
    CoderSummary,
    DataSetSummary,
    Region,
    Summary,
)

CLAIMED_DB, CLAIMED_SSIM, CLAIMED_MS, CLAIMED_DICE = 35.0, 0.95, 10.0, 0.90
"""What the project that this one grew from promised at CLAIMED_RATIO, never measured."""
_REGIONS: tuple[tuple[Region, str], ...] = (("whole", "whole"), ("heart", "heart"))
_TEXT = (Column(name="Region"), Column(name="Coder"))


def orientation_table(data_set: DataSetSummary) -> ReportTable:
    """Mean ratio at 40 / 35 / 30 dB, mean PSNR at 100:1 / 300:1 / 1000:1."""
    columns = [*_TEXT, *(_number_column(f"ratio at {db} dB") for db in DECIBELS)]
    columns += [_number_column(f"dB at {ratio:,}:1") for ratio in RATIOS]
    rows = []
    for region, name in _REGIONS:
        for one in data_set.of(region):
            ratios = [_mean(one.ratio_at_db[db], 3) for db in DECIBELS]
            rows.append([name, one.coder, *ratios, *(_mean_db(one.psnr_at_ratio[ratio]) for ratio in RATIOS)])
    count = len(data_set.studies)
    caption = f"{data_set.name}: mean of {count} {'study' if count == 1 else 'studies'}; intervals {data_set.intervals}"
    return ReportTable(columns=columns, rows=rows, caption=caption)


def lossless_table(summary: Summary) -> ReportTable:
    """Mean lossless ratio to plain 16 bit, one row per method, one column per data set."""
    methods = dict.fromkeys(method for one in summary.data_sets for method in one.lossless)
    rows = []
    for method in methods:
        cells = [one.lossless.get(method, Spread.of_all({})) for one in summary.data_sets]
        rows.append([method, *(_mean(cell, 3) for cell in cells)])
    columns = [Column(name="Lossless"), *(_number_column(one.name) for one in summary.data_sets)]
    return ReportTable(
        columns=columns, rows=rows, caption=f"Lossless ratio to plain 16 bit, mean over studies; intervals {BY_STUDY}"
    )


def delta_rate_table(data_set: DataSetSummary) -> ReportTable:
    """BD-rate of each coder against each anchor; no rows where no anchor was measured."""
    anchors = [anchor for anchor in ANCHORS if any(anchor in one.delta_rate for one in data_set.coders)]
    rows = [
        [name, one.coder, *(_percent(one.delta_rate.get(anchor)) for anchor in anchors)]
        for region, name in _REGIONS
        for one in data_set.of(region)
        if anchors
    ]
    columns = [*_TEXT, *(_number_column(f"against {anchor}") for anchor in anchors)]
    caption = (
        f"{data_set.name}: bytes at equal PSNR against an anchor (BD-rate, mean over studies); less is better; "
        f"intervals {data_set.intervals}"
    )
    return ReportTable(columns=columns, rows=rows, caption=caption)


def study_table(data_set: DataSetSummary) -> ReportTable | None:
    """Each study's values where they are too few for an interval; else None."""
    if len(data_set.studies) >= MIN_PATIENTS:
        return None
    columns = [Column(name="Study"), *_TEXT, *(_number_column(f"ratio at {db} dB") for db in DECIBELS)]
    columns += [_number_column(f"dB at {ratio:,}:1") for ratio in RATIOS]
    columns += [_number_column(f"BD-rate {anchor}") for anchor in ANCHORS]
    rows = []
    for study in data_set.studies:
        for region, name in _REGIONS:
            rows += [[study, name, one.coder, *_of_study(one, study)] for one in data_set.of(region)]
    return ReportTable(columns=columns, rows=rows, caption=f"{data_set.name}: each study")


def claims_table(data_set: DataSetSummary) -> ReportTable:
    """What was claimed for 1000:1 of cine against what was measured; no rows for still scans."""
    coders = [one.coder for one in data_set.of("whole")]
    columns = [Column(name=f"Claim at {CLAIMED_RATIO:,}:1"), Column(name="Region"), _number_column("Claimed")]
    columns += [_number_column(coder) for coder in coders]
    columns.append(Column(name="Holds for"))
    return ReportTable(
        columns=columns,
        rows=list(_claims(data_set)) if data_set.is_cine else [],
        caption=f"{data_set.name}: claimed and measured; intervals {data_set.intervals}",
    )


def _claims(data_set: DataSetSummary) -> Iterator[list[str]]:
    for region, name in _REGIONS:
        found = data_set.of(region)
        if found:
            values = [one.psnr_at_ratio[CLAIMED_RATIO] for one in found]
            shown = [_mean_db(value) for value in values]
            yield ["PSNR (dB)", name, f"> {CLAIMED_DB:g}", *shown, _holds(found, values, CLAIMED_DB, above=True)]
    for region, name in _REGIONS:
        found = data_set.of(region)
        if found:
            values = [one.ssim_at_ratio[CLAIMED_RATIO] for one in found]
            shown = [_counted(value, fixed(value.mean, 3)) for value in values]
            yield ["SSIM", name, f"> {CLAIMED_SSIM:g}", *shown, _holds(found, values, CLAIMED_SSIM, above=True)]
    found = data_set.of("whole")
    for words, times in (
        ("decoding (ms per frame)", [one.decode_ms for one in found]),
        ("encoding (ms per frame)", [one.encode_ms for one in found]),
    ):
        shown = [_mean(value, 2) for value in times]
        yield [words, "whole", f"< {CLAIMED_MS:g}", *shown, _holds(found, times, CLAIMED_MS, above=False)]
    yield from _dice_claims(data_set, found)


def _dice_claims(data_set: DataSetSummary, found: Sequence[CoderSummary]) -> Iterator[list[str]]:
    claimed, judge = f"> {CLAIMED_DICE:.2f}", data_set.judge
    if judge is None:
        yield ["Dice of a segmentation", "heart", claimed, *("" for _ in found), "needs a segmenter"]
        return
    by_coder = {one.coder: one.at[CLAIMED_RATIO] for one in judge.coders}
    against_masks = [by_coder[one.coder].mean_dice for one in found]
    agreement = [by_coder[one.coder].mean_agreement for one in found]
    for words, values in (
        (f"Dice {CLAIMED_DICE:.2f}, judge with masks (its own {fixed(judge.mean_dice.mean, 3)})", against_masks),
        (f"Dice {CLAIMED_DICE:.2f}, judge with judge(original)", agreement),
    ):
        if any(value.values for value in values):
            shown = [_counted(value, fixed(value.mean, 3)) for value in values]
            yield [words, "classes", claimed, *shown, _holds(found, values, CLAIMED_DICE, above=True)]


def _holds(found: Sequence[CoderSummary], values: Sequence[Spread], claimed: float, *, above: bool) -> str:
    """Coders for which every study has a value and the mean keeps the claim."""
    kept = [
        one.coder
        for one, value in zip(found, values, strict=True)
        if value.mean is not None
        and value.present == len(value.values)
        and (value.mean > claimed if above else value.mean < claimed)
    ]
    return ", ".join(kept) or "none"


def _of_study(one: CoderSummary, study: str) -> list[str]:
    cells = [number(one.ratio_at_db[db].values.get(study)) for db in DECIBELS]
    cells += [fixed(one.psnr_at_ratio[ratio].values.get(study), 1) for ratio in RATIOS]
    for anchor in ANCHORS:
        value = one.delta_rate[anchor].values.get(study) if anchor in one.delta_rate else None
        cells.append("-" if value is None else f"{value:+.1f} %")
    return cells


def _number_column(name: str) -> Column:
    return Column(name=name, numeric=True)


def _mean(value: Spread, digits: int) -> str:
    shown = number(value.mean, digits)
    if value.low is not None:
        shown += f" [{number(value.low, digits)}, {number(value.high, digits)}]"
    return _counted(value, shown)


def _mean_db(value: Spread) -> str:
    shown = fixed(value.mean, 1)
    if value.low is not None:
        shown += f" [{fixed(value.low, 1)}, {fixed(value.high, 1)}]"
    return _counted(value, shown)


def _percent(value: Spread | None) -> str:
    if value is None or value.mean is None:
        return "-"
    shown = f"{value.mean:+.1f} %"
    if value.low is not None:
        shown += f" [{value.low:+.1f}, {value.high:+.1f}]"
    return _counted(value, shown)


def _counted(value: Spread, shown: str) -> str:
    """The text, with the number of studies where not all have a value."""
    if value.mean is None or value.present == len(value.values):
        return shown
    return f"{shown} ({value.present} of {len(value.values)})"
