"""The encoder and the head that the loop trains together.

Letters: B pictures, C channel, J rows, I columns, N classes, L places row by row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader, batches
from vesalius.errors import UsageError
from vesalius.metrics.classify import rank_classes
from vesalius.metrics.one_class import accuracy, choose_one_class, confusion, macro_f1, recalls, true_class
from vesalius.metrics.operating import OperatingPoint, choose
from vesalius.nets.encoder import check_pictures
from vesalius.nets.net import build
from vesalius.objectives.class_loss import BceLoss
from vesalius.tasks.classify.baselines import Baselines, looks_of
from vesalius.tasks.classify.calibration import POINTS, Calibration
from vesalius.tasks.classify.checks import labels_of
from vesalius.tasks.classify.scored import Scored
from vesalius.tasks.finetune.config import FinetuneConfig, FinetuneSettings
from vesalius.tasks.finetune.frozen import frozen_modules
from vesalius.tasks.finetune.measure import score
from vesalius.tasks.finetune.mixup import mixed
from vesalius.tasks.finetune.pictures import MapLabels, OneSlice
from vesalius.tasks.finetune.predict import Network
from vesalius.training.task import Batch, Logs, Losses, Ranks, Task, bare
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.transform import Chain
from vesalius.weights.saved import ENCODER, HEAD, ModelConfig, save_pretrained

_TRAINED_ON = "prepare_for_training or augment"
"""Keys that decide the shape of what is trained on."""
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
        self._loss, self._place_loss = config.loss.of_pictures(len(classes)), config.loss.of_places(len(classes))
        self._training = self._loader(parts["train"])

    def build(self) -> dict[str, nn.Module]:
        self._check_pictures()
        net = build(self.config.classifier(len(self.classes)))
        if self.config.zero_init_logits_layer:
            last = [layer for layer in net.head.modules() if isinstance(layer, nn.Linear)][-1]  # type: ignore[union-attr]
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        for module in self._frozen(net):
            module.requires_grad_(False)
        self._check_batch(net)
        return {"net": net}

    def train_mode(self) -> None:
        super().train_mode()
        for module in self._frozen(bare(self.modules["net"])):
            module.eval()

    def batches_per_epoch(self) -> int:
        return max(1, self._training.total // self.config.batch)

    def batch_size(self) -> int:
        return min(self.config.batch, self._training.total)

    def batches(self, epoch: int, start: int, rank: int, world: int) -> Iterator[Batch]:
        """Yield images (B, C, J, I), labels (B, N) and, with a loss of places, their labels (B, L, N).

        Raises:
            UsageError: the encoder takes other channels or sizes.
        """
        size = self.batch_size() // world
        slices, loss = self.config.data.slices, self.config.loss
        for batch in batches(self._training.shard(rank, world), epoch, size, drop_last=True, start=start):
            check_pictures(self.config.net, batch.images.shape, where=_TRAINED_ON)
            given = {"image": batch.images, "labels": batch.labels_BN}
            if slices is not None:
                maps, mask_BCJI = MapLabels(slices.values, slices.least), batch.masks[slices.mask]
                if isinstance(loss, BceLoss) and loss.places:
                    side = self.config.net.divisor
                    given["labels"], given["places"] = maps.of_both(mask_BCJI, side, loss.place_least)
                else:
                    given["labels"] = maps.of_pictures(mask_BCJI)
            yield {name: torch.from_numpy(array) for name, array in given.items()}

    def training_step(self, batch: Batch, step: int) -> tuple[Losses, Logs]:
        del step
        if self.config.mixup:
            batch = mixed(batch, self.config.mixup)
        logits_BN, places_BLN = self.modules["net"](batch["image"])
        loss: Tensor = self._loss(logits_BN, batch["labels"])
        if self._place_loss is None or not isinstance(self.config.loss, BceLoss):
            return {"net": loss}, {}
        of_places: Tensor = self._place_loss(places_BLN, batch["places"])
        return {"net": loss + self.config.loss.places * of_places}, {"loss_pictures": loss, "loss_places": of_places}

    def validate(self, step: int) -> dict[str, float]:
        """Return loss and ranking of held-out pictures, without what cannot be measured."""
        del step
        net = bare(self.modules["net"])
        scored = self._score_val(net, self.ranks)
        log_odds_SC = self._point().log_odds(scored.logits_SC)
        ranking = rank_classes(log_odds_SC, scored.labels_SC)
        measures = {
            "loss": float(self._loss(torch.from_numpy(scored.logits_SC), torch.from_numpy(scored.labels_SC))),
            "auroc": ranking.macro_auroc,
            "auprc": ranking.macro_auprc,
        }
        measures |= {f"auroc/{name}": value for name, value in zip(self.classes, ranking.auroc, strict=True)}
        if self.config.loss.activation == "softmax":
            matrix = confusion(log_odds_SC.argmax(1), true_class(scored.labels_SC), len(self.classes))
            by_class = recalls(matrix)
            measures |= {"accuracy": accuracy(matrix), "macro_f1": macro_f1(matrix)}
            measures |= {f"recall/{name}": value for name, value in zip(self.classes, by_class.tolist(), strict=True)}
        return {name: value for name, value in measures.items() if math.isfinite(value)}

    def export(self, folder: Path) -> None:
        """Encoder and head; temperature and thresholds, chosen on validation pictures by the weights as written."""
        net, config = bare(self.modules["net"]), self.config
        settings = FinetuneSettings(
            classes=self.classes,
            images=config.data.images,
            class_fact=config.data.class_fact,
            slices=config.data.slices,
        )
        nets = {ENCODER: config.net, HEAD: config.classifier(len(self.classes)).head}
        modules = {name: getattr(net, name) for name in nets}
        save_pretrained(folder, modules, ModelConfig.of("finetune", nets, settings), _NUMBERS[config.numbers])
        write_contract(InputContract(images=config.data.images, prepare=config.prepare, classes=self.classes), folder)
        scored = self._score_val(Network(folder, next(net.parameters()).device).net, Ranks())
        chosen = choose if config.loss.activation == "sigmoid" else choose_one_class
        Calibration.of(chosen(scored.logits_SC, scored.labels_SC), self.classes).write(folder)
        if config.data.slices is None:
            self._baselines().write(folder)

    def _baselines(self) -> Baselines:
        """Fit the trivial baselines on the cases to train on."""
        train, activation, image = self.parts["train"], self.config.loss.activation, self.config.data.images[0]
        facts, labels_SC = [case.facts for case in train], labels_of(train, self.classes)
        baselines = Baselines.of_facts(facts, labels_SC, self.classes, activation)
        if baselines.baselines:
            return baselines
        looks = looks_of(train, image)
        seen = train.where(lambda case: case.id in looks)
        return Baselines.of_looks([*looks.values()], labels_of(seen, self.classes), self.classes, activation)

    def _point(self) -> OperatingPoint:
        """The logits as they are: no temperature, no threshold."""
        count = len(self.classes)
        return POINTS[self.config.loss.activation]((1.0,) * count, (math.nan,) * count, math.nan, 0)

    def _check_pictures(self) -> None:
        """Raise UsageError if the encoder does not take the first pictures of both splits: it will take no others."""
        data, prepare = self.config.data, self.config.prepare
        train, val = (replace(self.parts[name], cases=self.parts[name].cases[:1]) for name in ("train", "val"))
        loaders = {"prepare": data.held_out(val, prepare, self.classes), _TRAINED_ON: self._loader(train)}
        for where, loader in loaders.items():
            check_pictures(self.config.net, next(loader.epoch(0)).image.shape, where)

    def _check_batch(self, net: nn.Module) -> None:
        """Raise UsageError if batch norms would learn from one picture."""
        learns = any(isinstance(layer, _BatchNorm) and layer.weight.requires_grad for layer in net.modules())
        if learns and min(self.config.batch, self._training.total) < 2:
            what = "a batch of one picture has no spread that batch norms could learn"
            raise UsageError(
                what, where="batch", fix="choose 2 or more, or train the head alone: fine_tune_after_block=4"
            )

    def _frozen(self, net: nn.Module) -> tuple[nn.Module, ...]:
        """Parts of the encoder that do not learn; in eval mode, so that norms keep their statistics."""
        return frozen_modules(net.encoder, self.config.fine_tune_after_block)  # type: ignore[arg-type]

    def _score_val(self, net: nn.Module, ranks: Ranks) -> Scored:
        data = self.config.data
        loader = data.held_out(self.parts["val"], self.config.prepare, self.classes)
        return score(net, self.config.net, loader, data.slices, ranks=ranks)

    def _loader(self, train: Cohort) -> Loader:
        config, slices = self.config, self.config.data.slices
        changes = Chain(transforms=config.augment)
        return config.data.loader(
            train,
            prepare=config.training_prepare,
            order="shuffled",
            seed=config.train.seed,
            masks=() if slices is None else (slices.mask,),
            classes=self.classes,
            augment=changes if slices is None else OneSlice(slices.mask, slices.about_labels, changes),
            repeats=config.repeats,
        )
