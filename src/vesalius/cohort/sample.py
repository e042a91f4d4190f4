"""What the loader gives for a case, and what it asks of those who prepare and change arrays.

Letters: C channel; after it come the axes of the prepared image (J I, I J K or T I J K). N classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case, Fact
from vesalius.scan.scan import Scan


class Prepare(Protocol):
    """From the scans of a case to the arrays that are cached: orientation, spacing, window, size, nothing random.

    `sample` gets the images and the masks by name and gives a thing with `image` and `masks`, all of them arrays. The
    image may depend on nothing but the images, a mask on the images and itself: that is what they are cached by.
    `digest` names the work in keys of the cache: another configuration, another digest.
    """

    def sample(self, scans: Sequence[Scan], masks: Mapping[str, Scan], /) -> Any: ...

    def digest(self) -> str: ...


class Augment(Protocol):
    """A random change of an image and its masks, in the draw / apply form of `vesalius.transforms`.

    `draw` takes all randomness from the generator. `apply_to` gets a sample with `image`, `masks` and `facts`, gives a
    changed one and leaves the arrays that it got as they are (they are read-only).
    """

    def draw(self, generator: np.random.Generator) -> Any: ...

    def apply_to(self, sample: Any, params: Any) -> Any: ...


@dataclass(frozen=True, eq=False)
class Sample:
    """One case, loaded.

    Arrays are contiguous, writable and nobody else's, so `torch.from_numpy(sample.image)` is all that torch needs.

    Args:
        case: as the manifest says it.
        image: prepared and, where asked for, augmented; several images are its channels.
        labels_N: 0, 1 or a probability for each class of the loader, NaN where it is not known; float32.
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
        """Of the case."""
        return self.case.id

    @property
    def facts(self) -> Mapping[str, Fact]:
        """Of the case."""
        return self.case.facts

    @property
    def nbytes(self) -> int:
        """Of the image and the masks."""
        return self.image.nbytes + sum(mask.nbytes for mask in self.masks.values())


@dataclass(frozen=True)
class Problem:
    """A case that could not be loaded.

    Args:
        id: of the case.
        reason: one sentence.
    """

    id: str
    reason: str

    def __str__(self) -> str:
        return f"case {self.id}: {self.reason}"
