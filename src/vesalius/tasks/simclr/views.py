"""Two random views of a picture, or one fixed one. Letters: B pictures, V views, C channel, J rows, I columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vesalius.errors import UsageError
from vesalius.transforms.transform import Chain, Params, Sample


@dataclass(frozen=True)
class Views:
    """Changes a picture x_CJI several times, each time with other draws: x_VCJI.

    Args:
        changes: what one view is made by.
        count: number of views, V.
    """

    changes: Chain
    count: int = 2

    def draw(self, generator: np.random.Generator) -> Params:
        """Draw every view."""
        return tuple(self.changes.draw(generator) for _ in range(self.count))

    def apply_to(self, sample: Sample, params: Params) -> Sample:
        """Return the views, stacked.

        Raises:
            UsageError: they differ in size.
        """
        views = [self.changes.apply(sample.image, drawn) for drawn in params]
        if len({view.shape for view in views}) > 1:
            raise UsageError("the views of a picture differ in size", where="augment", fix="end with one size")
        return replace(sample, image=np.stack(views))
