"""Segmentation as a task of the training loop.

Letters: B batch, C channel, I J K voxel axes, N classes with the background first.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.cohort.case import MASK
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader, batches
from vesalius.errors import UsageError
from vesalius.metrics.overlap import dice
from vesalius.nets.net import build
from vesalius.tasks.segment.config import SegmentConfig, SegmentSettings
from vesalius.tasks.segment.labels import LabelValues, frame_of_units, read_classes, units
from vesalius.tasks.segment.parts import modules_of, parts_of
from vesalius.tasks.segment.segmenter import probabilities
from vesalius.training.task import Batch, Logs, Losses, Task, bare
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.crop import CenterCrop, CenterPad, LabelCrop
from vesalius.transforms.transform import Chain
from vesalius.weights.saved import ModelConfig, save_pretrained


class SegmentTask(Task):
    """Training on patches of label maps, validation on whole volumes.

    Args:
        config: of the run.
        parts: the cases of the splits "train" and "val".
    """

    def __init__(self, config: SegmentConfig, parts: Mapping[str, Cohort]) -> None:
        self.config, self.parts = config, parts
        self.values = LabelValues(config.data.labels, config.data.ignored, config.data.map_values)
        self._loss = config.loss.make()
        self._missing = {**self._missing_in("train"), **self._missing_in("val")}
        self._training = self._loader("train", self._changes(), config.repeats)
        self._held_out = self._loader("val", None, 1)

    def build(self) -> dict[str, nn.Module]:
        return {"net": build(self.config.net)}

    def named_parts(self, modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
        """Encoder and decoder where the net has both, so that a run can start from an encoder alone."""
        return modules_of(self.config.net, bare(modules["net"]))

    def batches_per_epoch(self) -> int:
        return self._training.total // self.config.batch

    def batch_size(self) -> int:
        return self.config.batch

    def batches(self, epoch: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """This rank's images (B, C, I, J, K), classes (B, I, J, K) and unlabelled classes (B, N)."""
        share = self._training.shard(rank, world)
        for batch in batches(share, epoch, self.config.batch // world, drop_last=True, start=start):
            self._check_channels(batch.images.shape[1])
            classes = self.values.classes(batch.masks[MASK][:, 0], where=f"case {batch.cases[0].id} or one beside it")
            yield {
                "image": torch.from_numpy(batch.images),
                "classes": torch.from_numpy(classes).long(),
                "missing": torch.from_numpy(np.stack([self._missing[case.id] for case in batch.cases])),
            }

    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        del step
        if self.config.patch[2] == 1:
            batch = {**batch, "image": batch["image"][..., 0], "classes": batch["classes"][..., 0]}
        return {"net": self._loss(self.modules["net"](batch["image"]), batch)}, {}

    def validate(self, step: int) -> dict[str, float]:
        """Mean Dice over the held-out label maps, of each class and of all."""
        del step
        device = next(self.modules["net"].parameters()).device
        scores: dict[str, list[float]] = defaultdict(list)
        share: list[dict[str, float]] = []
        for sample in self._held_out.shard(self.ranks.rank, self.ranks.world).epoch(0):
            truth = self.values.classes(sample.masks[MASK][0], where=f"case {sample.id}")
            p_NIJK = self.probabilities(torch.from_numpy(sample.image).to(device))
            predicted = p_NIJK.argmax(0).cpu().numpy()
            missing_N = self._missing[sample.id]
            overlaps = dice(np.where(truth < 0, 0, predicted), np.maximum(truth, 0), range(1, len(missing_N)))
            names = enumerate(self.values.names, start=1)
            share.append({name: overlaps[number] for number, name in names if not missing_N[number]})
        for overlap_of in self.ranks.gathered(share):
            for name, overlap in overlap_of.items():
                scores[name].append(overlap)
        means = {
            name: float(np.nanmean(scores[name])) for name in self.values.names if not np.isnan(scores[name]).all()
        }
        return {
            "dice": float(np.mean(list(means.values()))) if means else math.nan,
            **{f"dice/{name}": mean for name, mean in means.items()},
        }

    def probabilities(self, x_CIJK: Tensor) -> Tensor:
        """Class probabilities of a prepared volume, shape (N, I, J, K)."""
        return probabilities(bare(self.modules["net"]), x_CIJK, self.config.patch, self.config.infer)

    def export(self, folder: Path) -> None:
        config = self.config
        settings = SegmentSettings.of(config)
        model = ModelConfig.of("segment", parts_of(config.net), settings)
        save_pretrained(folder, modules_of(config.net, bare(self.modules["net"])), model)
        contract = InputContract(images=config.data.images, prepare=config.prepare, classes=self.values.names)
        write_contract(contract, folder)

    def _check_channels(self, channels: int) -> None:
        if channels != self.config.net.inputs:
            what = f"the images have {channels} channels once prepared, the net takes {self.config.net.inputs}"
            raise UsageError(what, where="net.inputs", fix=f"set it to {channels}, or add steps to prepare")

    def _missing_in(self, part: str) -> dict[str, NDArray[np.bool_]]:
        """Unit -> for each class and the background, whether it was not labelled, shape (N,)."""
        cohort = units(self.parts[part], self.config.data.masks)
        count = len(self.values.names) + 1
        if self.config.data.absent == "background":
            return {case.id: np.zeros(count, bool) for case in cohort}
        missing = {}
        for case in cohort:
            held = np.unique(read_classes(cohort, case, self.values))
            missing[case.id] = ~np.isin(np.arange(count), [0, *held])
        return missing

    def _changes(self) -> Chain:
        """Transforms from a whole volume to a patch."""
        config = self.config
        large = tuple(size + 2 * margin for size, margin in zip(config.patch, config.margin, strict=True))
        crop = LabelCrop(size=large, mask=MASK, share=config.about_labels)
        return Chain(transforms=(CenterPad(size=large), crop, *config.augment, CenterCrop(size=config.patch)))

    def _loader(self, part: str, augment: Chain | None, repeats: int) -> Loader:
        data = self.config.data
        cohort = units(self.parts[part], data.masks)
        return data.loader(
            cohort,
            prepare=self.config.prepare,
            order="cohort" if augment is None else "shuffled",
            seed=self.config.train.seed,
            masks=(MASK,),
            frame=frame_of_units(cohort, data),
            augment=augment,
            repeats=repeats,
        )
