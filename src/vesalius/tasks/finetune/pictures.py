"""Pictures for training: slices drawn from volumes, and labels from label maps.

Letters: B slices, C channel, J rows, I columns, N classes, L places row by row, H W places down and across.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vesalius.transforms.transform import Chain, Params, Sample


@dataclass(frozen=True)
class OneSlice:
    """Draws one slice of a volume, then augments it: from a sample of x_BCJI to one of x_CJI.

    Args:
        mask: name of the label map.
        share: of slices drawn among those that hold a label; the others are drawn among all.
        changes: augmentation of the slice.
    """

    mask: str
    share: float
    changes: Chain

    def draw(self, generator: np.random.Generator) -> Params:
        """Draw whether the slice holds a label, its number as a share, and the augmentation."""
        about, place = generator.random(2)
        return float(about), float(place), self.changes.draw(generator)

    def apply_to(self, sample: Sample, params: Params) -> Sample:
        """Return the slice, augmented."""
        about, place, changes = params
        chosen = np.arange(len(sample.image))
        if about < self.share:
            labelled = np.flatnonzero((sample.masks[self.mask] != 0).any(axis=(1, 2, 3)))
            chosen = labelled if len(labelled) else chosen
        number = chosen[int(place * len(chosen))]
        masks = {name: mask[number] for name, mask in sample.masks.items()}
        changed = self.changes.apply_to(Sample(sample.image[number], masks), changes)
        return replace(sample, image=changed.image, masks=changed.masks)


class MapLabels:
    """Labels of pictures and of places in them, from a label map.

    Args:
        values: class -> its values in the map.
        least: least pixels of a class that is present; fewer, but some: unknown (NaN).

    Example:
        >>> mask_BCJI = np.array([[[[1, 1], [2, 0]]]])
        >>> MapLabels({"any": [1, 2], "dark": [2]}, least=2).of_pictures(mask_BCJI).tolist()
        [[1.0, nan]]
    """

    def __init__(self, values: Mapping[str, Sequence[int]], least: int) -> None:
        self.names, self._least = tuple(values), least
        self._values = sorted({value for several in values.values() for value in several})
        belongs = [[value in several for several in values.values()] for value in self._values]
        self._belongs_VN = np.array(belongs, np.float32)

    def of_pictures(self, mask_BCJI: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return labels of whole pictures, shape (B, N)."""
        return _known(self._counts(mask_BCJI, mask_BCJI.shape[2:])[:, 0], self._least)

    def of_both(
        self, mask_BCJI: NDArray[np.integer], side: int, least: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return labels of whole pictures (B, N) and of squares in them (B, L, N), with their own `least`."""
        counts_BLN = self._counts(mask_BCJI, (side, side))
        return _known(counts_BLN.sum(axis=1), self._least), _known(counts_BLN, least)

    def _counts(self, mask_BCJI: NDArray[np.integer], size: tuple[int, ...]) -> NDArray[np.float32]:
        """Count the pixels of each class in each place of a size, shape (B, L, N)."""
        count, _, rows, columns = mask_BCJI.shape
        tall, wide = size
        squares = mask_BCJI[:, 0].reshape(count, rows // tall, tall, columns // wide, wide)
        each = [(squares == value).sum(axis=(2, 4), dtype=np.float32) for value in self._values]
        counts: NDArray[np.float32] = np.stack(each, axis=-1).reshape(count, -1, len(each)) @ self._belongs_VN
        return counts


def _known(counts: NDArray[np.float32], least: int) -> NDArray[np.float32]:
    return np.where(counts >= least, 1.0, np.where(counts > 0, np.nan, 0.0)).astype(np.float32)
