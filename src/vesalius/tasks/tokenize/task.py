"""A tokenizer learns from examples of scans over time.

Letters: B examples, K slices, T frames, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vesalius.codec.still import decoded_mean
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader, batches
from vesalius.errors import UsageError
from vesalius.nets.net import build
from vesalius.tasks.tokenize.config import TokenizeConfig, TokenizeSettings
from vesalius.tasks.tokenize.examples import MEAN, Examples
from vesalius.tasks.tokenize.facts import facts_of
from vesalius.tasks.tokenize.hearts import with_boxes
from vesalius.tasks.tokenize.measure import Row, rows_of, summary
from vesalius.tasks.tokenize.method import FACTS, TOKENIZER, TOKENIZERS, tokenizer_of
from vesalius.training.task import Batch, Logs, Losses, Task, Trained
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.weights.saved import ModelConfig, save_pretrained

_NUMBERS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class TokenizeTask(Task):
    """Random examples of the training scans; validated on examples of held-out scans without randomness.

    Args:
        config: of the run.
        parts: the cases to train on and to validate on ("train", "val").
    """

    measures_untrained: ClassVar[bool] = True

    def __init__(self, config: TokenizeConfig, parts: Mapping[str, Cohort]) -> None:
        self.config = config
        self._method = config.method
        still = config.still if self._method.takes_mean else None
        augment = Examples(config.example, config.changes, still)
        self._training = self._loader(parts["train"], augment)
        self._held_out = self._loader(parts["val"], None)
        self._frozen: dict[str, nn.Module] = {}
        self._logs: Logs = {}
        if self._training.total < config.batch:
            what = f"an epoch has {self._training.total} examples, fewer than the batch of {config.batch}"
            raise UsageError(what, where="batch", fix="raise repeats, or give more scans")

    def build(self) -> dict[str, nn.Module]:
        method = self._method
        modules = {TOKENIZER: build(method.shipped()), **method.helpers()}
        self._frozen = method.frozen()
        seed = self.config.train.seed
        method.begin({**modules, **self._frozen}, self._first_epoch, seed)
        return modules

    def frozen(self) -> dict[str, nn.Module]:
        return self._frozen

    def train_mode(self) -> None:
        self._method.train_mode(self.modules)

    def optimizers(self) -> dict[str, Trained]:
        return self._method.optimizers(self.modules)

    def batch_size(self) -> int:
        return self.config.batch

    def batches_per_epoch(self) -> int:
        return self._training.total // self.config.batch

    def batches(self, epoch: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """Yield x_BKTJI, and mean_BKJI where the method takes it.

        Raises:
            UsageError: examples differ in size.
        """
        share = self._training.shard(rank, world)
        for batch in batches(share, epoch, self.config.batch // world, drop_last=True, start=start):
            arrays = {"x": batch.images, **batch.masks}
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
            yield {**tensors, FACTS: facts_of(batch.cases)} if self._method.takes_facts else tensors

    def _first_epoch(self) -> Iterator[Batch]:
        return self.batches(0, 0, 0, 1)

    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        losses, logs = self._method.losses({**self.modules, **self._frozen}, batch, step)
        return losses, {**self._logs, **logs}

    def after_step(self, step: int) -> None:
        modules = {**self.modules, **self._frozen}
        self._logs = self._method.after_step(modules, self._first_epoch, self.config.train.seed, step)

    def extra_state(self) -> dict[str, torch.Tensor]:
        """Return the numbers of the last step that belong to the record of the next one."""
        return {name: torch.as_tensor(value, dtype=torch.float64) for name, value in self._logs.items()}

    def load_extra_state(self, state: dict[str, torch.Tensor]) -> None:
        self._logs = {name: float(value) for name, value in state.items()}

    def validate(self, step: int) -> dict[str, float]:
        """Return fidelity, the gain of the tokens and the use of the codes on held-out examples."""
        del step
        device = next(tokenizer_of(self.modules).parameters()).device
        modules = {**self.modules, **self._frozen}
        share: list[list[Row]] = []
        for batch in self.ranks.share(self._examples):
            on_device = {name: tensor.to(device) for name, tensor in batch.items()}
            share.append(rows_of(self._method.decoded(modules, on_device), on_device))
        return summary([row for rows in self.ranks.gathered(share) for row in rows])

    def export(self, folder: Path) -> None:
        """Write the tokenizer and the preparation of scans."""
        config, net = self.config, self._method.shipped()
        settings = TokenizeSettings(method=TOKENIZERS.name_of(type(self._method)), span=config.example.span)
        model = ModelConfig.of("tokenize", {TOKENIZER: net}, settings)
        save_pretrained(folder, {TOKENIZER: tokenizer_of(self.modules)}, model, _NUMBERS[config.numbers])
        write_contract(InputContract(images=config.data.images, prepare=config.prepare), folder)

    @cached_property
    def _examples(self) -> list[Batch]:
        """Batches of held-out examples of one shape each, the same at each validation."""
        config = self.config
        examples = [
            (example_KTJI, loaded.case)
            for loaded in self._held_out.epoch(0)
            for example_KTJI in config.example.of_scan(loaded.image, loaded.case.facts)
        ]
        by_shape: dict[tuple[int, ...], list[tuple[NDArray[np.float32], Case]]] = {}
        for example in [examples[n] for n in _spread(len(examples), config.data.most)]:
            by_shape.setdefault(example[0].shape, []).append(example)
        return [
            self._batch(several[start : start + config.batch])
            for several in by_shape.values()
            for start in range(0, len(several), config.batch)
        ]

    def _batch(self, examples: list[tuple[NDArray[np.float32], Case]]) -> Batch:
        x_BKTJI = np.stack([x_KTJI for x_KTJI, _ in examples])
        batch = {"x": torch.from_numpy(x_BKTJI)}
        if self._method.takes_mean:
            means = [decoded_mean(x_KTJI.mean(1), self.config.still.qualities[0]) for x_KTJI in x_BKTJI]
            batch[MEAN] = torch.from_numpy(np.stack(means))
        if self._method.takes_facts:
            batch[FACTS] = facts_of([case for _, case in examples])
        return batch

    def _loader(self, cohort: Cohort, augment: Examples | None) -> Loader:
        config = self.config
        return config.data.loader(
            with_boxes(cohort, config.data.masks) if config.example.about_labels else cohort,
            prepare=config.prepare,
            order="cohort" if augment is None else "shuffled",
            seed=config.train.seed,
            classes=(),
            augment=augment,
            repeats=1 if augment is None else config.repeats,
        )


def _spread(count: int, most: int) -> list[int]:
    """Return at most so many numbers, evenly chosen below `count`."""
    return list(range(count)) if count <= most else [int((n + 0.5) * count / most) for n in range(most)]
