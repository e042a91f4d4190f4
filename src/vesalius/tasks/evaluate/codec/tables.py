"""The summary as tables, for the page and for the terminal. A table without anything to show has no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.spread import Spread
from vesalius.report.masks import interval_words
from vesalius.report.page import Column, ReportTable
from vesalius.report.table import NOTHING, number
from vesalius.tasks.evaluate.codec.summary import (
    ANCHORS,
    DECIBELS,
    RATIOS,
    CoderSummary,
    DataSetSummary,
    JudgedAt,
    JudgeSummary,
    Summary,
)
from vesalius.wording import some

_TENTHS, _THOUSANDTHS, _SIGNED = "{:,.1f}".format, "{:,.3f}".format, "{:+.1f}".format
_NO_VALUES = Spread.of({})
_BY_REGION = (Column(name="Region"), Column(name="Coder"))
_BY_RATE = (Column(name="Ratio, bytes per frame", numeric=True), Column(name="Coder"))


@dataclass(frozen=True)
class TableCell:
    """A number over studies with its format, and its difference to the original, shown in round brackets."""

    spread: Spread
    show: Callable[[float], str]
    unit: str = ""
    change: Spread = _NO_VALUES

    def of(self, study: str) -> str:
        """The value of one study."""
        return self._shown(self.spread.values.get(study), "", self.change.values.get(study))

    @property
    def mean(self) -> str:
        """The mean with its interval, and the number of studies where not all have a value."""
        spread, count = self.spread, len(self.spread.values)
        interval = ""
        if spread.low is not None and spread.high is not None:
            interval = f" [{self.show(spread.low)}, {self.show(spread.high)}]"
        present = "" if spread.present == count else f" ({spread.present} of {count})"
        return self._shown(spread.mean, interval + present, self.change.mean)

    def _shown(self, value: float | None, certainty: str, change: float | None) -> str:
        if value is None:
            return NOTHING
        return f"{self.show(value)}{self.unit}{certainty}" + ("" if change is None else f" ({change:+.3f})")


Row = tuple[tuple[str, ...], dict[str, TableCell]]
"""Cells of text, then column -> number."""


def orientation_table(data_set: DataSetSummary) -> ReportTable:
    """Mean ratio at 40 / 35 / 30 dB, mean PSNR at 100:1 / 300:1 / 1000:1."""
    count = len(data_set.studies)
    studies = f"mean of {count} {'study' if count == 1 else 'studies'}"
    if data_set.patients < count:
        studies += f" of {data_set.patients} {'patient' if data_set.patients == 1 else 'patients'}"
    return means_over_studies(
        data_set, _BY_REGION, [(names, _at(coder)) for names, coder in _with_curves(data_set)], studies
    )


def single_table(data_set: DataSetSummary) -> ReportTable:
    """Coders with one rate point: ratio, PSNR and SSIM there."""
    rows = []
    for coder in data_set.coders:
        if (point := coder.single) is not None:
            cells = {"ratio": TableCell(point.ratio, number), "PSNR (dB)": TableCell(point.psnr_db, _TENTHS)}
            rows.append(((coder.region, coder.coder), cells | {"SSIM": TableCell(point.ssim, _THOUSANDTHS)}))
    return means_over_studies(data_set, _BY_REGION, rows, "coders with one rate point")


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
        [method, *(TableCell(data_set.lossless.get(method, _NO_VALUES), number).mean for data_set in summary.data_sets)]
        for method in methods
    ]
    notes = (interval_words(data_set.lossless.values(), data_set.intervals) for data_set in summary.data_sets)
    return ReportTable(
        columns=[Column(name="Lossless"), *_numbers(data_set.name for data_set in summary.data_sets)],
        rows=rows,
        caption="Lossless ratio to plain 16 bit, mean over studies" + "".join(dict.fromkeys(notes)),
    )


def delta_rate_table(data_set: DataSetSummary) -> ReportTable:
    """BD-rate of each coder against each anchor that was measured."""
    anchors = [anchor for anchor in ANCHORS if any(anchor in coder.delta_rate for coder in data_set.coders)]
    rows = [(names, _deltas(coder, "against", anchors)) for names, coder in _with_curves(data_set) if anchors]
    words = "bytes at equal PSNR against an anchor (BD-rate, mean over studies); less is better"
    return means_over_studies(data_set, _BY_REGION, rows, words)


def study_table(data_set: DataSetSummary) -> ReportTable:
    """The values of each study; no rows where there are enough patients for intervals."""
    rows = [(names, _at(coder) | _deltas(coder, "BD-rate", ANCHORS)) for names, coder in _with_curves(data_set)]
    return each_study(data_set, data_set.studies, _BY_REGION, rows, "each study")


def originals_table(data_set: DataSetSummary) -> ReportTable:
    """The judge on the originals: its own Dice, volumes and EF."""
    judge = _judge_of(data_set)
    cells = {f"Dice {name}": TableCell(dice, _THOUSANDTHS) for name, dice in judge.dice.items()}
    cells |= {
        "EDV (mL)": TableCell(judge.edv_ml, _TENTHS),
        "ESV (mL)": TableCell(judge.esv_ml, _TENTHS),
        "EF (%)": TableCell(judge.ef_percent, _TENTHS),
        "EF of the masks (%)": TableCell(judge.masks_ef_percent, _TENTHS),
    }
    each = [
        [study, *(cell.of(study) for cell in cells.values()), source] for study, source in judge.frames_from.items()
    ]
    rows = each if data_set.patients < MIN_PATIENTS else []
    if len(each) != 1:
        rows.append(["mean", *(cell.mean for cell in cells.values()), ""])
    words = interval_words([cell.spread for cell in cells.values()], data_set.intervals)
    return ReportTable(
        columns=[Column(name="Study"), *_numbers(cells), Column(name="ED, ES known by")],
        rows=rows,
        caption=f"{data_set.name}: the judge on the originals (its ceiling){words}",
    )


def judge_table(data_set: DataSetSummary) -> ReportTable:
    """Each coder at each ratio, and at equal bytes per frame: Dice and its difference to the ceiling, EF."""
    rows = _restored(_judge_of(data_set))
    return means_over_studies(data_set, _BY_RATE, rows, "the judge on restored scans, mean over studies")


def judge_study_table(data_set: DataSetSummary) -> ReportTable:
    """The same for each study; no rows for one study, or where there are enough patients for intervals."""
    judge = _judge_of(data_set)
    studies = tuple(judge.frames_from) if len(judge.frames_from) > 1 else ()
    return each_study(data_set, studies, _BY_RATE, _restored(judge), "the judge on restored scans, each study")


def means_over_studies(
    data_set: DataSetSummary, first: Sequence[Column], rows: Sequence[Row], words: str
) -> ReportTable:
    """A table of means; its caption says what intervals are drawn over, where there are some."""
    intervals = interval_words([cell.spread for _, cells in rows for cell in cells.values()], data_set.intervals)
    return ReportTable(
        columns=[*first, *_numbers(rows[0][1] if rows else ())],
        rows=[[*names, *(cell.mean for cell in cells.values())] for names, cells in rows],
        caption=f"{data_set.name}: {words}{intervals}",
    )


def each_study(
    data_set: DataSetSummary, studies: Sequence[str], first: Sequence[Column], rows: Sequence[Row], words: str
) -> ReportTable:
    """A table of each study where there are too few patients for intervals."""
    return ReportTable(
        columns=[Column(name="Study"), *first, *_numbers(rows[0][1] if rows else ())],
        rows=[
            [study, *names, *(cell.of(study) for cell in cells.values())]
            for study in (studies if data_set.patients < MIN_PATIENTS else ())
            for names, cells in rows
        ],
        caption=f"{data_set.name}: {words}",
    )


def _restored(judge: JudgeSummary) -> list[Row]:
    """Rows of ratios, then of bytes per frame, without those that no coder reaches."""
    rates = [(f"{ratio:,}:1", [(coder.coder, coder.at[ratio]) for coder in judge.coders]) for ratio in _ratios(judge)]
    rates += [(f"{size} B", [(coder.coder, coder.at_bytes[size]) for coder in judge.coders]) for size in _sizes(judge)]
    rows = [((rate, coder), _judged_cells(judge, at)) for rate, coders in rates for coder, at in coders]
    return [row for row in rows if any(cell.spread.present for cell in row[1].values())]


def _ratios(judge: JudgeSummary) -> Sequence[int]:
    return tuple(judge.coders[0].at) if judge.coders else ()


def _sizes(judge: JudgeSummary) -> Sequence[int]:
    return tuple(judge.coders[0].at_bytes) if judge.coders else ()


def _judged_cells(judge: JudgeSummary, at: JudgedAt) -> dict[str, TableCell]:
    cells = {
        f"Dice {name}": TableCell(dice, _THOUSANDTHS, change=at.dice_delta[name]) for name, dice in at.dice.items()
    }
    if len(judge.mean_dice.values) < len(judge.frames_from):  # a study has no masks
        cells |= {
            f"Dice {name} with judge(original)": TableCell(agreement, _THOUSANDTHS)
            for name, agreement in at.agreement.items()
        }
    return cells | {
        "EDV (mL)": TableCell(at.edv_delta_ml, _SIGNED),
        "ESV (mL)": TableCell(at.esv_delta_ml, _SIGNED),
        "EF (points)": TableCell(at.ef_delta_points, _SIGNED),
        "|EF|": TableCell(at.ef_error_points, _TENTHS),
    }


def _judge_of(data_set: DataSetSummary) -> JudgeSummary:
    assert data_set.judge is not None
    return data_set.judge


def _with_curves(data_set: DataSetSummary) -> list[tuple[tuple[str, ...], CoderSummary]]:
    return [((coder.region, coder.coder), coder) for coder in data_set.coders if coder.single is None]


def _at(coder: CoderSummary) -> dict[str, TableCell]:
    cells = {f"ratio at {db} dB": TableCell(coder.ratio_at_db[db], number) for db in DECIBELS}
    return cells | {f"dB at {ratio:,}:1": TableCell(coder.psnr_at_ratio[ratio], _TENTHS) for ratio in RATIOS}


def _deltas(coder: CoderSummary, verb: str, anchors: Sequence[str]) -> dict[str, TableCell]:
    return {
        f"{verb} {anchor}": TableCell(coder.delta_rate.get(anchor, _NO_VALUES), _SIGNED, " %") for anchor in anchors
    }


def _numbers(names: Iterable[str]) -> list[Column]:
    return [Column(name=name, numeric=True) for name in names]
