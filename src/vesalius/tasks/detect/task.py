"""The head that the loop trains; the frozen encoder has made the vectors before.

Letters: B studies, L slices, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from vesalius.metrics.calibration import cooled
from vesalius.metrics.classify import rank_classes, rsna_weights, weighted_log_loss
from vesalius.metrics.operating import choose
from vesalius.nets.head import StudyHead
from vesalius.nets.net import Net, build
from vesalius.objectives.masked_bce import MaskedBce, positive_weights
from vesalius.seeding import generator
from vesalius.tasks.classify.baselines import Baselines
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.detect.config import DetectConfig, DetectSettings
from vesalius.tasks.detect.measure import score, tensors_of
from vesalius.tasks.detect.studies import Studies
from vesalius.tasks.encode.encoder import Encoder
from vesalius.training.task import Batch, Logs, Losses, Task, bare
from vesalius.transforms.contract import write_contract
from vesalius.weights.saved import ENCODER, HEAD, ModelConfig, Part, save_pretrained


class DetectTask(Task):
    """Studies in random order, masked cross-entropy; validated on whole studies.

    Args:
        config: of the run.
        classes: labels to learn.
        studies: returns the studies of each split; called once, when the loop builds the task, because only then the
            encoder's device is known.
        settings: of the model that is shipped.
        encoder: ships with the head; None: the head was trained on precomputed vectors.
    """

    def __init__(
        self,
        config: DetectConfig,
        classes: Sequence[str],
        studies: Callable[[], Mapping[str, Studies]],
        settings: DetectSettings,
        encoder: Encoder | None = None,
    ) -> None:
        self.config, self.classes, self.settings = config, tuple(classes), settings
        self._load, self._encoder = studies, encoder
        self._studies: Mapping[str, Studies] = {}
        self._loss = MaskedBce()

    def build(self) -> dict[str, nn.Module]:
        self._studies = self._load()
        train = self._studies["train"]
        weights = positive_weights(torch.from_numpy(train.labels_SC), self.config.loss.most_weight)
        self._loss = MaskedBce(weights)
        return {"net": build(self.net_config())}

    def named_parts(self, modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
        return {"head": bare(modules["net"])}

    def net_config(self) -> StudyHead:
        """Sizes of the head."""
        config = self.config
        return StudyHead(
            inputs=self._studies["train"].width,
            outputs=len(self.classes),
            hidden=config.hidden,
            dropout=config.dropout,
            aggregate=config.aggregate,
        )

    def batches_per_epoch(self) -> int:
        return max(1, len(self._studies["train"]) // self.config.batch)

    def batches(self, epoch: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """Yield this rank's share of `Studies.batch`; the incomplete last batch of an epoch is dropped."""
        train = self._studies["train"]
        order = generator(self.config.train.seed, epoch, "order").permutation(len(train))
        size = min(self.config.batch, len(train)) // world * world
        for number in range(start, self.batches_per_epoch()):
            yield tensors_of(train.batch(order[number * size : (number + 1) * size][rank::world]))

    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        del step
        study_BC, slices_BLC = self.modules["net"](batch["x"], batch["there"])
        loss = self._loss(study_BC, batch["labels"])
        if self.config.loss.slices:
            loss = loss + self.config.loss.slices * self._loss(slices_BLC, batch["slice_labels"])
        return {"net": loss}, {}

    def validate(self, step: int) -> dict[str, float]:
        """Return loss and ranking of held-out studies, without what cannot be measured."""
        del step
        val = self._studies["val"]
        logits_SC = score(bare(self.modules["net"]), val, ranks=self.ranks).logits_SC
        ranking = rank_classes(logits_SC, val.labels_SC)
        measures = {
            "loss": float(self._loss(torch.from_numpy(logits_SC), torch.from_numpy(val.labels_SC))),
            "auroc": ranking.macro_auroc,
            "auprc": ranking.macro_auprc,
            "log_loss": weighted_log_loss(cooled(logits_SC, 1.0), val.labels_SC, rsna_weights(self.classes)),
        }
        return {name: value for name, value in measures.items() if math.isfinite(value)}

    def export(self, folder: Path) -> None:
        """Head and encoder; temperatures and thresholds, chosen on validation studies only."""
        net, val, encoder = bare(self.modules["net"]), self._studies["val"], self._encoder
        nets: dict[str, Net] = {HEAD: self.net_config()}
        parts: dict[str, nn.Module | Part] = {HEAD: net}
        if encoder is not None:
            nets, parts = {ENCODER: encoder.config, **nets}, {ENCODER: encoder.part, **parts}
            write_contract(encoder.contract, folder)
        save_pretrained(folder, parts, ModelConfig.of("detect", nets, self.settings))
        scored, config = score(net, val), self.config
        point = choose(scored.logits_SC, scored.labels_SC, specificity=config.specificity, sharing=config.temperature)
        Calibration.of(point, self.classes).write(folder)
        train = self._studies["train"]
        Baselines.of_facts(train.facts, train.labels_SC, self.classes, "sigmoid").write(folder)
