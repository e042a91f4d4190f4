"""One study: every coder at a few steps, lossless files, general compressors, pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError
from vesalius.metrics.codec import Box, ratio
from vesalius.metrics.error import peak as peak_of
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.adapter import Codec, Coded
from vesalius.tasks.evaluate.codec.ladder import RatePoint, walk
from vesalius.tasks.evaluate.codec.measure import measure
from vesalius.tasks.evaluate.codec.pictures import DrawnPoint, draw
from vesalius.tasks.evaluate.codec.plain import METHODS, as_16_bit, compressed_bytes
from vesalius.tasks.evaluate.codec.results import Exact, FigureFile, Point, StudyResult
from vesalius.tasks.evaluate.codec.studies import Study, heart_box

if TYPE_CHECKING:
    from vesalius.tasks.evaluate.codec.judge import Judge, JudgedScan

Progress = Callable[[str], None]


@dataclass(frozen=True)
class EvaluationPlan:
    """What is measured on every study.

    Args:
        coders: lossy coders.
        lossless: coders for lossless files.
        points: steps of each coder's ladder.
        threads: chunks or slices worked on at a time.
        judge: segments the original and what was restored; None for no such measure.
    """

    coders: tuple[str, ...]
    lossless: tuple[str, ...]
    points: int
    threads: int
    judge: Judge | None = None


def evaluate_study(
    study: Study, codec: Codec, plan: EvaluationPlan, progress: Progress, figures: Path | None = None
) -> StudyResult:
    """Measure one study.

    Args:
        study: the study.
        codec: what codes it.
        plan: what is measured.
        progress: called with one line per step.
        figures: folder for pictures of this study, or None for none.

    Raises:
        VesaliusError: the study cannot be read or coded.
    """
    scan = study.scan().resident()
    if scan.dtype.kind not in "iuf":
        raise UsageError(f"values of type {scan.dtype} cannot be measured", where=study.path, fix="leave it out")
    box, note = heart_box(study, scan)
    trial, why_not = plan.judge.trial(study, scan) if plan.judge else (None, "")
    work = _Work(study, scan, codec, plan, peak_of(scan.values(dtype=np.float64)), box, trial, progress)
    points, restored = [], []
    for coder in plan.coders:
        for point, picture in work.lossy(coder):
            points.append(point)
            restored.append(DrawnPoint(point, picture))
    exact, gzip6_bytes = work.exact()
    pictures: tuple[FigureFile, ...] = ()
    if figures is not None:
        pictures = draw(study, scan, work.place, box, restored, figures)
    return StudyResult(
        data_set=study.data_set,
        name=study.name,
        shape=scan.shape,
        voxels=math.prod(scan.shape),
        source_bytes=study.source_bytes,
        gzip6_bytes=gzip6_bytes,
        peak=work.peak,
        heart=None if box is None else _bounds(box),
        points=tuple(points),
        exact=exact,
        pictures=pictures,
        notes=tuple(text for text in (note, why_not, *scan.problems) if text),
        judged=trial.study if trial else None,
    )


@dataclass(frozen=True)
class _Work:
    """A study under way."""

    study: Study
    scan: Scan
    codec: Codec
    plan: EvaluationPlan
    peak: float
    box: Box | None
    trial: JudgedScan | None
    progress: Progress

    @property
    def frames(self) -> int:
        """2D pictures of the scan."""
        c, t, _, _, k = self.scan.shape
        return c * t * k

    @property
    def place(self) -> tuple[int, int]:
        """Frame and slice that are drawn: end systole or the middle frame, the middle slice of the heart or the scan.

        Not the first frame: coders that use time spend most on it.
        """
        frames = self.scan.shape[1]
        frame = frames // 2 if self.study.systole is None else min(self.study.systole, frames - 1)
        depth = slice(0, self.scan.shape[4]) if self.box is None else self.box[2]
        return frame, (depth.start + depth.stop - 1) // 2

    def lossy(self, coder: str) -> list[tuple[Point, NDArray[Any]]]:
        """Points of a coder, best first, each with its picture (real values, (I, J))."""
        steps = self.codec.ladder(coder)
        done: dict[int, tuple[Point, NDArray[Any]]] = {}

        def read(rung: int) -> RatePoint:
            done[rung] = self._point(coder, steps[rung])
            point = done[rung][0]
            regions = [point.whole] if point.heart is None else [point.whole, point.heart]
            return RatePoint(point.ratio, tuple(region.psnr_db for region in regions))

        return [done[rung] for rung in walk(read, len(steps), self.plan.points)]

    def exact(self) -> tuple[tuple[Exact, ...], int | None]:
        """Lossless files and general compressors; bytes of gzip -6, which others are compared with."""
        coded = [self._lossless(coder) for coder in self.plan.lossless]
        values = as_16_bit(self.scan.stored())
        if values is None:
            why = "the values are no 16-bit integers"
            return (*coded, *(Exact(method=method, size_bytes=None, why_not=why) for method in METHODS)), None
        self._tell(", ".join(METHODS))
        with ThreadPoolExecutor(max_workers=self.plan.threads) as pool:
            sizes = dict(zip(METHODS, pool.map(lambda method: compressed_bytes(method, values), METHODS), strict=True))
        general = (Exact(method=method, size_bytes=size) for method, size in sizes.items())
        return (*coded, *general), sizes["gzip-6"]

    def _point(self, coder: str, step: float) -> tuple[Point, NDArray[Any]]:
        coded = self.codec.lossy(self.scan, coder, step, self.plan.threads)
        whole, heart = measure(self.scan, coded.stored_CTIJK, self.peak, self.box, self.plan.threads)
        rate = ratio(math.prod(self.scan.shape), coded.size_bytes)
        judged = self.trial.judge(coded.stored_CTIJK) if self.trial else None
        self._tell(f"{coder} {step:g}: {rate:.4g}:1, {whole.psnr_db:.2f} dB{judged.words if judged else ''}")
        point = Point(
            coder=coder,
            step=step,
            size_bytes=coded.size_bytes,
            ratio=rate,
            whole=whole,
            heart=heart,
            encode_ms=1000 * coded.encode_seconds / self.frames,
            decode_ms=1000 * coded.decode_seconds / self.frames,
            judged=judged,
        )
        return point, self._picture(coded)

    def _lossless(self, coder: str) -> Exact:
        try:
            coded = self.codec.lossless(self.scan, coder, self.plan.threads)
        except UsageError as error:
            return Exact(method=coder, size_bytes=None, why_not=error.what)
        if coded.stored_CTIJK.tobytes() != self.scan.stored().tobytes():
            raise AssertionError(f"{coder} did not give back the scan bit for bit")
        self._tell(f"{coder} lossless: {ratio(math.prod(self.scan.shape), coded.size_bytes):.4g}:1")
        return Exact(
            method=coder,
            size_bytes=coded.size_bytes,
            encode_ms=1000 * coded.encode_seconds / self.frames,
            decode_ms=1000 * coded.decode_seconds / self.frames,
        )

    def _picture(self, coded: Coded) -> NDArray[Any]:
        """The drawn slice of a restored scan, real values (I, J)."""
        frame, depth = (slice(place, place + 1) for place in self.place)
        stored = coded.stored_CTIJK[:1, frame, :, :, depth]
        return self.scan.intensity.part(frame, depth).to_real(stored, np.float32)[0, 0, :, :, 0]

    def _tell(self, what: str) -> None:
        self.progress(f"{self.study.data_set}/{self.study.name}: {what}")


def _bounds(box: Box) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    i, j, k = box
    return (i.start, i.stop), (j.start, j.stop), (k.start, k.stop)
