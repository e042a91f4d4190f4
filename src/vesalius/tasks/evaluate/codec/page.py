"""The report of an evaluation: tables, curves, pictures, definitions."""

from __future__ import annotations

from collections.abc import Sequence

from vesalius.json_values import as_json
from vesalius.metrics.bootstrap import MIN_PATIENTS
from vesalius.metrics.ssim import SSIM_WINDOW
from vesalius.report.chart import bars
from vesalius.report.masks import by_reason
from vesalius.report.page import ReportTable, Section
from vesalius.report.result import Result
from vesalius.report.table import number
from vesalius.report.verdict import Verdict, with_interval
from vesalius.tasks.evaluate.codec.claims import claims_table
from vesalius.tasks.evaluate.codec.curves import charts
from vesalius.tasks.evaluate.codec.equal_tables import (
    at_bytes_table,
    deficit_lines,
    difference_study_table,
    difference_table,
    on_disk_table,
)
from vesalius.tasks.evaluate.codec.ladder import USELESS_DB
from vesalius.tasks.evaluate.codec.pictures import slug
from vesalius.tasks.evaluate.codec.results import COLUMNS, StudyResult, judge_columns
from vesalius.tasks.evaluate.codec.summary import RATIOS, DataSetSummary, Summary
from vesalius.tasks.evaluate.codec.tables import (
    delta_rate_table,
    judge_study_table,
    judge_table,
    lossless_table,
    orientation_table,
    originals_table,
    single_note,
    single_table,
    study_table,
)
from vesalius.wording import some

DEFINITIONS = {
    "Peak": "p99.9 minus p0.1 of the real values of the whole scan; the same peak serves the heart region.",
    "Ratio": "2 bytes x voxels / bytes of the whole .vsl file, its header included. table.csv also has the ratio to "
    "the source file or folder and to gzip -6 of the plain 16-bit array.",
    "Whole field": "All voxels, frames and slices on the scan's own grid.",
    "Heart region": "The box of the union of the end-diastolic and end-systolic masks plus 10 mm on every side, "
    "rounded up to whole voxels and clipped to the grid; all frames. The ratio stays that of the whole file. Scans "
    "without masks have no heart region.",
    "PSNR": "20 log10(peak / root of the mean squared error) over all voxels of the region, in dB.",
    "SSIM": f"Mean over the 2D pictures (rows J, columns I) of the region; uniform window of {SSIM_WINDOW} pixels, "
    "smaller where the picture is smaller; data range = peak.",
    "Max error": "Largest absolute difference of real values.",
    "Temporal error": "Root mean square over voxels of (frame-to-frame change of the restored scan minus that of the "
    "original), real values. Only where T is known to be time: the file, its Info.cfg or a manifest says so.",
    "Bytes per frame": "Bytes / number of 2D pictures (channels x frames x slices). Of the tier: its payload and the "
    "heads of its chunks, as they stand in the .vsl file; of the file: all of it. A file adds to its tier what it "
    "keeps of the source, its header and its checksums; several tiers share that.",
    "At equal bytes": "PSNR and SSIM are read from each study's files by monotone (PCHIP) interpolation in the "
    "logarithm of the bytes per frame of the tier, the temporal error linearly; never beyond the measured ends: a "
    "dash. The smallest file of a peer is its floor; own bytes are those of a coder with one rate point.",
    "mean": "A tokens tier without tokens: each slice is its mean over time, coded as a still picture. What it reaches "
    "is what any coder of a cine must better.",
    "tokens:MODEL": "The tokens tier of a model, over its quality knob, or over prefixes of its tokens where it has "
    "none. tokens: how many integers the file holds.",
    "Bits per voxel": "8 x bytes of the file / voxels.",
    "At a ratio, at a PSNR": "Read from each study's measured points by monotone (PCHIP) interpolation in the "
    "logarithm of the ratio; never beyond the measured ends: a dash means that the coder's ladder does not reach "
    f"there, or only below {USELESS_DB:g} dB, where measuring stops. Means are arithmetic; (2 of 4) says how many "
    "studies reach.",
    "BD-rate": "Bjontegaard delta rate: mean difference in bytes at equal PSNR over the range both curves cover, PCHIP "
    "in the logarithm of the rate; negative is smaller. No value where curves share less than 1 dB, and none for a "
    "coder with one rate point.",
    "Mean and interval": "Studies of one patient are averaged first, then patients. In brackets, from "
    f"{MIN_PATIENTS} patients on: 95 % percentile bootstrap over patients. A study whose patient is unknown counts as "
    "a patient: where several are of one patient, the interval is too narrow. With fewer patients each study's values "
    "are listed.",
    "Milliseconds per frame": "Wall time / number of 2D pictures, at the measured file nearest to 1000:1. Encoding "
    "includes the survey of the scan, for tokens the search for the coding of their mean, and the check by decoding, "
    "but not the reading of the source.",
    "Lossless": "Whole .vsl files that restored every bit. The zstd and gzip rows are general-purpose compressors on "
    "the plain 16-bit array (file order, whole numbers cast to 16 bits), without any header.",
    "NaN and infinity": "Voxels whose original is not finite enter no measure.",
}
JUDGE_DEFINITIONS = {
    "Judge": "A segmentation model that took no part in the making of any coder. It segments the ED and ES frames of "
    "the original and of every lossy file. Lossless files equal the original, so they are not segmented again.",
    "ED and ES frames": "Those that Info.cfg or a manifest states; else the ends of the volume curve of the masks; "
    "else of the curve of the judge's masks of the original. From eight frames on the curve is smoothed by two "
    "harmonics, as the extremes of noisy volumes make EF too large; the volumes are those of the two frames.",
    "Dice with masks": "Overlap of the judge's masks with those of readers, mean over the ED and ES frames whose mask "
    "holds the class, the whole scan. In round brackets the difference to the judge on the original, which is the "
    "ceiling: what the judge loses there is no coder's fault.",
    "Dice with judge(original)": "Overlap of the judge's masks of the restored scan with its masks of the original. "
    "It shows how little changes, not that either is right; studies without masks have no other Dice.",
    "EDV, ESV, EF deltas": "Of the judge's cavity: restored less original, in mL and percentage points; |EF| is the "
    "mean absolute difference. No EF where the judge finds no cavity in a frame.",
    "The judge at a ratio or at bytes": "Interpolated linearly in the logarithm of the ratio of the file, or of the "
    "bytes per frame of the tier (B), between neighbouring files of each study, never beyond the "
    "measured ends; Dice over all classes is the mean of the classes.",
}


