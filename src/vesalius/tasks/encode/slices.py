"""Which slices of a scan an encoder takes, and how they are prepared for it.

Letters: B slices, C channel, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.config import Config
from vesalius.errors import UsageError
from vesalius.progress import count
from vesalius.scan.scan import Scan
from vesalius.tasks.encode.options import SLICE_HELP, EmbedOptions
from vesalius.transforms.prepare import Prepare
from vesalius.transforms.transform import Chain, Sample, digest_of


class SliceConfig(Config):
    """Choice of slices. Those that are almost only air are left out first; stride and most count what remains.

    A scan of which nothing would remain, e.g. a lone slice beside the head, keeps all its slices, so every study has at
    least one vector; plausibility is checked elsewhere.

    Example:
        >>> SliceConfig(stride=2, most=2).spread(np.arange(12)).tolist()
        [2, 8]
    """

    stride: int = Field(default=1, ge=1, description=SLICE_HELP["stride"])
    most: int = Field(default=0, ge=0, description=SLICE_HELP["most"])
    least_body: float = Field(default=0.0, ge=0, lt=1, description=SLICE_HELP["least_body"])
    body_above: float = Field(default=-500.0, allow_inf_nan=False, description=SLICE_HELP["body_above"])

    @classmethod
    def of(cls, options: EmbedOptions) -> SliceConfig:
        """Return the choice of slices that options of `vesalius embed` state.

        Raises:
            ConfigError: a number that cannot be.
        """
        return cls.build(**{name: getattr(options, name) for name in SLICE_HELP})

    def chosen(self, slices: Slices) -> NDArray[np.int64]:
        """Return the numbers (from 0, rising) of the slices to use."""
        return self.of_values(slices.values_BCJI)

    def of_values(self, values_BCJI: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the numbers of the pictures to use, given their real values."""
        return self.spread(self._with_body(values_BCJI))

    def spread(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Apply `stride` and `most` to slice numbers."""
        numbers = numbers[:: self.stride]
        if not self.most or len(numbers) <= self.most:
            return numbers
        ends = np.linspace(0, len(numbers), self.most + 1)
        return numbers[((ends[:-1] + ends[1:]) / 2).astype(np.int64)]

    def _with_body(self, values_BCJI: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the numbers of slices that show enough of the body in any channel; all where none does."""
        everything = np.arange(len(values_BCJI), dtype=np.int64)
        if not self.least_body:
            return everything
        least = self.least_body * values_BCJI[0, 0].size
        shows_body = [any(np.count_nonzero(x_JI > self.body_above) >= least for x_JI in x_CJI) for x_CJI in values_BCJI]
        return everything[shows_body] if any(shows_body) else everything

    def digest(self) -> str:
        """64 hexadecimal digits that change with every value."""
        return digest_of(self)


@dataclass(frozen=True, eq=False)
class Slices:
    """The slices of a scan, from below upwards where the plane is axial; of several frames, those of each in turn.

    Args:
        values_BCJI: real values of all slices (HU), before the steps of the preparation.
        prepare: preparation of each slice.
        frames: number of frames.
    """

    values_BCJI: NDArray[np.float32]
    prepare: Prepare
    frames: int = 1

    @classmethod
    def of(cls, scans: Scan | Sequence[Scan], prepare: Prepare) -> Slices:
        """Return the slices of a scan of one frame, or of several scans on one grid whose channels are joined.

        Raises:
            GeometryError: the plane of the pictures cannot be found.
            UsageError: a preparation of volumes, a scan of several frames, or values that are no image.
        """
        _check_layout(prepare)
        first = scans if isinstance(scans, Scan) else scans[0]
        if first.shape[1] > 1:
            raise UsageError(f"the scan has {first.shape[1]} frames, a study of slices has one", fix="give one frame")
        return cls.of_frames(scans, prepare)

    @classmethod
    def of_frames(cls, scans: Scan | Sequence[Scan], prepare: Prepare) -> Slices:
        """Return the slices of every frame. Raises as `of` does, but takes several frames."""
        _check_layout(prepare)
        whole = prepare.model_copy(update={"layout": "BCJI", "steps": ()})
        first = scans if isinstance(scans, Scan) else scans[0]
        return cls(whole(scans), prepare, first.shape[1])

    def __len__(self) -> int:
        return len(self.values_BCJI)

    def prepared(self, numbers: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float32]:
        """Return some slices as the encoder takes them, x_BCJI.

        Raises:
            UsageError: a step does not fit, or gives pictures of different sizes.
        """
        chain = Chain(transforms=self.prepare.steps)
        pictures = [chain.apply(self.values_BCJI[number]) for number in numbers]
        if len({picture.shape for picture in pictures}) > 1:
            raise UsageError("the slices came out in different sizes", fix="end with a fixed size, e.g. resize")
        return np.ascontiguousarray(np.stack(pictures), dtype=np.float32)

    def covered(self, number: int) -> tuple[float, float, float, float]:
        """Return the part of a slice that the encoder sees: (top, bottom, left, right) edges in pixels of the slice.

        A resized slice is covered from -0.5 to its number of rows - 0.5; cropped it is less, padded more.

        Raises:
            UsageError: a step does not fit.
        """
        picture = self.values_BCJI[number]
        rows_JI, columns_JI = np.indices(picture.shape[1:], np.int16) + 1  # 0 is where it was padded
        masks = {"rows": rows_JI[None], "columns": columns_JI[None]}
        seen = Chain(transforms=self.prepare.steps).apply_to(Sample(picture, masks)).masks
        return (*_edges(seen["rows"][0].max(axis=1)), *_edges(seen["columns"][0].max(axis=0)))

    def batches(self, numbers: NDArray[np.int64], size: int) -> Iterator[NDArray[np.float32]]:
        """x_BCJI of at most `size` slices each."""
        for start in range(0, len(numbers), size):
            yield self.prepared(numbers[start : start + size])
            count(min(start + size, len(numbers)), len(numbers), "slices")


def _check_layout(prepare: Prepare) -> None:
    if prepare.layout not in ("BCJI", "CJI"):
        what = f"a preparation with the layout {prepare.layout} makes no slices"
        raise UsageError(what, fix="name an encoder of pictures")


def _edges(numbers: NDArray[np.int16]) -> tuple[float, float]:
    """Edges of a line of pixels, given the slice pixel that each shows (from 1; 0 is padding)."""
    there = np.flatnonzero(numbers)
    if len(there) < 2:
        return -0.5, float(numbers.max()) - 0.5
    step, first = np.polyfit(there, numbers[there] - 1.0, 1)
    return float(first - step / 2), float(first + step * (len(numbers) - 0.5))
