"""Encoder and head learn from two views of each picture.

Letters: B pictures, V views (2; where flat, the first ones of all pictures, then the second ones), C channel, J rows,
I columns, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import batches
from vesalius.errors import UsageError
from vesalius.nets.encoder import check_pictures
from vesalius.nets.net import build
from vesalius.nets.shared_norm import shared_norms
from vesalius.tasks.simclr.cached import Cached, in_order
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.health import Health
from vesalius.tasks.simclr.views import Views
from vesalius.training.task import Batch, Logs, Losses, Task, bare
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.weights.saved import ENCODER, HEAD, ModelConfig, save_pretrained

_NUMBERS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class SimclrTask(Task):
    """Two views of pictures in random order; validated by the health of the vectors.

    Args:
        config: of the run.
        parts: the cases to train on and to validate on ("train", "val").

    Raises:
        UsageError: there are no two pictures to tell apart.
    """

    measures_untrained: ClassVar[bool] = True

    def __init__(self, config: SimclrConfig, parts: Mapping[str, Cohort]) -> None:
        self.config = config
        self._training = config.data.loader(
            parts["train"],
            prepare=config.prepare,
            order="shuffled",
            seed=config.train.seed,
            classes=(),
            augment=Views(config.view),
            repeats=config.repeats,
        )
        if len(parts["train"]) < 2:
            what = "there is one picture to train on, and nothing to tell it from"
            raise UsageError(what, where=config.data.where, fix="give more pictures")
        self._health = Health(config, parts["train"], parts["val"])
        self._cached: Cached | None = None

    def build(self) -> dict[str, nn.Module]:
        net, method = self.config.net, self.config.method
        modules = {ENCODER: build(net), HEAD: build(method.head(net.width)), **method.helpers(net.width)}
        return {name: shared_norms(module) for name, module in modules.items()}

    def batch_size(self) -> int:
        """Pictures of a batch: no more than an epoch has, and equally many for each process."""
        pictures, world = min(self.config.batch, self._training.total), self.ranks.world
        return pictures - pictures % world

    def batches_per_epoch(self) -> int:
        return max(1, self._training.total // self.config.batch)

    def batches(self, epoch: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """Yield views x_BVCJI.

        Raises:
            UsageError: there are more processes than pictures, or the encoder takes other channels or sizes.
        """
        share, net, total = self._training.shard(rank, world), self.config.net, self._training.total
        if total < world:
            what = f"{total} pictures cannot be shared by {world} processes"
            raise UsageError(what, where=self.config.data.where, fix="start fewer processes, or give more pictures")
        for batch in batches(share, epoch, self.batch_size() // world, drop_last=True, start=start):
            check_pictures(net, batch.images.shape, where="augment")
            yield torch.from_numpy(batch.images)

    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        del step
        x_BVCJI: Tensor = batch
        heads = {name: module for name, module in self.modules.items() if name != ENCODER}
        if self.config.chunk is None or self.config.chunk >= len(x_BVCJI):
            whole_VD = self.modules[ENCODER](in_order(x_BVCJI))[0]
        else:
            self._cached = Cached(self.modules[ENCODER], x_BVCJI, self.config.chunk)
            whole_VD = in_order(self._cached.whole_BVD)
        loss, logs = self.config.method.loss(heads, whole_VD)
        return {"net": loss}, logs

    def backward(self, losses: Losses, batch: Batch, step: int, backward: Callable[[Tensor], None]) -> None:
        del batch, step
        backward(losses["net"])
        if self._cached is not None:
            self._cached.backward()
            self._cached = None

    def validate(self, step: int) -> dict[str, float]:
        """Return the health of the vectors.

        Raises:
            TrainingError: they have collapsed.
        """
        measures = self._health.measure(bare(self.modules[ENCODER]), bare(self.modules[HEAD]), self.ranks)
        steps = -(-self.batches_per_epoch() // self.config.train.accumulate)
        self._health.check(measures, step // steps)
        return measures

    def export(self, folder: Path) -> None:
        """Write encoder and projection head, and the preparation of whole pictures."""
        config = self.config
        nets = {ENCODER: config.net, HEAD: config.method.head(config.net.width)}
        modules = {name: bare(self.modules[name]) for name in nets}
        save_pretrained(folder, modules, ModelConfig.of("simclr", nets), _NUMBERS[config.numbers])
        write_contract(InputContract(images=config.data.images, prepare=config.shipped), folder)
