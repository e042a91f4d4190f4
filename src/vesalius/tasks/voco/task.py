"""An encoder learns from crops of volumes.

Letters: B volumes, C channel, I J K voxels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Batch as Loaded
from vesalius.cohort.loader import Loader, batches
from vesalius.errors import UsageError
from vesalius.nets.shared_norm import shared_norms
from vesalius.seeding import Name, generator, shuffled
from vesalius.tasks.third_axis import ThirdAxis
from vesalius.tasks.voco.config import VocoConfig
from vesalius.tasks.voco.geometry import Shape
from vesalius.training.task import Batch, Logs, Losses, Task, Trained, bare
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.transform import Chain
from vesalius.weights.saved import ModelConfig, save_pretrained


class VocoTask(Task):
    """Volumes in random order, crops drawn by (seed, epoch, repetition, case), cut on the device.

    Args:
        config: of the run.
        parts: the cases to train on and to validate on ("train", "val").
    """

    measures_untrained: ClassVar[bool] = True

    def __init__(self, config: VocoConfig, parts: Mapping[str, Cohort]) -> None:
        config.method.check_net(config.net)
        self.config = config
        self._cases = len(parts["train"])
        self._training = config.data.loader(
            parts["train"],
            prepare=config.prepare,
            order="shuffled",
            seed=config.train.seed,
            frame=config.data.frame,
            classes=(),
            augment=ThirdAxis(config.data.third, Chain(transforms=config.augment)),
            repeats=config.repeats,
        )
        self._held_out = held_out(config, parts["val"])
        self._untrained: Tensor | None = None

    def build(self) -> dict[str, nn.Module]:
        return {name: shared_norms(module) for name, module in self.config.method.modules(self.config.net).items()}

    def optimizers(self) -> dict[str, Trained]:
        teachers = self.config.method.teachers
        return {"net": Trained(tuple(name for name in self.modules if name not in teachers))}

    def named_parts(self, modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
        """What ships."""
        return {name: bare(modules[name]) for name in self.config.method.ships(self.config.net)}

    def batch_size(self) -> int:
        """Volumes of a batch: no more than an epoch has, and equally many for each process."""
        volumes, world = min(self.config.batch, self._training.total), self.ranks.world
        return volumes - volumes % world

    def batches_per_epoch(self) -> int:
        return max(1, self._training.total // self.config.batch)

    def batches(self, epoch: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """Yield "image" x_BCIJK with the crops that the method has drawn.

        Raises:
            UsageError: the volumes do not fit the crops, or there are more processes than volumes.
        """
        size = self.batch_size() // world
        if not size:
            what = f"{self._training.total} volumes cannot be shared by {world} processes"
            raise UsageError(what, where=self.config.data.where, fix="start fewer processes, or give more volumes")
        share = self._training.shard(rank, world)
        place = start * size
        for batch in batches(share, epoch, size, drop_last=True, start=start):
            names: list[tuple[Name, ...]] = []
            for case in batch.cases:
                names.append((self.config.train.seed, epoch, (place * world + rank) // self._cases, case.id, "crops"))
                place += 1
            yield with_crops(self.config, _images(self.config, batch), names)

    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        del step
        loss, logs = self.config.method.loss(self.modules, batch)
        return {"net": loss}, logs

    def after_step(self, step: int) -> None:
        del step
        self.config.method.after_step(self.modules)

    def validate(self, step: int) -> dict[str, float]:
        """Return loss and health on held-out volumes, with the same crops every time.

        `correlation_gain` is what label_correlation has gained since before the first step. A net that is not trained
        may know something of positions; a loss that falls while nothing is gained is a collapse in the making.

        Raises:
            TrainingError: the vectors have collapsed.
        """
        modules = {name: bare(module) for name, module in self.modules.items()}
        measures = measure(self.config, modules, self._held_out)
        if "label_correlation" in measures:
            if step == 0:
                self._untrained = torch.tensor(measures["label_correlation"], dtype=torch.float64)
            if self._untrained is not None:
                measures["correlation_gain"] = measures["label_correlation"] - float(self._untrained)
        steps = -(-self.batches_per_epoch() // self.config.train.accumulate)
        self.config.health.check_volumes(measures, step // steps)
        return measures

    def extra_state(self) -> dict[str, Tensor]:
        return {} if self._untrained is None else {"untrained": self._untrained}

    def load_extra_state(self, state: dict[str, Tensor]) -> None:
        self._untrained = state.get("untrained")

    def export(self, folder: Path) -> None:
        """Write encoder and heads, and the preparation of whole volumes."""
        nets = self.config.method.ships(self.config.net)
        save_pretrained(folder, {name: bare(self.modules[name]) for name in nets}, ModelConfig.of("voco", nets))
        data = self.config.data
        contract = InputContract(images=data.images, optional=data.allow_missing, prepare=self.config.prepare)
        write_contract(contract, folder)


def held_out(config: VocoConfig, cohort: Cohort) -> Loader:
    """Return a loader of the volumes that are measured: at most `health.most`, each the same every time."""
    chosen = set(shuffled([case.id for case in cohort], config.train.seed, "health")[: config.health.most])
    return config.data.loader(
        cohort.where(lambda case: case.id in chosen),
        prepare=config.prepare,
        order="cohort",
        seed=config.train.seed,
        frame=config.data.frame,
        classes=(),
        augment=ThirdAxis(config.data.third, Chain(transforms=config.whole), middle=True),
    )


@torch.no_grad()
def measure(config: VocoConfig, modules: Mapping[str, nn.Module], loader: Loader) -> dict[str, float]:
    """Return the means over batches of volumes of the loss, its terms and the health of the vectors."""
    device = next(modules["encoder"].parameters()).device
    sums: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)  # a batch of one volume has no spread
    for batch in batches(loader, 0, config.batch):
        names = [(config.train.seed, "held out", case.id, "crops") for case in batch.cases]
        given = {name: x.to(device) for name, x in with_crops(config, _images(config, batch), names).items()}
        loss, logs = config.method.loss(modules, given)
        for name, value in {"loss": loss, **logs}.items():
            sums[name] += float(value) * len(batch.cases)
            counts[name] += len(batch.cases)
    return {name: total / counts[name] for name, total in sums.items()}


def _images(config: VocoConfig, batch: Loaded) -> np.ndarray[Any, Any]:
    """Return the volumes of a batch, with NaN for images that a case lacks."""
    for image, case in zip(batch.images, batch.cases, strict=True):
        config.data.hide_missing(image, case)
    return batch.images


def with_crops(config: VocoConfig, images: np.ndarray[Any, Any], names: list[Any]) -> dict[str, Tensor]:
    """Return volumes with what the method draws of each, by the names of the draws.

    Raises:
        UsageError: the volumes do not fit the crops.
    """
    i, j, k = images.shape[2:]
    shape: Shape = (i, j, k)
    config.method.check(shape)
    drawn = [config.method.draw(generator(*name), config.net, shape) for name in names]
    stacked = {key: torch.from_numpy(np.stack([numbers[key] for numbers in drawn])) for key in drawn[0]}
    return {"image": torch.from_numpy(images), **stacked}
