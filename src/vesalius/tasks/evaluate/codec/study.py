"""One study: every coder at a few steps, lossless files, general-purpose compressors, pictures.

Letters: C channel, T time, I J K voxel axes; N pictures.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from vesalius.errors import UsageError
from vesalius.metrics.codec import Box, add_changes, ratio
from vesalius.metrics.error import SquaredError
from vesalius.metrics.error import peak as peak_of
from vesalius.metrics.ssim import ssim_per_picture, to_pictures
from vesalius.scan.scan import Scan
from vesalius.tasks.evaluate.codec.adapter import Coded, VslCodec
from vesalius.tasks.evaluate.codec.config import CodecEvaluationConfig
from vesalius.tasks.evaluate.codec.films import Screen, look_through
from vesalius.tasks.evaluate.codec.ladder import RatePoint, walk
from vesalius.tasks.evaluate.codec.pictures import DrawnPoint, draw
from vesalius.tasks.evaluate.codec.results import Exact, Measures, Point, StudyResult
from vesalius.tasks.evaluate.codec.studies import Study, heart_box
from vesalius.wording import Progress

if TYPE_CHECKING:
    from vesalius.tasks.evaluate.codec.judge import Judge, JudgedScan

METHODS = ("zstd-19", "gzip-9", "gzip-6")
"""General-purpose compressors of the plain 16-bit array, with their levels."""
_CHECKED_AT_ONCE = 1 << 22


def evaluate_study(
    study: Study,
    codec: VslCodec,
    config: CodecEvaluationConfig,
    progress: Progress,
    *,
    threads: int,
    judge: Judge | None = None,
    figures: Path | None = None,
) -> StudyResult:
    """Measure one study.

    Args:
        study: the study.
        codec: what codes it.
        config: what is measured.
        progress: called with one line per step.
        threads: chunks or slices processed at a time.
        judge: segments original and restored scans.
        figures: folder for pictures of this study, or None for no pictures.

    Raises:
        VesaliusError: the study cannot be read or coded.
    """
    scan = study.scan().resident()
    if scan.dtype.kind not in "iuf":
        raise UsageError(f"values of type {scan.dtype} cannot be measured", where=study.path, fix="leave it out")
    caveats = [codec.caveat(scan, coder) for coder in config.coders]
    box, note = heart_box(study, scan)
    trial, why_not = judge.trial(study, scan) if judge else (None, "")
    peak, films = peak_of(scan.values(dtype=np.float64)), figures is not None and scan.shape[1] * scan.shape[4] > 1
    work = _Work(study, scan, codec, threads, peak, box, trial, progress, films)
    restored = [drawn for coder in config.coders for drawn in work.lossy(coder, config.points)]
    exact, gzip6_bytes = work.exact(config.lossless)
    return StudyResult(
        data_set=study.data_set,
        name=study.name,
        shape=scan.shape,
        voxels=math.prod(scan.shape),
        source_bytes=study.source_bytes,
        gzip6_bytes=gzip6_bytes,
        peak=work.peak,
        heart=None if box is None else tuple((side.start, side.stop) for side in box),
        points=tuple(drawn.point for drawn in restored),
        exact=exact,
        pictures=() if figures is None else draw(study, scan, work.place, box, restored, figures),
        viewer=None if figures is None else look_through(study, work.screen, restored, exact, figures),
        notes=tuple(text for text in (note, why_not, *caveats, *scan.problems) if text),
        judged=trial.study if trial else None,
    )


def measure(
    original: Scan, stored_CTIJK: NDArray[Any], peak: float, box: Box | None, threads: int
) -> tuple[Measures, Measures | None]:
    """Compare a restored scan with its original, slice by slice: whole field, and heart region where there is a box.

    The peak is that of the whole scan; the intensity map of the original holds for both.
    """

    def measure_slice(k: int) -> tuple[_Sums, _Sums | None]:
        part = slice(k, k + 1)
        reference = original.values(k=part, dtype=np.float64)
        restored = original.intensity.part(slice(None), part).to_real(stored_CTIJK[..., part], np.float64)
        whole = _Sums.of(reference, restored, peak)
        if box is None or not box[2].start <= k < box[2].stop:
            return whole, None
        inside = (slice(None), slice(None), box[0], box[1])
        return whole, _Sums.of(reference[inside], restored[inside], peak)

    with ThreadPoolExecutor(max_workers=threads) as pool:
        pairs = list(pool.map(measure_slice, range(original.shape[4])))
    is_time = original.t_meaning == "time" and original.shape[1] > 1
    whole = _measures([pair[0] for pair in pairs], peak, is_time)
    heart = [pair[1] for pair in pairs if pair[1] is not None]
    return whole, _measures(heart, peak, is_time) if heart else None


def as_16_bit(stored_CTIJK: NDArray[Any]) -> NDArray[Any] | None:
    """The stored values as plain 16-bit integers in the order of a NIfTI file (i fastest), or None.

    8-bit values are widened; wider types are cast where every value is a whole number within int16 or uint16.

    Example:
        >>> as_16_bit(np.array([0.0, 40000.0]).reshape(1, 1, 2, 1, 1))
        array([    0, 40000], dtype=uint16)
    """
    flat = stored_CTIJK.transpose(0, 1, 4, 3, 2).reshape(-1)
    if flat.dtype.kind in "iu" and flat.dtype.itemsize == 2:
        return np.ascontiguousarray(flat)
    if flat.dtype.kind == "b" or flat.dtype.itemsize == 1:
        return flat.astype(np.int16 if flat.dtype.kind == "i" else np.uint16)
    if flat.dtype.kind not in "iuf" or not flat.size or not _is_whole(flat):
        return None
    low, high = flat.min(), flat.max()
    for dtype in (np.int16, np.uint16):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return flat.astype(dtype)
    return None


def compressed_bytes(method: str, values: NDArray[Any]) -> int:
    """Bytes that one of METHODS needs for the array's memory."""
    name, level = method.split("-")
    if name == "gzip":
        return len(gzip.compress(values.tobytes(), int(level), mtime=0))
    return len(imagecodecs.zstd_encode(values.tobytes(), level=int(level)))


