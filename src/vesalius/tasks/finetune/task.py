"""The encoder and the head that the loop trains together.

Letters: B pictures, C channel, J rows, I columns, N classes, L places row by row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader, batches
from vesalius.metrics.classify import rank_classes
from vesalius.metrics.operating import choose
from vesalius.nets.net import build
from vesalius.objectives.masked_bce import MaskedBce
from vesalius.tasks.classify.calibration import Calibration
from vesalius.tasks.classify.scored import Scored
from vesalius.tasks.finetune.config import FinetuneConfig, FinetuneSettings
from vesalius.tasks.finetune.measure import score
from vesalius.tasks.finetune.pictures import MapLabels, OneSlice
from vesalius.tasks.finetune.predict import Network
from vesalius.training.task import Batch, Logs, Losses, Ranks, Task, bare
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.transform import Chain
from vesalius.weights.saved import ENCODER, HEAD, ModelConfig, save_pretrained

_NUMBERS = {"fp32": torch.float32, "bf16": torch.bfloat16}


class FinetuneTask(Task):
    """Pictures in random order, masked cross-entropy of several labels; validated on whole cases.

    Args:
        config: of the run.
        parts: the cases to train on and to validate on ("train", "val").
        classes: labels to learn.
    """

    def __init__(self, config: FinetuneConfig, parts: Mapping[str, Cohort], classes: tuple[str, ...]) -> None:
        self.config, self.parts, self.classes = config, parts, classes
        self._loss = MaskedBce([config.loss.positive] * len(classes))
        self._place_loss = MaskedBce([config.loss.place_positive] * len(classes))
        self._training = self._loader()

    def build(self) -> dict[str, nn.Module]:
        return {"net": build(self.config.classifier(len(self.classes)))}

    def batches_per_epoch(self) -> int:
        return max(1, self._training.total // self.config.batch)

    def batch_size(self) -> int:
        return min(self.config.batch, self._training.total)

    def batches(self, epoch: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """Yield images (B, C, J, I), labels (B, N) and, with a loss of places, their labels (B, L, N)."""
        size = self.batch_size() // world
        slices, loss = self.config.data.slices, self.config.loss
        for batch in batches(self._training.shard(rank, world), epoch, size, drop_last=True, start=start):
            given = {"image": batch.images, "labels": batch.labels_BN}
            if slices is not None:
                maps, mask_BCJI = MapLabels(slices.values, slices.least), batch.masks[slices.mask]
                if loss.places:
                    side = self.config.net.divisor
                    given["labels"], given["places"] = maps.of_both(mask_BCJI, side, loss.place_least)
                else:
                    given["labels"] = maps.of_pictures(mask_BCJI)
            yield {name: torch.from_numpy(array) for name, array in given.items()}

    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        del step
        logits_BN, places_BLN = self.modules["net"](batch["image"])
        loss = self._loss(logits_BN, batch["labels"])
        if "places" not in batch:
            return {"net": loss}, {}
        of_places: Tensor = self._place_loss(places_BLN, batch["places"])
        return {"net": loss + self.config.loss.places * of_places}, {"loss_pictures": loss, "loss_places": of_places}

    def validate(self, step: int) -> dict[str, float]:
        """Return loss and ranking of held-out pictures, without what cannot be measured."""
        del step
        net = bare(self.modules["net"])
        scored = self._score_val(net, self.ranks)
        ranking = rank_classes(scored.logits_SC, scored.labels_SC)
        measures = {
            "loss": float(self._loss(torch.from_numpy(scored.logits_SC), torch.from_numpy(scored.labels_SC))),
            "auroc": ranking.macro_auroc,
            "auprc": ranking.macro_auprc,
        }
        measures |= {f"auroc/{name}": value for name, value in zip(self.classes, ranking.auroc, strict=True)}
        return {name: value for name, value in measures.items() if math.isfinite(value)}

    def export(self, folder: Path) -> None:
        """Encoder and head; temperature and thresholds, chosen on validation pictures by the weights as written."""
        net, config = bare(self.modules["net"]), self.config
        settings = FinetuneSettings(classes=self.classes, images=config.data.images, slices=config.data.slices)
        nets = {ENCODER: config.net, HEAD: config.classifier(len(self.classes)).head}
        modules = {name: getattr(net, name) for name in nets}
        save_pretrained(folder, modules, ModelConfig.of("finetune", nets, settings), _NUMBERS[config.numbers])
        write_contract(InputContract(images=config.data.images, prepare=config.prepare, classes=self.classes), folder)
        scored = self._score_val(Network(folder, next(net.parameters()).device).net, Ranks())
        Calibration.of(choose(scored.logits_SC, scored.labels_SC), self.classes).write(folder)

    def _score_val(self, net: nn.Module, ranks: Ranks) -> Scored:
        data = self.config.data
        loader = data.held_out(self.parts["val"], self.config.prepare, self.classes)
        return score(net, loader, data.slices, ranks=ranks)

    def _loader(self) -> Loader:
        config, slices = self.config, self.config.data.slices
        changes = Chain(transforms=config.augment)
        return config.data.loader(
            self.parts["train"],
            prepare=config.prepare,
            order="shuffled",
            seed=config.train.seed,
            masks=() if slices is None else (slices.mask,),
            classes=self.classes,
            augment=changes if slices is None else OneSlice(slices.mask, slices.about_labels, changes),
            repeats=config.repeats,
        )
