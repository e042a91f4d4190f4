"""VoCo as published, both versions (CVPR 2024, arXiv:2402.17300; Large-Scale-Medical, arXiv:2410.09890).

Letters: B volumes, C channel, R random and K base crops of a volume, N both, D width of the encoder, E of a projection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from vesalius.objectives.gather import gathered, processes, rank
from vesalius.objectives.voco import VocoLoss, VocoProjections, VocoTerms, VocoTpamiLoss
from vesalius.tasks.voco.crops import cut_crops
from vesalius.tasks.voco.geometry import BaseGrid
from vesalius.tasks.voco.health import batch_health
from vesalius.tasks.voco.method import OverlapMethod, encoded
from vesalius.training.task import Logs
from vesalius.weights.saved import ENCODER, HEAD

TEACHER_ENCODER, TEACHER_HEAD = "teacher_encoder", "teacher_head"


class Voco(OverlapMethod):
    """The code of 2024: student and teacher are whole networks. Weights of the three terms are 1 as published."""

    teachers: ClassVar[Mapping[str, str]] = {TEACHER_ENCODER: ENCODER, TEACHER_HEAD: HEAD}
    geometry: BaseGrid = BaseGrid(crop=(96, 96, 96), resized=(64, 64, 64))
    hidden: int = Field(default=2048, ge=1, description="width of the layers of the head")
    outputs: int = Field(default=2048, ge=1, description="numbers in a projection")
    momentum: float = Field(default=0.9, ge=0, le=1, description="of the teacher; 1: it never moves")
    attract: float = Field(default=1.0, ge=0, description="weight of pairs that overlap")
    repel: float = Field(default=1.0, ge=0, description="weight of pairs that do not")
    distinct: float = Field(default=1.0, ge=0, description="weight of the similarity of base crops")

    def loss(self, modules: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> tuple[Tensor, Logs]:
        crops = cut_crops(batch["image"], batch, self.geometry.crop, self.seen).flatten(0, 1)
        volumes = len(batch["image"])
        student = self._parted(modules[HEAD](encoded(modules, crops)[0]), volumes)
        with torch.no_grad():
            teacher = self._parted(modules[TEACHER_HEAD](encoded(modules, crops, TEACHER_ENCODER)[0]), volumes)
        terms = VocoLoss(self.attract, self.repel)(student, teacher, batch["labels"])
        return self._total(terms, student, batch["labels"])

    def after_step(self, modules: Mapping[str, nn.Module]) -> None:
        self.follow(modules, self.momentum)

    def _parted(self, projections_NE: Tensor, volumes: int) -> VocoProjections:
        of_volumes = projections_NE.reshape(volumes, -1, projections_NE.shape[1])
        return VocoProjections(of_volumes[:, : self.geometry.random], of_volumes[:, self.geometry.random :])

    def _total(self, terms: VocoTerms, student: VocoProjections, labels_BRK: Tensor) -> tuple[Tensor, Logs]:
        """Return the weighted loss; logged are prediction (`voco`), redundancy (`div`), error of overlaps (`area`)."""
        area = (labels_BRK - terms.logits_BRK).abs().mean()
        logs: dict[str, Tensor | float] = {
            "voco": terms.prediction.detach(),
            "div": terms.redundancy.detach(),
            "area": area.detach(),
        }
        health = batch_health(student.base_BKE, labels_BRK, terms.logits_BRK)
        return terms.prediction + self.distinct * terms.redundancy, logs | health


class VocoTpami(Voco):
    """The code of 2025: one encoder, of whose head alone there is a teacher; also learns across volumes.

    The student's head sees vectors after PyTorch's Dropout1d, which leaves out whole crops of such a table.
    """

    teachers: ClassVar[Mapping[str, str]] = {TEACHER_HEAD: HEAD}
    geometry: BaseGrid = BaseGrid(grid=(3, 3, 1), crop=(64, 64, 64))
    hidden: int = Field(default=1024, ge=1, description="width of the layers of the head")
    outputs: int = Field(default=1024, ge=1, description="numbers in a projection")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of the crops that the student's head misses")
    inter: float = Field(default=1.0, ge=0, description="weight of pairs across volumes")

    def loss(self, modules: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> tuple[Tensor, Logs]:
        crops = cut_crops(batch["image"], batch, self.geometry.crop, self.seen).flatten(0, 1)
        volumes = len(batch["image"])
        training = modules[ENCODER].training
        vectors_ND = encoded(modules, crops)[0]
        kept_ND = nn.functional.dropout1d(vectors_ND, self.dropout, training)
        student = self._parted(modules[HEAD](kept_ND), volumes)
        with torch.no_grad():
            teacher = self._parted(modules[TEACHER_HEAD](vectors_ND), volumes)
        following = _of_next_volume(teacher.base_BKE, across=training)
        terms = VocoTpamiLoss(self.attract, self.repel, self.inter)(student, teacher, batch["labels"], following)
        return self._total(terms, student, batch["labels"])


def _of_next_volume(base_BKE: Tensor, *, across: bool) -> Tensor:
    """Return the base crops of the next volume of the batch; the last is followed by the first.

    Args:
        base_BKE: of the volumes of this process.
        across: whether the batch is that of all processes, dealt out one volume after the other.
    """
    if not across or processes() == 1:
        return base_BKE.roll(-1, 0)
    by_process = gathered(base_BKE.flatten(1)).reshape(processes(), len(base_BKE), -1)
    of_all = by_process.transpose(0, 1).flatten(0, 1)
    places = torch.arange(len(base_BKE), device=base_BKE.device) * processes() + rank() + 1
    return of_all[places % len(of_all)].view_as(base_BKE)
