"""Results of the loader for a case: its arrays, or the problem that prevented loading.

Letters: C channel; after it come the axes of the prepared image (J I, I J K or T I J K). N classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case with its arrays.

    Arrays are contiguous, writable and shared with no other object, so `torch.from_numpy(loaded.image)` is all that
    torch needs.

    Args:
        case: the case of the manifest.
        image: the prepared and, where the loader augments, augmented image; several images are its channels.
        labels_N: 0, 1 or a probability for each class of the loader, NaN where unknown; float32.
        key: 64 hexadecimal digits for the content of the image files and their preparation (not the augmentation).
        masks: label maps by name.
    """

    case: Case
    image: NDArray[Any]
    labels_N: NDArray[np.float32]
    key: str
    masks: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Id of the case."""
        return self.case.id

    @property
    def nbytes(self) -> int:
        """Bytes of the image and the masks."""
        return self.image.nbytes + sum(mask.nbytes for mask in self.masks.values())


@dataclass(frozen=True)
class Problem:
    """A case that could not be loaded.

    Args:
        id: id of the case.
        reason: one sentence.
    """

    id: str
    reason: str

    def __str__(self) -> str:
        return f"case {self.id}: {self.reason}"
