"""What the third axis of a volume is: depth, or the frames of one slice of a cine.

Letters: C channel, T time, I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import MASK
from vesalius.errors import UsageError
from vesalius.transforms.transform import Chain, Params, Sample

Third = Literal["depth", "time"]
NO_LABEL = int(np.iinfo(np.int16).min)
"""Value of a label map on frames without labels."""


@dataclass(frozen=True)
class ThirdAxis:
    """Changes a volume x_CIJK; of a cine x_CTIJK a random slice becomes the volume x_CIJT first.

    Label maps of single frames become one map "mask" of the slice, (1, I, J, T), with NO_LABEL on all other frames.

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
        """Return the changed volume.

        Raises:
            UsageError: a scan without time where time is the third axis.
        """
        share, drawn = params
        if self.third == "time":
            _check_moves(sample.image)
            slices = sample.image.shape[4]
            sample = over_time(sample, min(int(share * slices), slices - 1))
        changed = self.changes.apply_to(sample, drawn)
        masks = {name: np.ascontiguousarray(mask) for name, mask in changed.masks.items()}
        return replace(changed, image=np.ascontiguousarray(changed.image), masks=masks)


def over_time(sample: Sample, k: int) -> Sample:
    """Return slice `k` of a cine with all its frames as a volume x_CIJT.

    Raises:
        UsageError: a label map that lies on no frame.
    """
    x_CTIJ = sample.image[..., k]
    image = np.ascontiguousarray(x_CTIJ.transpose(0, 2, 3, 1))
    if not sample.masks:
        return replace(sample, image=image)
    maps = {name: mask[0, :, :, :, k] for name, mask in sample.masks.items()}
    return replace(sample, image=image, masks={MASK: _labels(maps, sample.frames, image.shape[1:])[None]})


def _check_moves(x_CTIJK: NDArray[Any]) -> None:
    """Raise UsageError where all frames are equal: a static scan, whose one frame the preparation may have repeated."""
    first = x_CTIJK[:, :1]
    if all((x_CTIJK[:, part] == first).all() for part in (slice(-1, None), slice(None))):
        what = "all frames are equal, so there is no time to learn from"
        raise UsageError(what, where="data.third", fix="give cines, or set it to depth for static scans")


def _labels(maps_TIJ: Mapping[str, Any], frames: Mapping[str, int], shape: tuple[int, ...]) -> NDArray[np.int16]:
    labels_IJT = np.full(shape, NO_LABEL, np.int16)
    for name, map_TIJ in maps_TIJ.items():
        if len(map_TIJ) > 1 and name in frames:
            what = f"mask {name!r} lies on frame {frames[name]} and has {len(map_TIJ)} frames once prepared"
            raise UsageError(
                what, fix="give a map of that frame, and leave out steps of prepare that change the frames"
            )
        if len(map_TIJ) == shape[2]:
            labels_IJT[...] = map_TIJ.transpose(1, 2, 0)
        elif len(map_TIJ) == 1 and frames.get(name, shape[2]) < shape[2]:
            labels_IJT[..., frames[name]] = map_TIJ[0]
        else:
            stated = f"frame {frames[name]} (from 0) is named" if name in frames else "no frame is named"
            what = f"mask {name!r} has {len(map_TIJ)} frames and the cine {shape[2]}, and {stated} for it"
            raise UsageError(what, fix="state the frame under frames of the case")
    return labels_IJT
