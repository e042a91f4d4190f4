"""What was measured on one study, as it is kept in `measured/*.json` while an evaluation runs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from vesalius.report.table import Cell
from vesalius.tasks.evaluate.codec.judged import JudgedStudy, Judgement

COLUMNS = (
    "data_set", "study", "coder", "step", "bytes", "ratio", "ratio_to_source", "ratio_to_gzip6", "bits_per_voxel",
    "psnr_db", "ssim", "max_error", "temporal_error",
    "heart_psnr_db", "heart_ssim", "heart_max_error", "heart_temporal_error",
    "encode_ms_per_frame", "decode_ms_per_frame",
)  # fmt: skip
"""Header of `table.csv`."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class Measures(_Model):
    """How far one region of a restored scan is from the original; all frames.

    Args:
        psnr_db: infinite where nothing differs.
        ssim: mean over pictures; NaN where none is large enough.
        max_error: largest absolute error, real values.
        temporal_error: see `vesalius.metrics.codec`; None where T is not time.
    """

    psnr_db: float
    ssim: float
    max_error: float
    temporal_error: float | None


class Point(_Model):
    """One file: a coder at one step of its ladder.

    Args:
        coder: name.
        step: step of the ladder, best first in a coder's own numbers.
        size_bytes: the whole file.
        ratio: 2 bytes x voxels over size.
        whole: measures of the whole field.
        heart: measures of the heart region, None without masks.
        encode_ms: wall milliseconds of encoding per picture.
        decode_ms: the same for decoding.
        judged: what the judge found in the restored scan, None without a judge.
    """

    coder: str
    step: float
    size_bytes: int
    ratio: float
    whole: Measures
    heart: Measures | None
    encode_ms: float
    decode_ms: float
    judged: Judgement | None = None


class Exact(_Model):
    """One lossless file, or the reason why there is none.

    Args:
        method: coder, or a general compressor such as "gzip-9".
        size_bytes: None where the method cannot hold the values.
        why_not: the reason then.
        encode_ms: wall milliseconds per picture; None for general compressors.
        decode_ms: the same for decoding.
    """

    method: str
    size_bytes: int | None
    why_not: str = ""
    encode_ms: float | None = None
    decode_ms: float | None = None


class FigureFile(_Model):
    """A picture of the folder `figures`."""

    file: str
    caption: str
    alt: str


class StudyResult(_Model):
    """Everything measured on one study.

    Args:
        data_set: name of its data set.
        name: its name there.
        shape: (C, T, I, J, K).
        voxels: product of the shape.
        source_bytes: the source file or folder.
        gzip6_bytes: gzip -6 of the plain 16-bit array, None where there is no such array.
        peak: p99.9 minus p0.1 of the real values.
        heart: (start, stop) along i, j, k of the heart region, or None.
        points: lossy files.
        exact: lossless files.
        pictures: drawn on the way.
        notes: what a careful reader should know.
        judged: what the judge found in the original, None without a judge.
    """

    data_set: str
    name: str
    shape: tuple[int, int, int, int, int]
    voxels: int
    source_bytes: int
    gzip6_bytes: int | None
    peak: float
    heart: tuple[tuple[int, int], tuple[int, int], tuple[int, int]] | None
    points: tuple[Point, ...]
    exact: tuple[Exact, ...]
    pictures: tuple[FigureFile, ...] = ()
    notes: tuple[str, ...] = ()
    judged: JudgedStudy | None = None

    def of(self, coder: str) -> list[Point]:
        """Points of one coder, best first."""
        return [point for point in self.points if point.coder == coder]

    def rows(self) -> list[dict[str, Cell]]:
        """Rows of `table.csv`, lossy files first."""
        return [self._lossy_row(point) for point in self.points] + [
            self._size_row(one.method, None, one.size_bytes, one.encode_ms, one.decode_ms) | self._judged(None)
            for one in self.exact
            if one.size_bytes is not None
        ]

    def _lossy_row(self, point: Point) -> dict[str, Cell]:
        row = self._size_row(point.coder, point.step, point.size_bytes, point.encode_ms, point.decode_ms)
        row |= point.whole.model_dump()
        if point.heart is not None:
            row |= {f"heart_{name}": value for name, value in point.heart.model_dump().items()}
        return row | self._judged(point.judged)

    def _judged(self, judgement: Judgement | None) -> dict[str, Cell]:
        """Of a lossless file (None): those of the original, which it equals."""
        return self.judged.cells(judgement or self.judged.original) if self.judged else {}

    def _size_row(
        self, name: str, step: float | None, size: int, encode_ms: float | None, decode_ms: float | None
    ) -> dict[str, Cell]:
        return {
            "data_set": self.data_set,
            "study": self.name,
            "coder": name,
            "step": "lossless" if step is None else step,
            "bytes": size,
            "ratio": 2 * self.voxels / size,
            "ratio_to_source": self.source_bytes / size,
            "ratio_to_gzip6": None if self.gzip6_bytes is None else self.gzip6_bytes / size,
            "bits_per_voxel": 8 * size / self.voxels,
            "encode_ms_per_frame": encode_ms,
            "decode_ms_per_frame": decode_ms,
        }