def show(results: Sequence[StudyResult], summary: Summary, *, claims: bool = False) -> Result:
    """Return everything to publish; the pictures of studies lie in the folder `figures` already.

    `claims` adds the table of what was claimed and what was measured.
    """
    result = Result(
        verdict=verdict(results, summary),
        results=as_json(summary),
        rows=[row for study in results for row in study.rows()],
        columns=(*COLUMNS, *judge_columns(study.judged for study in results)),
    )
    for data_set in summary.data_sets:
        members = [study for study in results if study.data_set == data_set.name]
        section = result.section(data_set.name)
        for viewer in (study.viewer for study in members if study.viewer is not None):
            section.viewer(viewer)
        _add(section, orientation_table(data_set), single_table(data_set))
        if single_note(data_set):
            section.text(single_note(data_set), tone="note")
        _add(section, *([claims_table(data_set)] if claims else []))
        _curves(result, section, data_set, members, claims=claims)
        _equal_bytes(section, data_set)
        _add(section, delta_rate_table(data_set))
        _judge(section, data_set)
        for picture in (picture for study in members for picture in study.pictures):
            section.figure(picture.file, picture.caption, picture.alt)
        _add(section, study_table(data_set))
        for line in note_lines(results, data_set.name):
            section.text(line, tone="note")
    _lossless(result, summary)
    judged = any(data_set.judge for data_set in summary.data_sets)
    result.section("Definitions").definitions(DEFINITIONS | (JUDGE_DEFINITIONS if judged else {}))
    return result