@dataclass(frozen=True)
class _Work:
    """A study being measured."""

    study: Study
    scan: Scan
    codec: VslCodec
    threads: int
    peak: float
    box: Box | None
    trial: JudgedScan | None
    progress: Progress
    films: bool

    @property
    def pictures(self) -> int:
        """Number of 2D pictures of the scan."""
        c, t, _, _, k = self.scan.shape
        return c * t * k

    @property
    def place(self) -> tuple[int, int]:
        """Frame and slice to draw: end-systole or the middle frame, the middle slice of the heart or the scan.

        Not the first frame: coders that use time spend most on it.
        """
        frames = self.scan.shape[1]
        frame = frames // 2 if self.study.ends is None else min(self.study.ends.es, frames - 1)
        depth = slice(0, self.scan.shape[4]) if self.box is None else self.box[2]
        return frame, (depth.start + depth.stop - 1) // 2

    @cached_property
    def screen(self) -> Screen:
        """Where films are seen."""
        return Screen(self.scan, self.place, self.box)

    def lossy(self, coder: str, points: int) -> list[DrawnPoint]:
        """Points of a coder, best first."""
        steps = self.codec.ladder(coder)
        measured: dict[int, DrawnPoint] = {}

        def read(rung: int) -> RatePoint:
            measured[rung] = self._point(coder, steps[rung])
            point = measured[rung].point
            regions = [point.whole] if point.heart is None else [point.whole, point.heart]
            return RatePoint(point.ratio, tuple(region.psnr_db for region in regions))

        return [measured[rung] for rung in walk(read, len(steps), points)]

    def exact(self, coders: Sequence[str]) -> tuple[tuple[Exact, ...], int | None]:
        """Lossless files and general-purpose compressors; and the bytes of gzip -6, to which ratios refer."""
        coded = [self._lossless(coder) for coder in coders]
        values = as_16_bit(self.scan.stored())
        if values is None:
            why = "the values are no 16-bit integers"
            return (*coded, *(Exact(method=method, size_bytes=None, why_not=why) for method in METHODS)), None
        self._report(", ".join(METHODS))
        with ThreadPoolExecutor(max_workers=self.threads) as pool:
            sizes = dict(zip(METHODS, pool.map(lambda method: compressed_bytes(method, values), METHODS), strict=True))
        general = (Exact(method=method, size_bytes=size) for method, size in sizes.items())
        return (*coded, *general), sizes["gzip-6"]

    def _point(self, coder: str, step: float) -> DrawnPoint:
        coded = self.codec.lossy(self.scan, coder, step, self.threads)
        whole, heart = measure(self.scan, coded.stored_CTIJK, self.peak, self.box, self.threads)
        rate = ratio(math.prod(self.scan.shape), coded.size_bytes)
        judged = self.trial.judge(coded.stored_CTIJK) if self.trial else None
        self._report(
            f"{self.codec.name(coder)} {step:g}: {rate:.4g}:1, {whole.psnr_db:.2f} dB{judged.words if judged else ''}"
        )
        point = Point(
            coder=self.codec.name(coder),
            step=step,
            size_bytes=coded.size_bytes,
            tier_bytes=coded.tier_bytes,
            ratio=rate,
            whole=whole,
            heart=heart,
            encode_ms=1000 * coded.encode_seconds / self.pictures,
            decode_ms=1000 * coded.decode_seconds / self.pictures,
            judged=judged,
            tokens=coded.tokens,
        )
        film_NJI = self.screen.film(coded.stored_CTIJK) if self.films else None
        return DrawnPoint(point, self._picture(coded), film_NJI)

    def _lossless(self, coder: str) -> Exact:
        try:
            coded = self.codec.lossless(self.scan, coder, self.threads)
        except UsageError as error:
            return Exact(method=coder, size_bytes=None, why_not=error.what)
        if coded.stored_CTIJK.tobytes() != self.scan.stored().tobytes():
            raise AssertionError(f"{coder} did not give back the scan bit for bit")
        self._report(f"{coder} lossless: {ratio(math.prod(self.scan.shape), coded.size_bytes):.4g}:1")
        return Exact(
            method=coder,
            size_bytes=coded.size_bytes,
            tier_bytes=coded.tier_bytes,
            encode_ms=1000 * coded.encode_seconds / self.pictures,
            decode_ms=1000 * coded.decode_seconds / self.pictures,
        )

    def _picture(self, coded: Coded) -> NDArray[Any]:
        """The slice of a restored scan to draw, real values (I, J)."""
        frame, depth = (slice(place, place + 1) for place in self.place)
        stored = coded.stored_CTIJK[:1, frame, :, :, depth]
        return self.scan.intensity.part(frame, depth).to_real(stored, np.float32)[0, 0, :, :, 0]

    def _report(self, what: str) -> None:
        self.progress(f"{self.study.data_set}/{self.study.name}: {what}")


