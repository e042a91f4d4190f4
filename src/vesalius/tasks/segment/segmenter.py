"""A trained segmentation model: from scans to label maps on the grid of the scans.

Letters: C channel, T time, I J K voxel axes, N classes with the background first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.cohort.case import IMAGE
from vesalius.errors import InputError, UsageError
from vesalius.scan.intensity import Intensity
from vesalius.scan.part import part
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.resample import onto, to_grid
from vesalius.scan.scan import Scan
from vesalius.tasks.segment.config import InferConfig, Patch, SegmentSettings
from vesalius.tasks.segment.labels import LabelValues, largest_pieces, organ_pieces, walled
from vesalius.tasks.segment.parts import whole
from vesalius.transforms.contract import InputContract, read_contract
from vesalius.weights.saved import Pretrained, from_pretrained


class Finder(ABC):
    """What finds the classes of a task "segment" on the grid of the scans: a model, or several together."""

    contract: InputContract
    """The input that it takes."""
    settings: SegmentSettings
    values: LabelValues

    def __call__(self, scans: Scan | Mapping[str, Scan]) -> Scan:
        """Label map of all frames of a scan, or of several images of one study by name, on the grid of the first image.

        A scan whose slices lie on no grid needs a contract that resamples; its map lies on the new grid.

        Raises:
            InputError: an image is missing, or there are more or fewer channels than the model takes.
            GeometryError: there is no grid where one is needed.
            UsageError: values that are no image.
        """
        by_name = {IMAGE: scans} if isinstance(scans, Scan) else dict(scans)
        first = self.contract.ordered(by_name)[0]
        target = to_grid(first) if self.contract.prepare.resample and first.grid_problem else first
        frames = [self.classes(by_name, t) for t in range(first.shape[1])]
        array = self.values.written(np.stack(frames))[None]
        return replace(
            target,
            pixels=ArrayPixels(array),
            intensity=Intensity(),
            modality="SEG",
            colour="grey",
            problems=(),
            native=None,
        )

    def classes(self, scans: Mapping[str, Scan], t: int = 0) -> NDArray[np.integer]:
        """Class numbers of one frame on the grid of the first image, shape (I, J, K). Raises as `__call__`."""
        classes_IJK: NDArray[np.integer] = self.probabilities(scans, t).argmax(0)
        infer, number_of = self.settings.infer, {name: 1 + place for place, name in enumerate(self.values.names)}
        classes_IJK = organ_pieces(classes_IJK, [number_of[name] for name in infer.organ])
        for cavity, wall in infer.walls.items():
            classes_IJK = walled(classes_IJK, number_of[cavity], number_of[wall])
        return largest_pieces(classes_IJK, [number_of[name] for name in infer.largest])

    @abstractmethod
    def probabilities(self, scans: Mapping[str, Scan], t: int = 0) -> NDArray[np.float32]:
        """Class probabilities of one frame on the grid of the first image, shape (N, I, J, K). Raises as `__call__`."""


class Segmenter(Finder):
    """A model of the task "segment".

    Args:
        model: net and settings.
        contract: the input that it takes.
        device: device of the net.
    """

    def __init__(self, model: Pretrained, contract: InputContract, device: str | torch.device = "cpu") -> None:
        self.contract = contract
        self.settings = SegmentSettings.parse(model.config.settings, where=model.folder)
        self.values = LabelValues(self.settings.labels, map_values=self.settings.map_values)
        self.device = torch.device(device)
        config, net = whole(model)
        self._inputs, self._net = config.inputs, net.to(self.device)

    @classmethod
    def from_pretrained(cls, name: str | Path, device: str | torch.device = "cpu") -> Segmenter:
        """Load a model folder, a run folder or a model of the zoo.

        Raises:
            InputError: no such model, or one for another job.
            CorruptFileError: it is damaged, or its parts do not fit each other.
        """
        model = from_pretrained(name, "segment")
        return cls(model, read_contract(model.folder), device)

    def probabilities(self, scans: Mapping[str, Scan], t: int = 0) -> NDArray[np.float32]:
        ordered = [part(scan, t=t) for scan in self.contract.ordered(scans)]
        prepare, settings, first = self.contract.prepare, self.settings, ordered[0]
        x_CIJK = prepare(ordered)
        placed = prepare.placed(first)
        if x_CIJK.shape[1:] != placed.shape[2:]:
            raise UsageError("the preparation changes the size of the image, so no map can be laid back onto it")
        if self._inputs not in (None, len(x_CIJK)):
            what = f"the scan has {len(x_CIJK)} channels once prepared, the model takes {self._inputs}"
            raise InputError(what, fix="give a scan of the kind that the model was trained on")
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            p = probabilities(self._net, torch.from_numpy(x_CIJK).to(self.device), settings.patch, settings.infer)
        p_NIJK: NDArray[np.float32] = p.cpu().numpy()
        target = to_grid(first) if prepare.resample and first.grid_problem else first
        if placed.grid_problem is None:
            i, j, k = target.shape[2:]
            p_NIJK = onto(p_NIJK, placed.affine, (i, j, k), target.affine)
        return p_NIJK


@torch.no_grad()
def probabilities(net: nn.Module, x_CIJK: Tensor, patch: Patch, infer: InferConfig) -> Tensor:
    """Class probabilities, shape (N, I, J, K), float32, on the device of `x_CIJK`.

    Windows have the size of a patch and are weighted by a Gaussian at their centre. A net for pictures takes the slices
    along k one by one. With `infer.flips` it is the mean over the image and its mirror images along these axes.
    """
    total = _in_windows(net, x_CIJK, patch, infer)
    turns = [axes for count in range(1, 1 + len(infer.flips)) for axes in combinations(infer.flips, count)]
    for axes in turns:
        mirrored = ["CIJK".index(axis) for axis in axes]
        total += _in_windows(net, x_CIJK.flip(mirrored), patch, infer).flip(mirrored)
    return total / (1 + len(turns))


def _in_windows(net: nn.Module, x_CIJK: Tensor, patch: Patch, infer: InferConfig) -> Tensor:
    from monai.inferers import sliding_window_inference

    flat = patch[2] == 1
    x = x_CIJK.permute(3, 0, 1, 2) if flat else x_CIJK[None]
    logits = sliding_window_inference(
        x,
        roi_size=patch[:2] if flat else patch,
        sw_batch_size=infer.windows,
        predictor=net,
        overlap=infer.overlap,
        mode="gaussian",
    )
    p = logits.float().softmax(1)
    return p.permute(1, 2, 3, 0) if flat else p[0]
