"""What the third axis of a volume is: depth, or the frames of one slice of a cine.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from vesalius.transforms.transform import Chain, Params, Sample

Third = Literal["depth", "time"]


@dataclass(frozen=True)
class ThirdAxis:
    """Changes a volume x_CIJK; of a cine x_CTIJK a random slice becomes the volume x_CIJT first.

    Args:
        third: "depth" or "time".
        changes: of the volume.
        middle: take the middle slice, and change nothing at random that `changes` does not.
    """

    third: Third
    changes: Chain
    middle: bool = False

    def draw(self, generator: np.random.Generator) -> Params:
        """Return a share of the depth, and the draws of the changes."""
        share = 0.5 if self.middle else float(generator.random())
        return share, self.changes.draw(generator)

    def apply_to(self, sample: Sample, params: Params) -> Sample:
        """Return the changed volume."""
        share, drawn = params
        if self.third == "time":
            x_CTIJK = sample.image
            slices = x_CTIJK.shape[4]
            x_CTIJ = x_CTIJK[..., min(int(share * slices), slices - 1)]
            sample = replace(sample, image=np.ascontiguousarray(x_CTIJ.transpose(0, 2, 3, 1)))
        return replace(sample, image=np.ascontiguousarray(self.changes.apply(sample.image, drawn)))