def lead(results: Sequence[StudyResult], summary: Summary) -> str:
    """The first paragraph: what was compared on what."""
    studies = len(results)
    names = ", ".join(data_set.name for data_set in summary.data_sets)
    return f"Coders compared on {studies} {'study' if studies == 1 else 'studies'} of {names}."


def verdict(results: Sequence[StudyResult], summary: Summary) -> Verdict:
    """Return what lossless files and the best lossy coder reach on the first data set, in one line.

    A lossless file that differs from its scan stops an evaluation, so those that were counted are equal.
    """
    exact = sum(file.tier_bytes is not None for study in results for file in study.exact)
    first = summary.data_sets[0]
    parts = [f"{exact} of {exact} lossless files equal their scan"] if exact else []
    lossy = [
        (coder.psnr_at_ratio[ratio], coder.coder, ratio)
        for ratio in RATIOS
        for coder in first.of("whole")
        if coder.psnr_at_ratio[ratio].mean is not None
    ]
    if lossy:
        lowest = min(ratio for *_, ratio in lossy)
        best, name, ratio = max((each for each in lossy if each[2] == lowest), key=lambda each: each[0].mean or 0.0)
        interval = None if best.low is None or best.high is None else (best.low, best.high)
        where = f" on {first.name}" if len(summary.data_sets) > 1 else ""
        parts.append(f"at {ratio:,}:1 {name} keeps most, PSNR {with_interval(best.mean, interval, 1, ' dB')}{where}")
    elif exact:
        ratios = {name: spread.mean for name, spread in first.lossless.items() if spread.mean is not None}
        smallest = max(ratios, key=lambda name: ratios[name] or 0.0)
        parts.append(f"{smallest} is the smallest at {number(ratios[smallest])}:1")
    return Verdict(words="; ".join(parts) or "Nothing was measured", outcome="good" if exact else "neutral")


def note_lines(results: Sequence[StudyResult], data_set: str) -> list[str]:
    """One sentence for each note about studies of a data set."""
    notes = by_reason((note, study.name) for study in results if study.data_set == data_set for note in study.notes)
    return [f"{', '.join(names)}: {note}." for note, names in notes.items()]


def _add(section: Section, *tables: ReportTable) -> None:
    """Add the tables that have rows."""
    for table in tables:
        if table.rows:
            section.table(table.columns, table.rows, table.caption)


def _equal_bytes(section: Section, data_set: DataSetSummary) -> None:
    _add(section, on_disk_table(data_set), at_bytes_table(data_set), difference_table(data_set))
    for line in deficit_lines(data_set):
        section.text(line, tone="note")
    _add(section, difference_study_table(data_set))


def _judge(section: Section, data_set: DataSetSummary) -> None:
    if data_set.judge is None:
        return
    for warning, names in data_set.judge.warnings.items():
        section.text(f"{some(names)}: {warning}.", tone="warning")
    _add(section, originals_table(data_set), judge_table(data_set), judge_study_table(data_set))


def _curves(
    result: Result, section: Section, data_set: DataSetSummary, studies: Sequence[StudyResult], *, claims: bool
) -> None:
    thin = " Thin lines are the studies, thick lines their mean where all have one." if len(studies) > 1 else ""
    for chart in charts(data_set, studies, claims=claims):
        file = f"{slug(data_set.name)}-{chart.name}.png"
        result.figures[file] = chart.png
        words = f"{data_set.name}: {chart.words}, by coder."
        section.figure(file, words + thin, words)


def _lossless(result: Result, summary: Summary) -> None:
    section = result.section("Lossless")
    _add(section, lossless_table(summary))
    groups = {
        data_set.name: {method: value.mean for method, value in data_set.lossless.items() if value.mean is not None}
        for data_set in summary.data_sets
    }
    if any(groups.values()):
        result.figures["lossless.png"] = bars(groups, "lossless ratio to plain 16 bit (n : 1)")
        section.figure("lossless.png", "Lossless ratios, mean over studies.", "Bars of lossless ratios by method")
    for data_set in summary.data_sets:
        for method, why in data_set.why_no_lossless.items():
            section.text(f"{data_set.name}, {method}: {why}.", tone="note")
