"""Coders at equal bytes per frame as tables and lines, for the page and for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from vesalius.report.page import Column, ReportTable
from vesalius.report.table import number
from vesalius.tasks.evaluate.codec.adapter import is_tokens
from vesalius.tasks.evaluate.codec.equal_bytes import BYTES_PER_FRAME, Measure, PeerDifference
from vesalius.tasks.evaluate.codec.summary import DataSetSummary
from vesalius.tasks.evaluate.codec.tables import Row, TableCell, each_study, means_over_studies

_FORMATS = {"psnr_db": "{:.2f}".format, "ssim": "{:.3f}".format, "temporal_error": number}
_NAMES: dict[Measure, str] = {"psnr_db": "PSNR (dB)", "ssim": "SSIM", "temporal_error": "temporal error"}
_SIGNED_DB = "{:+.2f}".format
_BY_MEASURE = (Column(name="Measure"), Column(name="Region"), Column(name="Coder"))
_BY_PEER = (Column(name="Region"), Column(name="Coder"), Column(name="Less"))


def on_disk_table(data_set: DataSetSummary) -> ReportTable:
    """Bytes per frame of each coder's tier and of its file, smallest and largest, and what surrounds the tier."""
    rows: list[Row] = []
    for coder in data_set.equal.on_disk:
        cells = {
            "smallest tier": TableCell(coder.least_tier, number),
            "its file": TableCell(coder.least_file, number),
            "largest tier": TableCell(coder.most_tier, number),
            "file of that": TableCell(coder.most_file, number),
            "bytes around the tier": TableCell(coder.around, "{:,.0f}".format),
        }
        if any(other.tokens.present for other in data_set.equal.on_disk):
            cells["tokens of a study"] = TableCell(coder.tokens, "{:,.0f}".format)
        rows.append(((coder.coder,), cells))
    words = "bytes per frame on disk, smallest and largest measured file of each study, mean over studies"
    return means_over_studies(data_set, (Column(name="Coder"),), rows, words)


def at_bytes_table(data_set: DataSetSummary) -> ReportTable:
    """PSNR, SSIM and temporal error of each coder at equal bytes per frame."""
    rows: list[Row] = []
    for coder in data_set.equal.coders:
        cells = {f"{at} B": TableCell(spread, _FORMATS[coder.measure]) for at, spread in coder.at.items()}
        if any(cell.spread.present for cell in cells.values()):
            rows.append(((_NAMES[coder.measure], coder.region, coder.coder), cells))
    return means_over_studies(data_set, _BY_MEASURE, _without_empty(rows), "at equal bytes per frame of the tier")


def difference_table(data_set: DataSetSummary) -> ReportTable:
    """PSNR of each coder less that of each peer at equal bytes per frame, mean over studies."""
    words = "PSNR (dB) less that of a peer at equal bytes per frame of the tier, mean over studies"
    return means_over_studies(data_set, _BY_PEER, _differences(data_set), words)


def difference_study_table(data_set: DataSetSummary) -> ReportTable:
    """The same for each study; no rows for one study, or where there are enough patients for intervals."""
    studies = data_set.studies if len(data_set.studies) > 1 else ()
    return each_study(data_set, studies, _BY_PEER, _differences(data_set), "the same differences, each study")


def deficit_lines(data_set: DataSetSummary) -> list[str]:
    """One sentence for each coder of tokens and peer: by how much it leads or lags in the whole field."""
    return list(_deficits(data_set))


def _deficits(data_set: DataSetSummary) -> Iterator[str]:
    for difference in data_set.equal.differences:
        if difference.region != "whole" or not is_tokens(difference.coder):
            continue
        spreads = {f"{at} B per frame": spread for at, spread in difference.at.items() if spread.present}
        spreads |= {"its own bytes": difference.at_own} if difference.at_own.present else {}
        words = [
            f"{spread.mean:+.2f} dB at {at}"
            + ("" if spread.present == len(spread.values) else f" ({spread.present} of {len(spread.values)})")
            for at, spread in spreads.items()
            if spread.mean is not None
        ]
        if words:
            yield f"Whole field, {difference.coder} less {difference.peer}: {', '.join(words)}."


def _differences(data_set: DataSetSummary) -> list[Row]:
    """Rows of the coders of tokens, or of all coders where there are none."""
    some_tokens = any(is_tokens(difference.coder) for difference in data_set.equal.differences)
    rows = [
        ((difference.region, difference.coder, difference.peer), _cells(difference))
        for difference in data_set.equal.differences
        if is_tokens(difference.coder) or not some_tokens
    ]
    return _without_empty([row for row in rows if any(cell.spread.present for cell in row[1].values())])


def _cells(difference: PeerDifference) -> dict[str, TableCell]:
    cells = {f"{at} B": TableCell(difference.at[at], _SIGNED_DB) for at in BYTES_PER_FRAME}
    ends = {"smallest file of the peer": difference.at_floor, "own bytes": difference.at_own}
    return cells | {name: TableCell(spread, _SIGNED_DB) for name, spread in ends.items()}


def _without_empty(rows: list[Row]) -> list[Row]:
    """Leave out the columns in which no row has a value."""
    used = {name for _, cells in rows for name, cell in cells.items() if cell.spread.present}
    return [(names, {name: cell for name, cell in cells.items() if name in used}) for names, cells in rows]
