"""Random changes of a picture and of the places of its classes.

Places are shares: of each class, the part of a pixel that it covers. They are cut and resized as pictures are, so that
the border of a region is as fine in a small picture as in a large one.

Letters: C channel, M classes of the mask, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.tasks.generate.config import CropConfig
from vesalius.transforms.resize import resized
from vesalius.transforms.transform import Chain, Params, Sample, Sometimes, Transform

PLACES = "places"
"""Name of the shares among the masks of a sample."""
Shares = Callable[[NDArray[np.integer]], NDArray[np.float32]]
"""A label map (1, J, I) to shares (M, J, I)."""


@dataclass(frozen=True)
class Cuts:
    """A random box of the picture, resized, then further changes; the augmentation of the loader.

    Args:
        size: rows and columns of the result.
        crop: how large a box may be.
        changes: applied to the resized picture; those that move pixels move the places, too.
        shares: from the label map of a case to places; None: no masks.
        classes: number of classes; without a label map their places are empty.
        mask: name of the label map.
    """

    size: tuple[int, int]
    crop: CropConfig
    changes: Chain
    shares: Shares | None
    classes: int
    mask: str

    def draw(self, generator: np.random.Generator) -> Params:
        """Return (share of the area, shares of the way along J and I), and the parameters of the changes."""
        area = float(generator.uniform(*self.crop.area))
        return (area, *map(float, generator.random(2))), self.changes.draw(generator)

    def apply_to(self, sample: Sample, params: Params) -> Sample:
        box, drawn = params
        picture = self._cut(sample.image, box)
        places = np.zeros((self.classes, *self.size), np.float32)
        if self.shares is not None and self.mask in sample.masks:
            places = self._cut(self.shares(sample.masks[self.mask]), box)
        for transform, parameters in zip(self.changes.transforms, drawn, strict=True):
            picture = transform.apply(picture, parameters)
            if self.classes and moves(transform):
                places = transform.apply(places, parameters)
        masks = {PLACES: np.clip(places, 0, 1)} if self.classes else {}
        return replace(sample, image=np.asarray(picture, np.float32), masks=masks)

    def middle(self, sample: Sample) -> Sample:
        """Return the largest box about the middle, without any random change."""
        unchanged = replace(self, changes=Chain(transforms=()))
        return unchanged.apply_to(sample, ((self.crop.area[1], 0.5, 0.5), ()))

    def _cut(self, x: NDArray[Any], box: tuple[float, float, float]) -> NDArray[np.float32]:
        area, down, right = box
        rows, columns = x.shape[1:]
        scale = min(rows / self.size[0], columns / self.size[1]) * area**0.5
        tall, wide = (max(1, round(side * scale)) for side in self.size)
        top, left = round(down * (rows - tall)), round(right * (columns - wide))
        part = np.ascontiguousarray(x[:, top : top + tall, left : left + wide], np.float32)
        return np.asarray(resized(part, list(self.size), self.crop.kernel), np.float32)


def moves(transform: Transform) -> bool:
    """Whether a transform moves pixels, and not only changes their values.

    Example:
        >>> from vesalius.transforms.spatial import Flip
        >>> moves(Flip()), moves(Sometimes(p=0.5, transform={"name": "blur"}))
        (True, False)
    """
    if isinstance(transform, Sometimes):
        return moves(transform.transform)
    if isinstance(transform, Chain):
        return any(map(moves, transform.transforms))
    return type(transform).apply_mask is not Transform.apply_mask
