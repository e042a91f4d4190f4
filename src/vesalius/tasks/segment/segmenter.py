"""A trained segmentation model: from scans to label maps on the grid of the scans.

Letters: C channel, T time, I J K voxel axes, N classes with the background first.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.cohort.case import IMAGE
from vesalius.errors import InputError, UsageError
from vesalius.progress import count
from vesalius.scan.intensity import Intensity
from vesalius.scan.part import part
from vesalius.scan.pixels import ArrayPixels
from vesalius.scan.resample import onto, to_grid
from vesalius.scan.scan import Scan
from vesalius.tasks.label_values import LabelValues
from vesalius.tasks.segment.config import InferConfig, Patch, SegmentSettings
from vesalius.tasks.segment.labels import largest_pieces, organ_pieces, walled
from vesalius.tasks.segment.parts import whole
from vesalius.transforms.contract import InputContract, read_contract
from vesalius.weights.saved import Pretrained, from_pretrained

_LIKELIER = 0.5


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
        classes_IJK = decided(self.probabilities(scans, t), self.settings.steps)
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
        self._cine: tuple[Sequence[Scan | None], NDArray[np.float32]] | None = None
        """The last images of a model over time, and p_TNIJK of all their frames."""

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
        first = self.contract.ordered(scans)[0]
        if self.settings.third == "time":
            images = [scans.get(name) for name in self.contract.images]
            if self._cine is None or any(one is not last for one, last in zip(images, self._cine[0], strict=True)):
                self._cine = images, self._over_time(scans)
            return self._on_grid(self._cine[1][t].copy(), first)
        scans = {name: part(scan, t=t) for name, scan in scans.items()}
        return self._on_grid(self._found(self._prepared(scans)), first)

    def _over_time(self, scans: Mapping[str, Scan]) -> NDArray[np.float32]:
        """Return p_TNIJK of all frames: each slice with its frames is a volume."""
        x_CTIJK = self._prepared(scans)
        x_KCIJT = np.ascontiguousarray(x_CTIJK.transpose(4, 0, 2, 3, 1))
        return np.stack([self._found(x_CIJT) for x_CIJT in x_KCIJT]).transpose(4, 1, 2, 3, 0)

    def _prepared(self, scans: Mapping[str, Scan]) -> NDArray[np.float32]:
        """Return x_CIJK, of a model over time x_CTIJK."""
        x_C = self.contract.prepared(scans)
        placed = self.contract.prepare.placed(self.contract.ordered(scans)[0])
        if x_C.shape[-3:] != placed.shape[2:] or (x_C.ndim > 4 and x_C.shape[1] != placed.shape[1]):
            raise UsageError("the preparation changes the size of the image, so no map can be laid back onto it")
        if self._inputs not in (None, len(x_C)):
            what = f"the scan has {len(x_C)} channels once prepared, the model takes {self._inputs}"
            raise InputError(what, fix="give a scan of the kind that the model was trained on")
        return x_C

    def _found(self, x_CIJK: NDArray[np.float32]) -> NDArray[np.float32]:
        settings = self.settings
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            p = probabilities(
                self._net,
                torch.from_numpy(x_CIJK).to(self.device),
                settings.patch,
                settings.infer,
                steps=settings.steps,
            )
        p_NIJK: NDArray[np.float32] = p.cpu().numpy()
        return p_NIJK

    def _on_grid(self, p_NIJK: NDArray[np.float32], first: Scan) -> NDArray[np.float32]:
        prepare, placed = self.contract.prepare, self.contract.prepare.placed(part(first, t=0))
        target = to_grid(part(first, t=0)) if prepare.resample and first.grid_problem else first
        if placed.grid_problem is None:
            i, j, k = target.shape[2:]
            p_NIJK = onto(p_NIJK, placed.affine, (i, j, k), target.affine)
        return p_NIJK


def decided(p_NIJK: NDArray[np.floating], steps: Sequence[int]) -> NDArray[np.integer]:
    """Return class numbers: the likeliest class; of a net of regions that of the smallest region likelier than not.

    Args:
        p_NIJK: class probabilities.
        steps: as `probabilities`.

    Example:
        >>> p_N = np.array([0.4, 0.25, 0.35])
        >>> int(decided(p_N, [])), int(decided(p_N, [2, 1]))
        (0, 2)
    """
    if not steps:
        return np.asarray(p_NIJK.argmax(0))
    inside = np.ones(p_NIJK.shape[1:], bool)
    classes = np.zeros(p_NIJK.shape[1:], np.int64)
    for number, step in enumerate(steps):
        inside = inside & (p_NIJK[list(steps[number:])].sum(0) > _LIKELIER)
        classes = np.where(inside, step, classes)
    return classes


@torch.no_grad()
def probabilities(
    net: nn.Module, x_CIJK: Tensor, patch: Patch, infer: InferConfig, *, steps: Sequence[int] = ()
) -> Tensor:
    """Class probabilities, shape (N, I, J, K), float32, on the device of `x_CIJK`.

    Windows have the size of a patch and are weighted by a Gaussian at their centre. A net for pictures takes the slices
    along k one by one. With `infer.flips` it is the mean over the image and its mirror images along these axes.

    Args:
        net: gives logits of classes or of regions.
        x_CIJK: a prepared volume.
        patch: voxels along i, j, k of a window.
        infer: overlap and mirror images.
        steps: of a net of regions, the class that each region has and the next does not (`SegmentSettings.steps`).
    """
    total = _in_windows(net, x_CIJK, patch, infer, steps)
    turns = [axes for count in range(1, 1 + len(infer.flips)) for axes in combinations(infer.flips, count)]
    for axes in turns:
        mirrored = ["CIJK".index(axis) for axis in axes]
        total += _in_windows(net, x_CIJK.flip(mirrored), patch, infer, steps).flip(mirrored)
    return total / (1 + len(turns))


def _in_windows(net: nn.Module, x_CIJK: Tensor, patch: Patch, infer: InferConfig, steps: Sequence[int]) -> Tensor:
    from monai.inferers import sliding_window_inference

    flat = patch[2] == 1
    x = x_CIJK.permute(3, 0, 1, 2) if flat else x_CIJK[None]
    size = patch[:2] if flat else patch
    whole, done = len(x) * windows_of(tuple(x.shape[2:]), size, infer.overlap), 0

    def seen(windows: Tensor) -> Tensor:
        nonlocal done
        logits: Tensor = net(windows)
        done += len(windows)
        count(done, whole, "windows")
        return logits

    logits = sliding_window_inference(
        x,
        roi_size=size,
        sw_batch_size=infer.windows,
        predictor=seen,
        overlap=infer.overlap,
        mode="gaussian",
    )
    p = of_classes(logits.float().sigmoid(), steps) if steps else logits.float().softmax(1)
    return p.permute(1, 2, 3, 0) if flat else p[0]


def windows_of(shape: Sequence[int], patch: Sequence[int], overlap: float) -> int:
    """Return the number of windows that cover a volume, by MONAI's rule.

    Example:
        >>> windows_of((96, 64), (64, 64), 0.5), windows_of((32, 200), (64, 64), 0.0)
        (2, 4)
    """
    pairs = [(max(side, window), window) for side, window in zip(shape, patch, strict=True)]
    steps = [window if side == window else max(1, int(window * (1 - overlap))) for side, window in pairs]
    return math.prod(math.ceil((side - window) / step) + 1 for (side, window), step in zip(pairs, steps, strict=True))


def of_classes(p_BR: Tensor, steps: Sequence[int]) -> Tensor:
    """Return class probabilities, (B, N, ...), of regions that lie in each other: none is likelier than the one before.

    Example:
        >>> of_classes(torch.tensor([[0.75, 0.25]]), [2, 1])
        tensor([[0.2500, 0.2500, 0.5000]])
    """
    nested_BR = p_BR.cummin(1).values
    after_BR = torch.cat([nested_BR[:, 1:], torch.zeros_like(nested_BR[:, :1])], 1)
    p_BN = torch.cat([1 - nested_BR[:, :1], torch.zeros_like(nested_BR)], 1)
    p_BN[:, list(steps)] = nested_BR - after_BR
    return p_BN
