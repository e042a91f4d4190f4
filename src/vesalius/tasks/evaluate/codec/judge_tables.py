"""What the judge found, as tables for the page and for the terminal."""

from __future__ import annotations

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.spread import Spread
from vesalius.report.page import Column, ReportTable
from vesalius.report.table import NOTHING, fixed
from vesalius.tasks.evaluate.codec.judge_summary import JudgedAt, JudgeSummary
from vesalius.tasks.evaluate.codec.summary import DataSetSummary

JUDGE_DEFINITIONS = {
    "Judge": "A segmentation model that took part in the making of no coder. It segments the ED and ES frames of the "
    "original and of every lossy file. Lossless files equal the original, so they are not segmented again.",
    "ED and ES frames": "Those of Info.cfg; else the ends of the volume curve of the masks; else of the curve of the "
    "judge's masks of the original. From eight frames on the curve is smoothed by two harmonics, as the extremes of "
    "noisy volumes make EF too large; the volumes are those of the two frames.",
    "Dice with masks": "Overlap of the judge's masks with those of readers, mean over the ED and ES frames whose mask "
    "holds the class, the whole scan. In round brackets the difference to the judge on the original, which is the "
    "ceiling: what the judge loses there is no coder's fault.",
    "Dice with judge(original)": "Overlap of the judge's masks of the restored scan with its masks of the original. "
    "It says how little changes, not that either is right; it is the only Dice of studies without masks.",
    "EDV, ESV, EF deltas": "Of the judge's cavity: restored less original, in mL and percentage points; |EF| is the "
    "mean size of the difference. No EF where the judge finds no cavity in a frame.",
    "The judge at a ratio": "Interpolated linearly in the logarithm of the ratio between neighbouring files of each "
    "study, never beyond the measured ends; Dice over all classes is the mean of the classes.",
}


def originals_table(data_set: DataSetSummary) -> ReportTable:
    """The judge on the originals: its own Dice, volumes and EF."""
    judge = _of(data_set)
    names = [name for name in judge.classes if name in judge.dice]
    columns = [Column(name="Study"), *(_number(f"Dice {name}") for name in names)]
    columns += [_number(name) for name in ("EDV (mL)", "ESV (mL)", "EF (%)", "EF of the masks (%)")]
    columns.append(Column(name="ED, ES known by"))
    each = [[study, *_original(judge, names, study), known] for study, known in judge.frames_from.items()]
    rows = each if len(each) < MIN_PATIENTS else []
    if len(each) != 1:
        rows.append(["mean", *_original(judge, names, None), ""])
    return ReportTable(
        columns=columns,
        rows=rows,
        caption=f"{data_set.name}: the judge on the originals (its ceiling); intervals {data_set.intervals}",
    )


def judge_table(data_set: DataSetSummary) -> ReportTable:
    """Each coder at each ratio: Dice with its difference to the ceiling, volumes, EF; mean over studies."""
    judge = _of(data_set)
    rows = [
        [f"{ratio:,}:1", one.coder, *_cells(judge, one.at[ratio], None)]
        for ratio in _ratios(judge)
        for one in judge.coders
    ]
    columns = [_number("Ratio"), Column(name="Coder"), *_columns(judge)]
    return ReportTable(
        columns=columns,
        rows=rows,
        caption=f"{data_set.name}: the judge on restored scans, mean over studies; intervals {data_set.intervals}",
    )


def judge_study_table(data_set: DataSetSummary) -> ReportTable | None:
    """The same of each study where they are several but too few for an interval; else None."""
    judge = _of(data_set)
    if not 1 < len(judge.frames_from) < MIN_PATIENTS:
        return None
    rows = [
        [study, f"{ratio:,}:1", one.coder, *_cells(judge, one.at[ratio], study)]
        for study in judge.frames_from
        for ratio in _ratios(judge)
        for one in judge.coders
    ]
    columns = [Column(name="Study"), _number("Ratio"), Column(name="Coder"), *_columns(judge)]
    return ReportTable(columns=columns, rows=rows, caption=f"{data_set.name}: the judge on restored scans, each study")


def _of(data_set: DataSetSummary) -> JudgeSummary:
    assert data_set.judge is not None
    return data_set.judge


def _ratios(judge: JudgeSummary) -> list[int]:
    return list(judge.coders[0].at) if judge.coders else []


def _columns(judge: JudgeSummary) -> list[Column]:
    names = [name for name in judge.classes if name in judge.dice]
    heads = [f"Dice {name}" for name in names]
    if _without_masks(judge):
        heads += [f"Dice {name} with judge(original)" for name in judge.classes]
    return [_number(head) for head in (*heads, "EDV (mL)", "ESV (mL)", "EF (points)", "|EF|")]


def _cells(judge: JudgeSummary, at: JudgedAt, study: str | None) -> list[str]:
    cells = [_dice(at.dice[name], at.dice_delta[name], study) for name in judge.classes if name in judge.dice]
    if _without_masks(judge):
        cells += [_shown(at.agreement[name], study, 3) for name in judge.classes]
    cells += [_shown(one, study, 1, "+") for one in (at.edv_delta_ml, at.esv_delta_ml, at.ef_delta_points)]
    return [*cells, _shown(at.ef_error_points, study, 1)]


def _without_masks(judge: JudgeSummary) -> bool:
    """True where a study has no masks."""
    return len(judge.mean_dice.values) < len(judge.frames_from)


def _original(judge: JudgeSummary, names: list[str], study: str | None) -> list[str]:
    volumes = (judge.edv_ml, judge.esv_ml, judge.ef_percent, judge.masks_ef_percent)
    return [
        *(_shown(judge.dice[name], study, 3) for name in names),
        *(_shown(one, study, 1) for one in volumes),
    ]


def _dice(value: Spread, delta: Spread, study: str | None) -> str:
    change = delta.mean if study is None else delta.values.get(study)
    shown = _shown(value, study, 3)
    return shown if change is None else f"{shown} ({change:+.3f})"


def _shown(value: Spread, study: str | None, decimals: int, sign: str = "") -> str:
    """Of one study, or the mean with its interval and the number of studies where not all have a value."""
    if study is not None:
        return _signed(value.values.get(study), decimals, sign)
    shown = _signed(value.mean, decimals, sign)
    if value.low is not None:
        shown += f" [{_signed(value.low, decimals, sign)}, {_signed(value.high, decimals, sign)}]"
    if value.mean is not None and value.present < len(value.values):
        shown += f" ({value.present} of {len(value.values)})"
    return shown


def _signed(value: float | None, decimals: int, sign: str) -> str:
    if value is None:
        return NOTHING
    return f"{value:+.{decimals}f}" if sign else fixed(value, decimals)


def _number(name: str) -> Column:
    return Column(name=name, numeric=True)
