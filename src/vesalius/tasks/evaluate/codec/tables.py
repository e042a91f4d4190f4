"""The summary as tables, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.spread import Spread
from vesalius.report.page import Column, ReportTable
from vesalius.report.table import NOTHING, fixed, number
from vesalius.tasks.evaluate.codec.summary import (
    ANCHORS,
    CLAIMED_RATIO,
    DECIBELS,
    RATIOS,
    CoderSummary,
    DataSetSummary,
    JudgedAt,
    JudgeSummary,
    Region,
    Summary,
)
from vesalius.wording import some

CLAIMED_DB, CLAIMED_SSIM, CLAIMED_MS, CLAIMED_DICE = 35.0, 0.95, 10.0, 0.90
"""What the predecessor of this project promised at CLAIMED_RATIO, never measured."""
_REGIONS: tuple[Region, ...] = ("whole", "heart")
_TEXT = ("Region", "Coder")
_AT = (*(f"ratio at {db} dB" for db in DECIBELS), *(f"dB at {ratio:,}:1" for ratio in RATIOS))
_VOLUMES = ("EDV (mL)", "ESV (mL)", "EF (points)", "|EF|")
Show = Callable[[float | None], str]


def orientation_table(data_set: DataSetSummary) -> ReportTable:
    """Mean ratio at 40 / 35 / 30 dB, mean PSNR at 100:1 / 300:1 / 1000:1."""
    rows = [
        [
            coder.region,
            coder.coder,
            *(_mean(coder.ratio_at_db[db], number) for db in DECIBELS),
            *(_mean(coder.psnr_at_ratio[ratio], _decibels) for ratio in RATIOS),
        ]
        for region in _REGIONS
        for coder in data_set.of(region)
        if coder.single is None
    ]
    count = len(data_set.studies)
    studies = f"mean of {count} {'study' if count == 1 else 'studies'}"
    if data_set.patients < count:
        studies += f" of {data_set.patients} {'patient' if data_set.patients == 1 else 'patients'}"
    return _table(_TEXT, _AT, rows, f"{data_set.name}: {studies}; intervals {data_set.intervals}")


def single_table(data_set: DataSetSummary) -> ReportTable:
    """Coders with one rate point: ratio, PSNR and SSIM there; no rows without such a coder."""
    rows = [
        [
            coder.region,
            coder.coder,
            _mean(coder.single.ratio, number),
            _mean(coder.single.psnr_db, _decibels),
            _mean(coder.single.ssim, _thousandths),
        ]
        for region in _REGIONS
        for coder in data_set.of(region)
        if coder.single is not None
    ]
    caption = f"{data_set.name}: coders with one rate point; intervals {data_set.intervals}"
    return _table(_TEXT, ("ratio", "PSNR (dB)", "SSIM"), rows, caption)


def single_note(data_set: DataSetSummary) -> str:
    """Why some coders are missing from the tables of curves; empty where none is."""
    names = list(dict.fromkeys(coder.coder for coder in data_set.coders if coder.single is not None))
    if not names:
        return ""
    verb = "has" if len(names) == 1 else "have"
    return f"{some(names)} {verb} one rate point: no BD-rate, and no value at another ratio or PSNR."


def lossless_table(summary: Summary) -> ReportTable:
    """Mean lossless ratio to plain 16 bit, one row per method, one column per data set."""
    methods = dict.fromkeys(method for data_set in summary.data_sets for method in data_set.lossless)
    rows = [
        [method, *(_mean(data_set.lossless.get(method), number) for data_set in summary.data_sets)]
        for method in methods
    ]
    intervals = "; ".join(dict.fromkeys(data_set.intervals for data_set in summary.data_sets))
    caption = f"Lossless ratio to plain 16 bit, mean over studies; intervals {intervals}"
    return _table(("Lossless",), [data_set.name for data_set in summary.data_sets], rows, caption)


def delta_rate_table(data_set: DataSetSummary) -> ReportTable:
    """BD-rate of each coder against each anchor; no rows where no anchor was measured."""
    anchors = [anchor for anchor in ANCHORS if any(anchor in coder.delta_rate for coder in data_set.coders)]
    rows = [
        [coder.region, coder.coder, *(_mean(coder.delta_rate.get(anchor), _signed, " %") for anchor in anchors)]
        for region in _REGIONS
        for coder in data_set.of(region)
        if anchors and coder.single is None
    ]
    caption = (
        f"{data_set.name}: bytes at equal PSNR against an anchor (BD-rate, mean over studies); less is better; "
        f"intervals {data_set.intervals}"
    )
    return _table(_TEXT, [f"against {anchor}" for anchor in anchors], rows, caption)


def study_table(data_set: DataSetSummary) -> ReportTable | None:
    """The values of each study, or None where there are enough patients for intervals."""
    if data_set.patients >= MIN_PATIENTS:
        return None
    rows = [
        [study, coder.region, coder.coder, *_study_cells(coder, study)]
        for study in data_set.studies
        for region in _REGIONS
        for coder in data_set.of(region)
        if coder.single is None
    ]
    columns = (*_AT, *(f"BD-rate {anchor}" for anchor in ANCHORS))
    return _table(("Study", *_TEXT), columns, rows, f"{data_set.name}: each study")


def claims_table(data_set: DataSetSummary) -> ReportTable:
    """What was claimed for 1000:1 of cine against what was measured; no rows for still scans."""
    columns = [Column(name=f"Claim at {CLAIMED_RATIO:,}:1"), Column(name="Region")]
    columns += [
        Column(name=name, numeric=True) for name in ("Claimed", *(summary.coder for summary in data_set.of("whole")))
    ]
    return ReportTable(
        columns=[*columns, Column(name="Holds for")],
        rows=list(_claims(data_set)) if data_set.is_cine else [],
        caption=f"{data_set.name}: claimed and measured; intervals {data_set.intervals}",
    )


def originals_table(data_set: DataSetSummary) -> ReportTable:
    """The judge on the originals: its own Dice, volumes and EF."""
    judge = _judge_of(data_set)
    drawn = _drawn_classes(judge)

    def cells(study: str | None) -> list[str]:
        volumes = (judge.edv_ml, judge.esv_ml, judge.ef_percent, judge.masks_ef_percent)
        dice = [_shown(judge.dice[name], study, _thousandths) for name in drawn]
        return [*dice, *(_shown(volume, study, _tenths) for volume in volumes)]

    each = [[study, *cells(study), source] for study, source in judge.frames_from.items()]
    rows = each if data_set.patients < MIN_PATIENTS else []
    if len(each) != 1:
        rows.append(["mean", *cells(None), ""])
    names = (*(f"Dice {name}" for name in drawn), "EDV (mL)", "ESV (mL)", "EF (%)", "EF of the masks (%)")
    columns = [Column(name="Study"), *(Column(name=name, numeric=True) for name in names)]
    return ReportTable(
        columns=[*columns, Column(name="ED, ES known by")],
        rows=rows,
        caption=f"{data_set.name}: the judge on the originals (its ceiling); intervals {data_set.intervals}",
    )


def judge_table(data_set: DataSetSummary) -> ReportTable:
    """Each coder at each ratio: Dice with its difference to the ceiling, volumes, EF; mean over studies."""
    caption = f"{data_set.name}: the judge on restored scans, mean over studies; intervals {data_set.intervals}"
    return _restored_table(_judge_of(data_set), [None], caption)


def judge_study_table(data_set: DataSetSummary) -> ReportTable | None:
    """The same for each study where there are several, but too few patients for an interval; else None."""
    judge = _judge_of(data_set)
    if len(judge.frames_from) < 2 or data_set.patients >= MIN_PATIENTS:
        return None
    caption = f"{data_set.name}: the judge on restored scans, each study"
    return _restored_table(judge, list(judge.frames_from), caption)


def _restored_table(judge: JudgeSummary, studies: Sequence[str | None], caption: str) -> ReportTable:
    """Rows of each study, or of the mean ([None])."""
    ratios = list(judge.coders[0].at) if judge.coders else []
    rows = [
        [*([study] if study else []), f"{ratio:,}:1", coder.coder, *_judged_cells(judge, coder.at[ratio], study)]
        for study in studies
        for ratio in ratios
        for coder in judge.coders
    ]
    heads = [f"Dice {name}" for name in _drawn_classes(judge)]
    if _lacks_masks(judge):
        heads += [f"Dice {name} with judge(original)" for name in judge.classes]
    columns = [Column(name="Ratio", numeric=True), Column(name="Coder")]
    columns += [Column(name=head, numeric=True) for head in (*heads, *_VOLUMES)]
    return ReportTable(
        columns=columns if studies == [None] else [Column(name="Study"), *columns], rows=rows, caption=caption
    )


def _judged_cells(judge: JudgeSummary, at: JudgedAt, study: str | None) -> list[str]:
    cells = []
    for name in _drawn_classes(judge):
        change = at.dice_delta[name].mean if study is None else at.dice_delta[name].values.get(study)
        dice = _shown(at.dice[name], study, _thousandths)
        cells.append(dice if change is None else f"{dice} ({change:+.3f})")
    if _lacks_masks(judge):
        cells += [_shown(at.agreement[name], study, _thousandths) for name in judge.classes]
    cells += [_shown(delta, study, _signed) for delta in (at.edv_delta_ml, at.esv_delta_ml, at.ef_delta_points)]
    return [*cells, _shown(at.ef_error_points, study, _tenths)]


def _judge_of(data_set: DataSetSummary) -> JudgeSummary:
    assert data_set.judge is not None
    return data_set.judge


def _drawn_classes(judge: JudgeSummary) -> list[str]:
    """Classes that readers drew in some study."""
    return [name for name in judge.classes if name in judge.dice]


def _lacks_masks(judge: JudgeSummary) -> bool:
    """True where a study has no masks."""
    return len(judge.mean_dice.values) < len(judge.frames_from)


def _claims(data_set: DataSetSummary) -> Iterator[list[str]]:
    for region in _REGIONS:
        coders = data_set.of(region)
        if coders:
            values = [coder.psnr_at_ratio[CLAIMED_RATIO] for coder in coders]
            cells = [_mean(value, _decibels) for value in values]
            yield ["PSNR (dB)", region, f"> {CLAIMED_DB:g}", *cells, _holds(coders, values, CLAIMED_DB, above=True)]
    for region in _REGIONS:
        coders = data_set.of(region)
        if coders:
            values = [coder.ssim_at_ratio[CLAIMED_RATIO] for coder in coders]
            cells = [_counted(value, fixed(value.mean, 3)) for value in values]
            yield ["SSIM", region, f"> {CLAIMED_SSIM:g}", *cells, _holds(coders, values, CLAIMED_SSIM, above=True)]
    coders = data_set.of("whole")
    for words, times in (
        ("decoding (ms per frame)", [coder.decode_ms for coder in coders]),
        ("encoding (ms per frame)", [coder.encode_ms for coder in coders]),
    ):
        cells = [_mean(value, lambda value: number(value, 2)) for value in times]
        yield [words, "whole", f"< {CLAIMED_MS:g}", *cells, _holds(coders, times, CLAIMED_MS, above=False)]
    yield from _dice_claims(data_set, coders)


def _dice_claims(data_set: DataSetSummary, coders: Sequence[CoderSummary]) -> Iterator[list[str]]:
    claimed, judge = f"> {CLAIMED_DICE:.2f}", data_set.judge
    if judge is None:
        yield ["Dice of a segmentation", "heart", claimed, *("" for _ in coders), "needs a segmenter"]
        return
    by_coder = {judged.coder: judged.at[CLAIMED_RATIO] for judged in judge.coders}
    against_masks = [by_coder[coder.coder].mean_dice for coder in coders]
    agreement = [by_coder[coder.coder].mean_agreement for coder in coders]
    for words, values in (
        (f"Dice {CLAIMED_DICE:.2f}, judge with masks (its own {fixed(judge.mean_dice.mean, 3)})", against_masks),
        (f"Dice {CLAIMED_DICE:.2f}, judge with judge(original)", agreement),
    ):
        if any(value.values for value in values):
            cells = [_counted(value, fixed(value.mean, 3)) for value in values]
            yield [words, "classes", claimed, *cells, _holds(coders, values, CLAIMED_DICE, above=True)]


def _holds(coders: Sequence[CoderSummary], values: Sequence[Spread], claimed: float, *, above: bool) -> str:
    """Coders for which every study has a value and the mean keeps the claim."""
    kept = [
        coder.coder
        for coder, value in zip(coders, values, strict=True)
        if value.mean is not None
        and value.present == len(value.values)
        and (value.mean > claimed if above else value.mean < claimed)
    ]
    return ", ".join(kept) or "none"


def _study_cells(coder: CoderSummary, study: str) -> list[str]:
    cells = [number(coder.ratio_at_db[db].values.get(study)) for db in DECIBELS]
    cells += [_decibels(coder.psnr_at_ratio[ratio].values.get(study)) for ratio in RATIOS]
    for anchor in ANCHORS:
        value = coder.delta_rate[anchor].values.get(study) if anchor in coder.delta_rate else None
        cells.append(NOTHING if value is None else f"{value:+.1f} %")
    return cells


def _table(texts: Sequence[str], numbers: Sequence[str], rows: list[list[str]], caption: str) -> ReportTable:
    columns = [*(Column(name=name) for name in texts), *(Column(name=name, numeric=True) for name in numbers)]
    return ReportTable(columns=columns, rows=rows, caption=caption)


def _shown(value: Spread, study: str | None, show: Show) -> str:
    """The value of one study, or the mean (None)."""
    return _mean(value, show) if study is None else show(value.values.get(study))


def _mean(value: Spread | None, show: Show, unit: str = "") -> str:
    """The mean with its interval, and the number of studies where not all have a value."""
    if value is None or value.mean is None:
        return NOTHING
    interval = "" if value.low is None else f" [{show(value.low)}, {show(value.high)}]"
    return _counted(value, f"{show(value.mean)}{unit}{interval}")


def _counted(value: Spread, text: str) -> str:
    if value.mean is None or value.present == len(value.values):
        return text
    return f"{text} ({value.present} of {len(value.values)})"


def _decibels(value: float | None) -> str:
    return fixed(value, 1)


_tenths = _decibels


def _thousandths(value: float | None) -> str:
    return fixed(value, 3)


def _signed(value: float | None) -> str:
    return NOTHING if value is None else f"{value:+.1f}"
