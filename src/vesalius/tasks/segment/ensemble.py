"""Several segmentation models as one, such as the folds of a cross-validation.

Letters: N classes with the background first, I J K voxel axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vesalius.errors import UsageError
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.segmenter import Finder, Segmenter


class Ensemble(Finder):
    """The mean of the class probabilities of several models, each with its own preparation, net and windows.

    What is done with the mean is as the first model states: which pieces stay, the check, the cavity.

    Args:
        members: the models by name; they take the same images and find the same classes.

    Raises:
        UsageError: one takes other images, finds other classes, or writes them otherwise.
    """

    def __init__(self, members: Mapping[str, Segmenter]) -> None:
        (name, first), *others = members.items()
        for other_name, other in others:
            _check_alike(name, first, other_name, other)
        self.contract, self.settings, self.values = first.contract, first.settings, first.values
        self._members = tuple(members.values())

    @classmethod
    def from_pretrained(cls, folders: Sequence[str | Path], device: str | torch.device = "cpu") -> Ensemble:
        """Load models; each goes by its path. Raises as `Segmenter.from_pretrained`, and as the class does."""
        return cls({str(folder): Segmenter.from_pretrained(folder, device) for folder in folders})

    def probabilities(self, scans: Mapping[str, Scan], t: int = 0) -> NDArray[np.float32]:
        total_NIJK = self._members[0].probabilities(scans, t)
        for member in self._members[1:]:
            total_NIJK += member.probabilities(scans, t)
        total_NIJK /= len(self._members)
        return total_NIJK


def _check_alike(name: str, first: Segmenter, other_name: str, other: Segmenter) -> None:
    facts = zip(_facts(first).items(), _facts(other).values(), strict=True)
    for (what, of_first), of_other in facts:
        if of_first != of_other:
            fix = "average models of the same images and classes"
            raise UsageError(f"{what} {of_other}, those of {name} {of_first}", where=other_name, fix=fix)


def _facts(segmenter: Segmenter) -> dict[str, str]:
    """What models that are averaged must have in common, in words."""
    settings, contract = segmenter.settings, segmenter.contract
    return {
        "its classes are": ", ".join(f"{name} ({values[0]})" for name, values in settings.labels.items()),
        "its images are": ", ".join(contract.images),
        "its label maps are": settings.suffix,
        "its slices without a grid are": "resampled" if contract.prepare.resample else "refused",
    }
