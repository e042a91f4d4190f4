"""What was measured on one study, as `measured/*.json` keeps it while an evaluation runs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from vesalius.metrics.cardiac import Pumping, ef_doubts
from vesalius.report.page import Figure, Viewer
from vesalius.report.table import Cell

COLUMNS = (
    "data_set", "study", "coder", "step", "tokens", "bytes", "tier_bytes", "bytes_per_frame", "tier_bytes_per_frame",
    "ratio", "ratio_to_source", "ratio_to_gzip6", "bits_per_voxel",
    "psnr_db", "ssim", "max_error", "temporal_error",
    "heart_psnr_db", "heart_ssim", "heart_max_error", "heart_temporal_error",
    "encode_ms_per_frame", "decode_ms_per_frame",
)  # fmt: skip
"""Header of `table.csv`; `judge_columns` follow where a judge took part."""
FramesFrom = Literal["Info.cfg", "the manifest", "masks", "judge"]
_VOLUMES = (("edv", "ml"), ("esv", "ml"), ("ef", "percent"))


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="strings")


class Judgement(_Model):
    """The judge's masks of one scan, original or restored, measured.

    Args:
        dice: class -> "ED" / "ES" -> Dice with the reference mask; only classes that the mask of the frame holds.
        agreement: the same with the judge's own masks of the original; only classes that one of the two holds.
        edv_ml: of the cavity; None without a cavity or a known voxel size.
        esv_ml: the same.
        ef_percent: None where a frame has no cavity.
        in_pieces: "ED", "ES" where the cavity has several large pieces.

    Example:
        >>> dice = {"LV": {"ED": 0.92, "ES": 0.88}}
        >>> Judgement(dice=dice, agreement={}, edv_ml=120.0, esv_ml=50.0, ef_percent=58.3).words
        ', Dice 0.900'
    """

    dice: dict[str, dict[str, float]]
    agreement: dict[str, dict[str, float]]
    edv_ml: float | None
    esv_ml: float | None
    ef_percent: float | None
    in_pieces: tuple[str, ...] = ()

    @property
    def doubts(self) -> list[str]:
        """Reasons why these masks cannot show a heart."""
        pieces = [f"the cavity is in several pieces at {phase}" for phase in self.in_pieces]
        return [*_pump_doubts(self.edv_ml, self.esv_ml, self.ef_percent), *pieces]

    @property
    def words(self) -> str:
        """The end of a progress line."""
        name, overlaps = ("Dice", self.dice) if self.dice else ("agreement", self.agreement)
        mean = mean_of(mean_by_class(overlaps))
        return "" if mean is None else f", {name} {mean:.3f}"


class JudgedStudy(_Model):
    """What the judge found in the original, and what readers drew.

    Args:
        ed: frame of end-diastole, from 0.
        es: frame of end-systole, from 0.
        frames_from: how the two are known.
        classes: measured classes, in the order of the judge.
        original: the judge on the original: its ceiling.
        masks_edv_ml: of the cavity in the reference masks; None without a mask.
        masks_esv_ml: the same.
        masks_ef_percent: the same.
    """

    ed: int
    es: int
    frames_from: FramesFrom
    classes: tuple[str, ...]
    original: Judgement
    masks_edv_ml: float | None = None
    masks_esv_ml: float | None = None
    masks_ef_percent: float | None = None

    @property
    def masks_doubts(self) -> list[str]:
        """Reasons why the reference masks cannot show a heart."""
        return _pump_doubts(self.masks_edv_ml, self.masks_esv_ml, self.masks_ef_percent)

    @property
    def has_masks(self) -> bool:
        """True where Dice with reference masks is known."""
        return bool(self.original.dice)

    def cells(self, judgement: Judgement) -> dict[str, Cell]:
        """The columns of one file of this study in `table.csv`."""
        row: dict[str, Cell] = {}
        ceiling, dice = mean_by_class(self.original.dice), mean_by_class(judgement.dice)
        agreement = mean_by_class(judgement.agreement)
        for name in self.classes:
            row[f"judge_dice_{name}"] = dice.get(name)
            row[f"judge_dice_delta_{name}"] = difference(dice.get(name), ceiling.get(name))
            row[f"judge_agreement_{name}"] = agreement.get(name)
        for name, unit in _VOLUMES:
            value = getattr(judgement, f"{name}_{unit}")
            row[f"judge_{name}_{unit}"] = value
            row[f"judge_{name}_delta_{unit}"] = difference(value, getattr(self.original, f"{name}_{unit}"))
        return row


class Measures(_Model):
    """How far one region of a restored scan is from the original; all frames; errors in real values.

    Args:
        psnr_db: infinite where nothing differs.
        ssim: mean over pictures; NaN where none is large enough.
        max_error: the largest absolute one.
        temporal_error: see `vesalius.metrics.codec`; None where T is not time.
    """

    psnr_db: float
    ssim: float
    max_error: float
    temporal_error: float | None


class Point(_Model):
    """One lossy file: a coder at one step of its ladder.

    Args:
        coder: name.
        step: in the coder's own numbers.
        size_bytes: the whole file.
        tier_bytes: of the tier as it stands in the file: payload and heads of its chunks.
        ratio: 2 bytes x voxels over size.
        whole: measures of the whole field.
        heart: measures of the heart region, None without masks.
        encode_ms: wall milliseconds per picture.
        decode_ms: wall milliseconds per picture.
        judged: what the judge found in the restored scan, None without a judge.
        tokens: how many the file holds; None for a coder without tokens.
    """

    coder: str
    step: float
    size_bytes: int
    tier_bytes: int
    ratio: float
    whole: Measures
    heart: Measures | None
    encode_ms: float
    decode_ms: float
    judged: Judgement | None = None
    tokens: int | None = None


class Exact(_Model):
    """One lossless file, or the reason why the method cannot write one.

    Args:
        method: coder, or a general-purpose compressor such as "gzip-9".
        size_bytes: None where the method cannot hold the values.
        tier_bytes: of the tier in a `.vsl` file; None for general-purpose compressors.
        why_not: the reason then.
        encode_ms: wall milliseconds per picture; None for general-purpose compressors.
        decode_ms: the same of decoding.
    """

    method: str
    size_bytes: int | None
    tier_bytes: int | None = None
    why_not: str = ""
    encode_ms: float | None = None
    decode_ms: float | None = None


class StudyResult(_Model):
    """Everything measured on one study: its lossy files (points), lossless files, pictures, caveats (notes).

    Args:
        data_set: name of its data set.
        name: its name there.
        shape: (C, T, I, J, K).
        voxels: product of the shape.
        source_bytes: the source file or folder.
        gzip6_bytes: gzip -6 of the plain 16-bit array, None where the values do not fit 16 bits.
        peak: p99.9 minus p0.1 of the real values.
        heart: (start, stop) along i, j, k of the heart region, or None.
        points: by coder, best first.
        exact: by method.
        pictures: empty but for the first study of a data set.
        viewer: the same, to look through; None of a single picture, too.
        notes: one sentence each.
        judged: what the judge found in the original, None without a judge.
    """

    data_set: str
    name: str
    shape: tuple[int, int, int, int, int]
    voxels: int
    source_bytes: int
    gzip6_bytes: int | None
    peak: float
    heart: tuple[tuple[int, int], ...] | None
    points: tuple[Point, ...]
    exact: tuple[Exact, ...]
    pictures: tuple[Figure, ...] = ()
    viewer: Viewer | None = None
    notes: tuple[str, ...] = ()
    judged: JudgedStudy | None = None

    @property
    def files(self) -> list[str]:
        """Names of its pictures in the folder `figures`."""
        seen = [] if self.viewer is None else [self.viewer.still, *self.viewer.sheets]
        return [picture.file for picture in self.pictures] + seen

    @property
    def frames(self) -> int:
        """Number of 2D pictures: channels x frames x slices."""
        c, t, _, _, k = self.shape
        return c * t * k

    def of(self, coder: str) -> list[Point]:
        """Points of one coder, best first."""
        return [point for point in self.points if point.coder == coder]

    def rows(self) -> list[dict[str, Cell]]:
        """Rows of `table.csv`, lossy files first."""
        exact = [self._row(file, file.size_bytes) for file in self.exact if file.size_bytes is not None]
        return [self._row(file, file.size_bytes) for file in self.points] + exact

    def _row(self, file: Point | Exact, size: int) -> dict[str, Cell]:
        row: dict[str, Cell] = {
            "data_set": self.data_set,
            "study": self.name,
            "bytes": size,
            "tier_bytes": file.tier_bytes,
            "bytes_per_frame": size / self.frames,
            "tier_bytes_per_frame": None if file.tier_bytes is None else file.tier_bytes / self.frames,
            "ratio": 2 * self.voxels / size,
            "ratio_to_source": self.source_bytes / size,
            "ratio_to_gzip6": None if self.gzip6_bytes is None else self.gzip6_bytes / size,
            "bits_per_voxel": 8 * size / self.voxels,
            "encode_ms_per_frame": file.encode_ms,
            "decode_ms_per_frame": file.decode_ms,
        }
        if isinstance(file, Exact):
            row |= {"coder": file.method, "step": "lossless"}
        else:
            row |= {"coder": file.coder, "step": file.step, "tokens": file.tokens, **file.whole.model_dump()}
            row |= {f"heart_{name}": value for name, value in (file.heart.model_dump() if file.heart else {}).items()}
        if self.judged is not None:  # a lossless file equals the original
            judgement = file.judged if isinstance(file, Point) else None
            row |= self.judged.cells(judgement or self.judged.original)
        return row


def judge_columns(studies: Iterable[JudgedStudy | None]) -> tuple[str, ...]:
    """Columns that judged studies add to `table.csv`; empty without any."""
    judged = [study for study in studies if study is not None]
    return tuple(dict.fromkeys(name for study in judged for name in study.cells(study.original)))


def mean_by_class(overlaps: dict[str, dict[str, float]]) -> dict[str, float]:
    """Class -> mean over its frames."""
    return {name: math.fsum(by_frame.values()) / len(by_frame) for name, by_frame in overlaps.items() if by_frame}


def mean_of(values: dict[str, float]) -> float | None:
    """Mean over classes; None without any."""
    return math.fsum(values.values()) / len(values) if values else None


def difference(minuend: float | None, subtrahend: float | None) -> float | None:
    """The difference of two values; None where either is unknown.

    Example:
        >>> difference(3.0, 1.0), difference(None, 1.0)
        (2.0, None)
    """
    return None if minuend is None or subtrahend is None else minuend - subtrahend


def _pump_doubts(edv_ml: float | None, esv_ml: float | None, ef_percent: float | None) -> list[str]:
    """Implausible among the known of these."""
    if edv_ml and esv_ml is not None:
        return list(Pumping(edv_ml, esv_ml).doubts)
    return [] if ef_percent is None else list(ef_doubts(ef_percent))
