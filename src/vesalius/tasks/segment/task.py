"""Segmentation as a task of the training loop.

Letters: B batch, C channel, I J K voxel axes, N classes with the background first.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.cohort.case import MASK
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import LoadedCase, Loader, batches
from vesalius.errors import UsageError
from vesalius.metrics.overlap import dice
from vesalius.nets.net import build
from vesalius.tasks.label_values import LabelValues
from vesalius.tasks.segment.config import SegmentConfig, SegmentSettings
from vesalius.tasks.segment.labels import frame_of_units, read_classes, units
from vesalius.tasks.segment.parts import modules_of, parts_of
from vesalius.tasks.segment.segmenter import decided, probabilities
from vesalius.tasks.third_axis import ThirdAxis, over_time
from vesalius.training.task import Batch, Logs, Losses, Task, bare
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.crop import CenterCrop, CenterPad, LabelCrop
from vesalius.transforms.transform import Chain, Sample
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
        self._over_time = config.data.third == "time"
        if self._over_time:
            self._check_frames()
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
        """This rank's images (B, C, I, J, K), classes (B, I, J, K) and unlabelled classes (B, N).

        With data.third: time the frames lie along K. A missing image is NaN.
        """
        share = self._training.shard(rank, world)
        for batch in batches(share, epoch, self.config.batch // world, drop_last=True, start=start):
            self._check_channels(batch.images.shape[1])
            classes = self.values.classes(batch.masks[MASK][:, 0], where=f"case {batch.cases[0].id} or one beside it")
            for image, case in zip(batch.images, batch.cases, strict=True):
                self.config.data.hide_missing(image, case)
            yield {
                "image": torch.from_numpy(batch.images),
                "classes": torch.from_numpy(classes).long(),
                "missing": torch.from_numpy(np.stack([self._missing[case.id] for case in batch.cases])),
            }

    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        del step
        config = self.config
        if config.patch[2] == 1:
            batch = {**batch, "image": batch["image"][..., 0], "classes": batch["classes"][..., 0]}
        if config.loss.of_regions:
            batch = {**batch, "regions": self._members.to(batch["classes"].device)}
        loss, terms = self._loss(config.loss.outputs(self.modules["net"], batch), batch)
        return {"net": loss}, terms

    def validate(self, step: int) -> dict[str, float]:
        """Mean Dice over the held-out label maps, of each class and of all."""
        del step
        device = next(self.modules["net"].parameters()).device
        scores: dict[str, list[float]] = defaultdict(list)
        share: list[dict[str, float]] = []
        for loaded in self._held_out.shard(self.ranks.rank, self.ranks.world).epoch(0):
            truth, predicted = self._compared(loaded, device)
            missing_N = self._missing[loaded.id]
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

    def _compared(self, loaded: LoadedCase, device: torch.device) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return true and found classes of a held-out case, of equal shape: (I, J, K), over time (K, I, J, T)."""
        config, net = self.config, bare(self.modules["net"])
        steps = SegmentSettings.of(config).steps
        samples = [Sample(loaded.image, loaded.masks, frames=loaded.case.frames)]
        if self._over_time:
            samples = [over_time(samples[0], k) for k in range(loaded.image.shape[4])]
        truth, found = [], []
        for sample in samples:
            truth.append(self.values.classes(sample.masks[MASK][0], where=f"case {loaded.id}"))
            image = np.array(sample.image, np.float32)
            self.config.data.hide_missing(image, loaded.case)
            x_CIJK = torch.from_numpy(image).to(device)
            p_NIJK = probabilities(net, x_CIJK, config.patch, config.infer, steps=steps)
            found.append(decided(p_NIJK.cpu().numpy(), steps))
        return np.stack(truth), np.stack(found)

    @property
    def _members(self) -> Tensor:
        """Which classes make a region, (R, N)."""
        count = len(self.values.names) + 1
        numbers = SegmentSettings.of(self.config).measured_classes.values()
        return torch.tensor([[number in members for number in range(count)] for members in numbers])

    def export(self, folder: Path) -> None:
        config = self.config
        settings = SegmentSettings.of(config)
        model = ModelConfig.of("segment", parts_of(config.net), settings)
        save_pretrained(folder, modules_of(config.net, bare(self.modules["net"])), model)
        contract = InputContract(
            images=config.data.images,
            optional=config.data.allow_missing,
            prepare=config.prepare,
            classes=self.values.names,
        )
        write_contract(contract, folder)

    def _check_channels(self, channels: int) -> None:
        if channels != self.config.net.inputs:
            what = f"the images have {channels} channels once prepared, the net takes {self.config.net.inputs}"
            raise UsageError(what, where="net.inputs", fix=f"set it to {channels}, or add steps to prepare")

    def _check_frames(self) -> None:
        """Raise UsageError where a label map of a cine states no frame: each is learned and tested on one."""
        data = self.config.data
        for case in (case for cohort in self.parts.values() for case in cohort):
            unplaced = [name for name in data.masks if name not in case.frames]
            if unplaced:
                what = f"case {case.id} states no frame for mask {' and '.join(unplaced)}"
                raise UsageError(what, where=data.where, fix='add "frames" to the case, such as {"ED": 0, "ES": 9}')

    def _missing_in(self, part: str) -> dict[str, NDArray[np.bool_]]:
        """Unit -> for each class and the background, whether it was not labelled, shape (N,)."""
        count, data = len(self.values.names) + 1, self.config.data
        missing = {case.id: np.zeros(count, bool) for case in self._samples(part)}
        if data.absent == "background":
            return missing
        whole = self.parts[part]
        for case in self._samples(part):
            maps = Cohort((case,), whole.root)
            for one in units(maps, data.masks) if self._over_time else maps:
                held = np.unique(read_classes(maps, one, self.values))
                missing[case.id] |= ~np.isin(np.arange(count), [0, *held])
        return missing

    def _samples(self, part: str) -> Cohort:
        """What an epoch consists of: label maps with their frames, or whole cines."""
        return self.parts[part] if self._over_time else units(self.parts[part], self.config.data.masks)

    def _changes(self) -> ThirdAxis:
        """Transforms from a whole volume to a patch."""
        config = self.config
        large = tuple(size + 2 * margin for size, margin in zip(config.patch, config.margin, strict=True))
        crop = LabelCrop(size=large, mask=MASK, share=config.about_labels)
        changes = (CenterPad(size=large), crop, *config.augment, CenterCrop(size=config.patch))
        return ThirdAxis(config.data.third, Chain(transforms=changes))

    def _loader(self, part: str, augment: ThirdAxis | None, repeats: int) -> Loader:
        data, cohort = self.config.data, self._samples(part)
        return data.loader(
            cohort,
            prepare=self.config.prepare,
            order="cohort" if augment is None else "shuffled",
            seed=self.config.train.seed,
            masks=data.masks if self._over_time else (MASK,),
            frame=None if self._over_time else frame_of_units(cohort, data),
            augment=augment,
            repeats=repeats,
        )
