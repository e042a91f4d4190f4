"""The summary as tables, for the page and for the terminal. A table without anything to show has no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.spread import Spread
from vesalius.report.masks import interval_words
from vesalius.report.page import Column, ReportTable
from vesalius.report.table import NOTHING, fixed, number
from vesalius.tasks.evaluate.codec.summary import (
    ANCHORS,
    CLAIMED_RATIO,
    DECIBELS,
    RATIOS,
    REGIONS,
    CoderSummary,
    DataSetSummary,
    JudgedAt,
    JudgeSummary,
    Summary,
)
from vesalius.wording import some

CLAIMED_DB, CLAIMED_SSIM, CLAIMED_MS, CLAIMED_DICE = 35.0, 0.95, 10.0, 0.90
"""What the predecessor of this project promised at CLAIMED_RATIO, never measured."""
_TENTHS, _THOUSANDTHS, _SIGNED = "{:,.1f}".format, "{:,.3f}".format, "{:+.1f}".format
_TWO_DIGITS = partial(number, digits=2)
_NO_VALUES = Spread.of({})
_BY_REGION = (Column(name="Region"), Column(name="Coder"))
_BY_RATIO = (Column(name="Ratio", numeric=True), Column(name="Coder"))


@dataclass(frozen=True)
class _Cell:
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


_Row = tuple[tuple[str, ...], dict[str, _Cell]]
"""Cells of text, then column -> number."""


def orientation_table(data_set: DataSetSummary) -> ReportTable:
    """Mean ratio at 40 / 35 / 30 dB, mean PSNR at 100:1 / 300:1 / 1000:1."""
    count = len(data_set.studies)
    studies = f"mean of {count} {'study' if count == 1 else 'studies'}"
    if data_set.patients < count:
        studies += f" of {data_set.patients} {'patient' if data_set.patients == 1 else 'patients'}"
    return _means(data_set, _BY_REGION, [(names, _at(coder)) for names, coder in _with_curves(data_set)], studies)


def single_table(data_set: DataSetSummary) -> ReportTable:
    """Coders with one rate point: ratio, PSNR and SSIM there."""
    rows = []
    for coder in data_set.coders:
        if (point := coder.single) is not None:
            cells = {"ratio": _Cell(point.ratio, number), "PSNR (dB)": _Cell(point.psnr_db, _TENTHS)}
            rows.append(((coder.region, coder.coder), cells | {"SSIM": _Cell(point.ssim, _THOUSANDTHS)}))
    return _means(data_set, _BY_REGION, rows, "coders with one rate point")


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
        [method, *(_Cell(data_set.lossless.get(method, _NO_VALUES), number).mean for data_set in summary.data_sets)]
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
    return _means(data_set, _BY_REGION, rows, words)


def study_table(data_set: DataSetSummary) -> ReportTable:
    """The values of each study; no rows where there are enough patients for intervals."""
    rows = [(names, _at(coder) | _deltas(coder, "BD-rate", ANCHORS)) for names, coder in _with_curves(data_set)]
    return _each(data_set, data_set.studies, _BY_REGION, rows, "each study")


def claims_table(data_set: DataSetSummary) -> ReportTable:
    """What was claimed for 1000:1 of cine against what was measured; no rows for still scans.

    A claim holds for a coder where every study has a value and the mean keeps it.
    """
    claims = list(_claims(data_set)) if data_set.is_cine else []
    coders = [coder.coder for coder in data_set.of("whole")]
    rows = [
        [words, region, claimed, *(cell.mean for cell in cells.values()), _holds(cells, claimed)]
        for words, region, claimed, cells in claims
        if any(cell.spread.values for cell in cells.values())
    ]
    if claims and data_set.judge is None:
        dice = ["Dice of a segmentation", "heart", f"> {CLAIMED_DICE:.2f}"]
        rows.append([*dice, *("" for _ in coders), "needs a segmenter"])
    words = interval_words([cell.spread for *_, cells in claims for cell in cells.values()], data_set.intervals)
    texts = [Column(name=f"Claim at {CLAIMED_RATIO:,}:1"), Column(name="Region")]
    return ReportTable(
        columns=[*texts, *_numbers(("Claimed", *coders)), Column(name="Holds for")],
        rows=rows,
        caption=f"{data_set.name}: claimed and measured{words}",
    )


def originals_table(data_set: DataSetSummary) -> ReportTable:
    """The judge on the originals: its own Dice, volumes and EF."""
    judge = _judge_of(data_set)
    cells = {f"Dice {name}": _Cell(dice, _THOUSANDTHS) for name, dice in judge.dice.items()}
    cells |= {
        "EDV (mL)": _Cell(judge.edv_ml, _TENTHS),
        "ESV (mL)": _Cell(judge.esv_ml, _TENTHS),
        "EF (%)": _Cell(judge.ef_percent, _TENTHS),
        "EF of the masks (%)": _Cell(judge.masks_ef_percent, _TENTHS),
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
    """Each coder at each ratio: Dice with its difference to the ceiling, volumes, EF; mean over studies."""
    rows = _restored(_judge_of(data_set))
    return _means(data_set, _BY_RATIO, rows, "the judge on restored scans, mean over studies")


def judge_study_table(data_set: DataSetSummary) -> ReportTable:
    """The same for each study; no rows for one study, or where there are enough patients for intervals."""
    judge = _judge_of(data_set)
    studies = tuple(judge.frames_from) if len(judge.frames_from) > 1 else ()
    return _each(data_set, studies, _BY_RATIO, _restored(judge), "the judge on restored scans, each study")


def _restored(judge: JudgeSummary) -> list[_Row]:
    ratios = judge.coders[0].at if judge.coders else ()
    return [
        ((f"{ratio:,}:1", coder.coder), _judged_cells(judge, coder.at[ratio]))
        for ratio in ratios
        for coder in judge.coders
    ]


def _judged_cells(judge: JudgeSummary, at: JudgedAt) -> dict[str, _Cell]:
    cells = {f"Dice {name}": _Cell(dice, _THOUSANDTHS, change=at.dice_delta[name]) for name, dice in at.dice.items()}
    if len(judge.mean_dice.values) < len(judge.frames_from):  # a study has no masks
        cells |= {
            f"Dice {name} with judge(original)": _Cell(agreement, _THOUSANDTHS)
            for name, agreement in at.agreement.items()
        }
    return cells | {
        "EDV (mL)": _Cell(at.edv_delta_ml, _SIGNED),
        "ESV (mL)": _Cell(at.esv_delta_ml, _SIGNED),
        "EF (points)": _Cell(at.ef_delta_points, _SIGNED),
        "|EF|": _Cell(at.ef_error_points, _TENTHS),
    }


def _judge_of(data_set: DataSetSummary) -> JudgeSummary:
    assert data_set.judge is not None
    return data_set.judge


def _claims(data_set: DataSetSummary) -> Iterator[tuple[str, str, str, dict[str, _Cell]]]:
    """(claim, region, "> LIMIT" or "< LIMIT", coder -> value at CLAIMED_RATIO)."""
    at, whole, judge = CLAIMED_RATIO, data_set.of("whole"), data_set.judge
    for region in REGIONS:
        psnr = {coder.coder: _Cell(coder.psnr_at_ratio[at], _TENTHS) for coder in data_set.of(region)}
        yield "PSNR (dB)", region, f"> {CLAIMED_DB:g}", psnr
    for region in REGIONS:
        ssim = {coder.coder: _without_interval(coder.ssim_at_ratio[at]) for coder in data_set.of(region)}
        yield "SSIM", region, f"> {CLAIMED_SSIM:g}", ssim
    decode = {coder.coder: _Cell(coder.decode_ms, _TWO_DIGITS) for coder in whole}
    encode = {coder.coder: _Cell(coder.encode_ms, _TWO_DIGITS) for coder in whole}
    yield "decoding (ms per frame)", "whole", f"< {CLAIMED_MS:g}", decode
    yield "encoding (ms per frame)", "whole", f"< {CLAIMED_MS:g}", encode
    if judge is not None:
        own = fixed(judge.mean_dice.mean, 3)
        dice = {coder.coder: _without_interval(coder.at[at].mean_dice) for coder in judge.coders}
        agreement = {coder.coder: _without_interval(coder.at[at].mean_agreement) for coder in judge.coders}
        for words, cells in ((f"masks (its own {own})", dice), ("judge(original)", agreement)):
            yield f"Dice {CLAIMED_DICE:.2f}, judge with {words}", "classes", f"> {CLAIMED_DICE:.2f}", cells


def _without_interval(value: Spread) -> _Cell:
    return _Cell(replace(value, low=None, high=None), _THOUSANDTHS)


def _holds(cells: Mapping[str, _Cell], claimed: str) -> str:
    sign, limit = claimed.split()
    kept = [
        coder
        for coder, cell in cells.items()
        if (mean := cell.spread.mean) is not None
        and cell.spread.present == len(cell.spread.values)
        and (mean > float(limit) if sign == ">" else mean < float(limit))
    ]
    return ", ".join(kept) or "none"


def _with_curves(data_set: DataSetSummary) -> list[tuple[tuple[str, ...], CoderSummary]]:
    return [((coder.region, coder.coder), coder) for coder in data_set.coders if coder.single is None]


def _at(coder: CoderSummary) -> dict[str, _Cell]:
    cells = {f"ratio at {db} dB": _Cell(coder.ratio_at_db[db], number) for db in DECIBELS}
    return cells | {f"dB at {ratio:,}:1": _Cell(coder.psnr_at_ratio[ratio], _TENTHS) for ratio in RATIOS}


def _deltas(coder: CoderSummary, verb: str, anchors: Sequence[str]) -> dict[str, _Cell]:
    return {f"{verb} {anchor}": _Cell(coder.delta_rate.get(anchor, _NO_VALUES), _SIGNED, " %") for anchor in anchors}


def _means(data_set: DataSetSummary, first: Sequence[Column], rows: Sequence[_Row], words: str) -> ReportTable:
    """A table of means; its caption says what intervals are drawn over, where there are some."""
    intervals = interval_words([cell.spread for _, cells in rows for cell in cells.values()], data_set.intervals)
    return ReportTable(
        columns=[*first, *_numbers(rows[0][1] if rows else ())],
        rows=[[*names, *(cell.mean for cell in cells.values())] for names, cells in rows],
        caption=f"{data_set.name}: {words}{intervals}",
    )


def _each(
    data_set: DataSetSummary, studies: Sequence[str], first: Sequence[Column], rows: Sequence[_Row], words: str
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


def _numbers(names: Iterable[str]) -> list[Column]:
    return [Column(name=name, numeric=True) for name in names]
