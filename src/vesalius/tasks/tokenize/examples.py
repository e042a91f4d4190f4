"""Examples for a tokenizer: a frame, a slice over its cycle, or a stack of slices, cut out of a scan over time.

Letters: C channel, T time, I J K voxel axes of a scan; an example is x_KTJI: K slices, T frames, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vesalius.codec.still import decoded_mean
from vesalius.config import Config
from vesalius.errors import UsageError
from vesalius.tasks.tokenize.hearts import LabelBox, box_of
from vesalius.tasks.tokenize.still import Still
from vesalius.transforms.crop import CenterCrop, CenterPad, cut
from vesalius.transforms.resize import Frames
from vesalius.transforms.transform import Chain, Params, Sample

MEAN = "mean"
"""Name under which an example holds the decoded mean of its slices over time, mean_KJI."""
Positive = Annotated[int, Field(ge=1)]
_PLACES = 5


class ExampleConfig(Config):
    """What one example is."""

    span: Literal["frame", "slice", "study"] = Field(
        default="slice", description="a single frame, a slice over its cycle, or a stack of slices over theirs"
    )
    slices: int | None = Field(
        default=None, ge=1, description="slices of a stack, evenly chosen; none: all of the scan, or of its labels"
    )
    frames: int | None = Field(
        default=None, ge=1, description="frames of a cycle, resampled evenly; none: those of the scan"
    )
    size: tuple[Positive, Positive] | None = Field(
        default=None, description="rows and columns, cut out or padded; none: the whole field"
    )
    about_labels: float = Field(
        default=0.0, ge=0, le=1, description="share of the examples around the labels; they are in their slices"
    )
    margin: int = Field(default=0, ge=0, description="voxels on each side that are cut off after the augmentation")

    def of_scan(self, x_CTIJK: NDArray[np.float32], facts: Mapping[str, Any]) -> list[NDArray[np.float32]]:
        """Return examples x_KTJI of a prepared scan without randomness: every slice once, around its labels if known.

        Raises:
            UsageError: an image of several channels.
        """
        box = box_of(facts, x_CTIJK.shape[2:]) if self.about_labels else None
        slices = range(x_CTIJK.shape[4]) if box is None else range(*box.k)
        stacks = [self._stack(slices)] if self.span == "study" else [(k,) for k in slices]
        frame = x_CTIJK.shape[1] // 3  # near the smallest ventricle of most cycles
        middle = tuple(size / 2 for size in x_CTIJK.shape[2:4]) if box is None else box.middle
        return [self._example(x_CTIJK, stack, frame, middle, None) for stack in stacks]

    def _stack(self, slices: range) -> tuple[int, ...]:
        if self.slices is None:
            return tuple(slices)
        return tuple(slices[round(place)] for place in np.linspace(0, len(slices) - 1, self.slices))

    def _example(
        self,
        x_CTIJK: NDArray[np.float32],
        stack: tuple[int, ...],
        frame: int,
        middle: tuple[float, float],
        changes: tuple[Chain, Params] | None,
    ) -> NDArray[np.float32]:
        """Cut slices out about a place (I, J), change them, and bring them to the size of the configuration."""
        if len(x_CTIJK) != 1:
            raise UsageError(f"an image of {len(x_CTIJK)} channels was given, a tokenizer takes one")
        x = x_CTIJK[..., list(stack)]
        if self.span == "frame":
            x = x[:, frame : frame + 1]
        if self.size is not None:
            margin = self.margin if changes is not None else 0
            wanted = [self.size[1] + 2 * margin, self.size[0] + 2 * margin]
            x = CenterPad(size=(None, *wanted, None)).apply(x)
            pads = [max(0, size - old) // 2 for size, old in zip(wanted, x_CTIJK.shape[2:4], strict=True)]
            firsts = [
                min(max(0, round(place + pad - size / 2)), room - size)
                for place, pad, size, room in zip(middle, pads, wanted, x.shape[2:4], strict=True)
            ]
            x = cut(x, [0, *firsts, 0], [x.shape[1], *wanted, x.shape[4]])
        if changes is not None:
            x = changes[0].apply(x, changes[1])
        if self.size is not None:
            x = CenterCrop(size=(None, self.size[1], self.size[0], None)).apply(x)
        if self.frames is not None and self.span != "frame":
            x = Frames(count=self.frames).apply(x)
        return np.ascontiguousarray(x[0].transpose(3, 0, 2, 1).clip(0, 1), np.float32)


@dataclass(frozen=True)
class Examples:
    """Cuts a random example out of a scan x_CTIJK and changes it: x_KTJI, with its decoded mean where one is wanted.

    Args:
        config: what an example is.
        changes: random changes of x_CTIJK, before the example is cut to its size.
        still: how the mean over time is coded; None: no mean is made.
    """

    config: ExampleConfig
    changes: Chain = field(default_factory=lambda: Chain(transforms=()))
    still: Still | None = None

    def draw(self, generator: np.random.Generator) -> Params:
        """Draw a place, the changes and the quality of the mean."""
        places = tuple(float(share) for share in generator.random(_PLACES))
        changes = self.changes.draw(generator)
        return places, changes, None if self.still is None else self.still.draw(generator)

    def apply_to(self, sample: Sample, params: Params) -> Sample:
        """Return the example.

        Raises:
            UsageError: an image of several channels.
        """
        (about, along_k, at_frame, along_i, along_j), changes, quality = params
        config, x_CTIJK = self.config, sample.image
        box = box_of(sample.facts, x_CTIJK.shape[2:]) if about < config.about_labels else None
        if box is None:
            box = LabelBox(*((0, size) for size in x_CTIJK.shape[2:]))
            middle = (_between(along_i, box.i), _between(along_j, box.j))
        else:
            middle = box.middle
        slices = range(*box.k)
        stack = config._stack(slices) if config.span == "study" else (slices[int(along_k * len(slices))],)
        frame = int(at_frame * x_CTIJK.shape[1])
        example_KTJI = config._example(x_CTIJK, stack, frame, middle, (self.changes, changes))
        means = {} if self.still is None else {MEAN: decoded_mean(example_KTJI.mean(1), quality)}
        return replace(sample, image=example_KTJI, masks=means)


def _between(share: float, ends: tuple[int, int]) -> float:
    return ends[0] + share * (ends[1] - ends[0])
