"""What was claimed for tokens of cine, against what was measured.

The claims are those of the description that this project began with: 32 tokens hold a cine at 1000:1, above 35 dB and
SSIM 0.95, a segmentation of it has a Dice above 0.90, and a frame takes less than 10 ms. It measured none of them.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from vesalius.metrics.spread import Spread
from vesalius.report.masks import interval_words
from vesalius.report.page import Column, ReportTable
from vesalius.report.table import fixed, number
from vesalius.tasks.evaluate.codec.equal_bytes import REGIONS
from vesalius.tasks.evaluate.codec.summary import CLAIMED_RATIO, DataSetSummary
from vesalius.tasks.evaluate.codec.tables import TableCell

CLAIMED_DB, CLAIMED_SSIM, CLAIMED_MS, CLAIMED_DICE, CLAIMED_TOKENS = 35.0, 0.95, 10.0, 0.90, 32
_COMPARE = {">": operator.gt, "<": operator.lt, "<=": operator.le}
_WHERE = {"whole": "whole field", "heart": "heart region"}
_AT = f"at {CLAIMED_RATIO:,}:1"
_NEAREST = f"file nearest to {CLAIMED_RATIO:,}:1"


@dataclass(frozen=True)
class _Claim:
    """A claim with what each coder reaches.

    Args:
        words: what is claimed.
        sign: how the measured value must lie to the limit.
        limit: the claimed value.
        where: conditions under which it was measured.
        cells: coder -> measured.
    """

    words: str
    sign: Literal[">", "<", "<="]
    limit: float
    where: str
    cells: Mapping[str, TableCell]

    @property
    def claimed(self) -> str:
        """E.g. "> 35"."""
        return f"{self.sign} {self.limit:,g}"

    @property
    def met_by(self) -> str:
        """Coders that keep the claim: every study has a value, and the mean keeps it."""
        kept = [
            coder
            for coder, cell in self.cells.items()
            if (mean := cell.spread.mean) is not None
            and cell.spread.present == len(cell.spread.values)
            and _COMPARE[self.sign](mean, self.limit)
        ]
        return ", ".join(kept) or "not met"


def claims_table(data_set: DataSetSummary) -> ReportTable:
    """One row for each claim and condition: claimed, measured by coder, who meets it; no rows for still scans."""
    coders = [coder.coder for coder in data_set.of("whole")]
    claims = list(_claims(data_set)) if data_set.is_cine else []
    rows = [
        [claim.words, claim.where, claim.claimed, *(_shown(claim, coder) for coder in coders), claim.met_by]
        for claim in claims
        if any(cell.spread.values for cell in claim.cells.values())
    ]
    if claims and data_set.judge is None:
        dice = ["Dice of a segmentation", "needs --judge", f"> {CLAIMED_DICE:g}"]
        rows.append([*dice, *("" for _ in coders), "not measured"])
    words = interval_words([cell.spread for claim in claims for cell in claim.cells.values()], data_set.intervals)
    texts = [Column(name="Claim"), Column(name="Measured"), Column(name="Claimed", numeric=True)]
    return ReportTable(
        columns=[*texts, *(Column(name=coder, numeric=True) for coder in coders), Column(name="Met by")],
        rows=rows,
        caption=f"{data_set.name}: claimed and measured; ratios are those of whole files{words}",
    )


def _shown(claim: _Claim, coder: str) -> str:
    return claim.cells[coder].mean if coder in claim.cells else ""


def _claims(data_set: DataSetSummary) -> Iterator[_Claim]:
    at, judge = CLAIMED_RATIO, data_set.judge
    tokens = {coder.coder: TableCell(coder.tokens, number) for coder in data_set.equal.on_disk if coder.tokens.present}
    yield _Claim("tokens of a study", "<=", CLAIMED_TOKENS, "largest file", tokens)
    for region in REGIONS:
        coders, where = data_set.of(region), _WHERE[region]
        ratio = {coder.coder: TableCell(coder.ratio_at_db[int(CLAIMED_DB)], number) for coder in coders}
        yield _Claim("ratio", ">", at, f"{where} at {CLAIMED_DB:g} dB", ratio)
        psnr = {coder.coder: TableCell(coder.psnr_at_ratio[at], "{:.1f}".format) for coder in coders}
        yield _Claim("PSNR (dB)", ">", CLAIMED_DB, f"{where} {_AT}", psnr)
        ssim = {coder.coder: TableCell(coder.ssim_at_ratio[at], "{:.3f}".format) for coder in coders}
        yield _Claim("SSIM", ">", CLAIMED_SSIM, f"{where} {_AT}", ssim)
    if judge is not None:
        own = fixed(judge.mean_dice.mean, 3)
        dice = {coder.coder: TableCell(coder.at[at].mean_dice, "{:.3f}".format) for coder in judge.coders}
        agreement = {coder.coder: TableCell(coder.at[at].mean_agreement, "{:.3f}".format) for coder in judge.coders}
        for words, cells in (
            (f"masks of readers; on the originals {own}", dice),
            ("its masks of the original", agreement),
        ):
            yield _Claim("Dice of a segmentation", ">", CLAIMED_DICE, f"judge with {words}, {_AT}", cells)
    for words, read in (("decoding", "decode_ms"), ("encoding", "encode_ms")):
        times: dict[str, Spread] = {coder.coder: getattr(coder, read) for coder in data_set.of("whole")}
        cells = {coder: TableCell(spread, number) for coder, spread in times.items()}
        yield _Claim(f"{words} (ms per frame)", "<", CLAIMED_MS, _NEAREST, cells)
