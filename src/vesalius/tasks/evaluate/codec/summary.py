"""From studies to data sets: what each coder gives at common ratios and qualities, and what the judge finds there.

Every value is read from a study's own points, averaged within patients, then over patients; nothing is read beyond a
measured end. PSNR and SSIM rise with the bytes and are read from monotone curves. Dice and volumes need not, so
between two neighbouring points they are interpolated linearly in the logarithm of the ratio.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from vesalius.metrics.bdrate import Curve, delta_rate, ratio_at_psnr, value_at_ratio
from vesalius.metrics.drawn import Drawn, Owner
from vesalius.metrics.spread import Spread
from vesalius.report.masks import by_reason
from vesalius.tasks.evaluate.codec.equal_bytes import (
    BYTES_PER_FRAME,
    REGIONS,
    EqualBytes,
    Region,
    between,
    equal_bytes,
    per_frame,
    points_in,
)
from vesalius.tasks.evaluate.codec.results import (
    JudgedStudy,
    Judgement,
    Measures,
    Point,
    StudyResult,
    difference,
    mean_by_class,
    mean_of,
)

Measure = Literal["psnr_db", "ssim"]
DECIBELS = (40, 35, 30)
RATIOS = (100, 300, 1000)
CLAIMED_RATIO = 1000
ANCHORS = ("svtav1", "x265")

Read = Callable[[JudgedStudy, Judgement], float | None]
"""Reads a number of one file of a study."""
Rate = Callable[[StudyResult, Point], float]
"""Ratio or bytes of a file of a study."""


@dataclass(frozen=True)
class SinglePoint:
    """Compression ratio, PSNR in dB and SSIM of a coder with one rate point."""

    ratio: Spread
    psnr_db: Spread
    ssim: Spread


@dataclass(frozen=True)
class CoderSummary:
    """One coder in one region of one data set.

    `delta_rate` is the BD-rate in percent by anchor, empty for a coder with one rate point (`single`). Milliseconds are
    per picture, at the file nearest to 1000:1.
    """

    coder: str
    region: Region
    ratio_at_db: dict[int, Spread]
    psnr_at_ratio: dict[int, Spread]
    ssim_at_ratio: dict[int, Spread]
    delta_rate: dict[str, Spread]
    encode_ms: Spread
    decode_ms: Spread
    single: SinglePoint | None = None


@dataclass(frozen=True)
class JudgedAt:
    """A coder at one ratio, as the judge sees it; deltas are restored less original, both by the judge.

    `dice` compares with the reference masks, by class, in the studies whose masks hold the class; `agreement` with the
    judge's own masks of the original. Means are over the classes of a study: `mean_dice` of studies with masks,
    `mean_agreement` of those without. `ef_error_points` is the absolute value of the delta of EF.
    """

    dice: dict[str, Spread]
    dice_delta: dict[str, Spread]
    mean_dice: Spread
    mean_dice_delta: Spread
    agreement: dict[str, Spread]
    mean_agreement: Spread
    edv_delta_ml: Spread
    esv_delta_ml: Spread
    ef_delta_points: Spread
    ef_error_points: Spread


@dataclass(frozen=True)
class JudgedCoder:
    """One coder: ratio, and bytes per frame of the tier, -> what the judge sees there."""

    coder: str
    at: dict[int, JudgedAt]
    at_bytes: dict[int, JudgedAt] = field(default_factory=dict)


@dataclass(frozen=True)
class JudgeSummary:
    """The judge on one data set: what it finds in the originals, and in what each lossy coder restores.

    `dice` is its own Dice with the reference masks on the originals, by class: the ceiling. `frames_from` says for each
    study how its ED and ES frames are known; `warnings` is implausible finding -> the studies concerned.
    """

    classes: tuple[str, ...]
    dice: dict[str, Spread]
    mean_dice: Spread
    edv_ml: Spread
    esv_ml: Spread
    ef_percent: Spread
    masks_ef_percent: Spread
    frames_from: dict[str, str]
    coders: tuple[JudgedCoder, ...]
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class DataSetSummary:
    """All coders on one data set.

    Args:
        name: of the data set.
        studies: their names.
        patients: how many; a study whose patient is unknown counts as one.
        intervals: what the bootstrap draws, in words.
        is_cine: some study has several frames; the claims are about such.
        coders: by region, then coder.
        lossless: method -> lossless ratio to plain 16 bit.
        why_no_lossless: method -> reason, where a study has no such file.
        judge: what a judge segmenter found; None without a judge or without a study that it could judge.
        equal: the coders at equal bytes per frame.
    """

    name: str
    studies: tuple[str, ...]
    patients: int
    intervals: str
    is_cine: bool
    coders: tuple[CoderSummary, ...]
    lossless: dict[str, Spread]
    why_no_lossless: dict[str, str]
    judge: JudgeSummary | None = None
    equal: EqualBytes = field(default_factory=lambda: EqualBytes((), (), ()))

    def of(self, region: Region) -> list[CoderSummary]:
        """Summaries of one region."""
        return [coder for coder in self.coders if coder.region == region]


@dataclass(frozen=True)
class Summary:
    """The whole evaluation."""

    data_sets: tuple[DataSetSummary, ...]


Owners = Mapping[str, Owner]
"""Study -> patient; a study that is not in it has no known patient."""


def summarise(results: Sequence[StudyResult], owners: Mapping[tuple[str, str], Owner] | None = None) -> Summary:
    """Aggregate studies by data set, in the order given; `owners` is (data set, study) -> patient."""
    data_sets = []
    for name in dict.fromkeys(result.data_set for result in results):
        members = [result for result in results if result.data_set == name]
        patients = {result.name: (owners or {}).get((name, result.name), (result.name, False)) for result in members}
        data_sets.append(_data_set(name, members, patients))
    return Summary(data_sets=tuple(data_sets))


def region_points(result: StudyResult, coder: str, region: Region) -> list[tuple[float, Measures]]:
    """Ratio and measures in a region of each point of a coder."""
    return [(point.ratio, measures) for point, measures in points_in(result, coder, region)]


def psnr_curve(result: StudyResult, coder: str, region: Region) -> Curve:
    """PSNR against ratio of one coder on one study; empty where it was not measured."""
    pairs = region_points(result, coder, region)
    return Curve.of([ratio for ratio, _ in pairs], [measures.psnr_db for _, measures in pairs])


def measure_at(result: StudyResult, coder: str, region: Region, measure: Measure, ratio: float) -> float | None:
    """PSNR or SSIM of one coder on one study at a ratio; None outside the measured range."""
    pairs = region_points(result, coder, region)
    return value_at_ratio([at for at, _ in pairs], [getattr(measures, measure) for _, measures in pairs], ratio)


def judge_summary(
    results: Sequence[StudyResult], ratios: Sequence[int], owners: Owners | None = None
) -> JudgeSummary | None:
    """Aggregate the judged studies of a data set; None without any."""
    judged = {result.name: (result, result.judged) for result in results if result.judged is not None}
    if not judged:
        return None
    studies = {name: study for name, (_, study) in judged.items()}
    classes = tuple(dict.fromkeys(name for study in studies.values() for name in study.classes))
    with_masks = [name for name, study in studies.items() if study.has_masks]
    without = [name for name in studies if name not in with_masks]
    holding = {
        name: group
        for name in classes
        if (group := [key for key, study in studies.items() if study.original.dice.get(name)])
    }

    def originals(read: Read, group: Iterable[str] = studies) -> Spread:
        return Spread.by_patient({name: read(studies[name], studies[name].original) for name in group}, owners)

    def judged_at(coder: str, rate: int, by: Rate) -> JudgedAt:
        def across(read: Read, group: Iterable[str] = studies) -> Spread:
            return Spread.by_patient({name: read_at(judged[name][0], coder, rate, read, by) for name in group}, owners)

        ef = across(_change(_volume("ef_percent")))
        error = {name: None if delta is None else abs(delta) for name, delta in ef.values.items()}
        return JudgedAt(
            dice={name: across(_dice(name), group) for name, group in holding.items()},
            dice_delta={name: across(_change(_dice(name)), group) for name, group in holding.items()},
            mean_dice=across(_mean_dice, with_masks),
            mean_dice_delta=across(_change(_mean_dice), with_masks),
            agreement={name: across(_agreement(name)) for name in classes},
            mean_agreement=across(lambda _, found: mean_of(mean_by_class(found.agreement)), without),
            edv_delta_ml=across(_change(_volume("edv_ml"))),
            esv_delta_ml=across(_change(_volume("esv_ml"))),
            ef_delta_points=ef,
            ef_error_points=Spread.by_patient(error, owners),
        )

    coders = dict.fromkeys(point.coder for result, _ in judged.values() for point in result.points)
    return JudgeSummary(
        classes=classes,
        dice={name: originals(_dice(name), group) for name, group in holding.items()},
        mean_dice=originals(_mean_dice, with_masks),
        edv_ml=originals(_volume("edv_ml")),
        esv_ml=originals(_volume("esv_ml")),
        ef_percent=originals(_volume("ef_percent")),
        masks_ef_percent=originals(lambda study, _: study.masks_ef_percent, with_masks),
        frames_from={name: study.frames_from for name, study in studies.items()},
        coders=tuple(
            JudgedCoder(
                coder,
                {ratio: judged_at(coder, ratio, _ratio) for ratio in ratios},
                {size: judged_at(coder, size, per_frame) for size in BYTES_PER_FRAME},
            )
            for coder in coders
        ),
        warnings=by_reason(_warnings(results)),
    )


def read_at(result: StudyResult, coder: str, rate: float, read: Read, by: Rate | None = None) -> float | None:
    """A number of one coder on one study at a rate; None outside the measured range or beside a point without it.

    `by` gives the rate of a point: its ratio by default.
    """
    by = by or _ratio
    judged = result.judged
    if judged is None:
        return None
    points = [
        (math.log(by(result, point)), read(judged, point.judged))
        for point in result.of(coder)
        if point.judged is not None
    ]
    return between(points, math.log(rate))


def _data_set(name: str, results: list[StudyResult], owners: Owners) -> DataSetSummary:
    coders = dict.fromkeys(point.coder for result in results for point in result.points)
    methods = dict.fromkeys(exact.method for result in results for exact in result.exact)
    return DataSetSummary(
        name=name,
        studies=tuple(result.name for result in results),
        patients=len(set(owners.values())),
        intervals=Drawn.of(owners.values()).by,
        is_cine=any(result.shape[1] > 1 for result in results),
        coders=tuple(
            _coder(measured, coder, region, owners)
            for region in REGIONS
            if (measured := [result for result in results if region == "whole" or result.heart is not None])
            for coder in coders
        ),
        lossless={
            method: Spread.by_patient({result.name: _lossless_ratio(result, method) for result in results}, owners)
            for method in methods
        },
        why_no_lossless={exact.method: exact.why_not for result in results for exact in result.exact if exact.why_not},
        judge=judge_summary(results, RATIOS, owners),
        equal=equal_bytes(results, owners),
    )


def _coder(results: list[StudyResult], coder: str, region: Region, owners: Owners) -> CoderSummary:
    coded = [result for result in results if result.of(coder)]

    def each(read: Callable[[StudyResult], float | None], group: Sequence[StudyResult] = results) -> Spread:
        return Spread.by_patient({result.name: read(result) for result in group}, owners)

    def ratio_at(result: StudyResult, db: int) -> float | None:
        return ratio_at_psnr(psnr_curve(result, coder, region), db)

    at = partial(measure_at, coder=coder, region=region)
    single = None
    if all(len(result.of(coder)) == 1 for result in coded):
        single = SinglePoint(
            ratio=each(lambda result: region_points(result, coder, region)[0][0], coded),
            psnr_db=each(lambda result: region_points(result, coder, region)[0][1].psnr_db, coded),
            ssim=each(lambda result: region_points(result, coder, region)[0][1].ssim, coded),
        )
    return CoderSummary(
        coder=coder,
        region=region,
        ratio_at_db={db: each(partial(ratio_at, db=db)) for db in DECIBELS},
        psnr_at_ratio={ratio: each(partial(at, measure="psnr_db", ratio=ratio)) for ratio in RATIOS},
        ssim_at_ratio={ratio: each(partial(at, measure="ssim", ratio=ratio)) for ratio in RATIOS},
        delta_rate={} if single else _delta_rates(results, coder, region, owners),
        encode_ms=each(lambda result: _nearest(result, coder).encode_ms, coded),
        decode_ms=each(lambda result: _nearest(result, coder).decode_ms, coded),
        single=single,
    )


def _delta_rates(results: list[StudyResult], coder: str, region: Region, owners: Owners) -> dict[str, Spread]:
    rates = {}
    for anchor in ANCHORS:
        if anchor == coder or not any(result.of(anchor) for result in results):
            continue
        values: dict[str, float | None] = {}
        for result in results:
            delta = delta_rate(psnr_curve(result, anchor, region), psnr_curve(result, coder, region))
            values[result.name] = delta.percent if delta else None
        rates[anchor] = Spread.by_patient(values, owners)
    return rates


def _nearest(result: StudyResult, coder: str) -> Point:
    """The point nearest to the claimed ratio."""
    return min(result.of(coder), key=lambda point: abs(math.log(point.ratio / CLAIMED_RATIO)))


def _lossless_ratio(result: StudyResult, method: str) -> float | None:
    sizes = [exact.size_bytes for exact in result.exact if exact.method == method and exact.size_bytes]
    return 2 * result.voxels / sizes[0] if sizes else None


def _warnings(results: Sequence[StudyResult]) -> Iterator[tuple[str, str]]:
    """(implausible finding with the masks that show it, study)."""
    for result in results:
        if result.judged is None:
            continue
        restored = [doubt for point in result.points if point.judged is not None for doubt in point.judged.doubts]
        sides = {
            "the reference masks": result.judged.masks_doubts,
            "the judge on the original": result.judged.original.doubts,
            "the judge on a restored scan": restored,
        }
        for side, doubts in sides.items():
            for doubt in doubts:
                yield f"implausible by {side}: {doubt}", result.name


def _ratio(_: StudyResult, point: Point) -> float:
    return point.ratio


def _change(read: Read) -> Read:
    """The number less that of the original."""
    return lambda study, found: difference(read(study, found), read(study, study.original))


def _dice(name: str) -> Read:
    return lambda _, found: mean_by_class(found.dice).get(name)


def _agreement(name: str) -> Read:
    return lambda _, found: mean_by_class(found.agreement).get(name)


def _volume(name: str) -> Read:
    return lambda _, found: getattr(found, name)


def _mean_dice(_: JudgedStudy, found: Judgement) -> float | None:
    return mean_of(mean_by_class(found.dice))