@dataclass
class _Sums:
    """Sums over one region of one slice."""

    errors: SquaredError
    changes: SquaredError
    ssim_N: NDArray[np.float64]

    @classmethod
    def of(cls, reference_CTIJK: NDArray[Any], restored_CTIJK: NDArray[Any], peak: float) -> _Sums:
        ssim_N = ssim_per_picture(to_pictures(reference_CTIJK), to_pictures(restored_CTIJK), peak)
        sums = cls(SquaredError(), SquaredError(), ssim_N)
        sums.errors.add(reference_CTIJK, restored_CTIJK)
        add_changes(sums.changes, reference_CTIJK, restored_CTIJK)
        return sums


def _measures(slices: Sequence[_Sums], peak: float, is_time: bool) -> Measures:
    errors, changes = SquaredError(), SquaredError()
    for sums in slices:
        errors.merge(sums.errors)
        changes.merge(sums.changes)
    ssim_N = np.concatenate([sums.ssim_N for sums in slices])
    ssim_N = ssim_N[~np.isnan(ssim_N)]
    return Measures(
        psnr_db=errors.psnr(peak),
        ssim=float(ssim_N.mean()) if ssim_N.size else math.nan,
        max_error=errors.max_error,
        temporal_error=changes.rmse if is_time else None,
    )


def _is_whole(flat: NDArray[Any]) -> bool:
    parts = (flat[start : start + _CHECKED_AT_ONCE] for start in range(0, flat.size, _CHECKED_AT_ONCE))
    return flat.dtype.kind in "iu" or all(np.isfinite(part).all() and (np.rint(part) == part).all() for part in parts)
