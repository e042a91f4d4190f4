"""What volumes are learned from: one class for each method.

Letters: B volumes, C channel, I J K voxels, L places, N crops, D width.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, ClassVar, TypeAlias

import numpy as np
import torch
from pydantic import BeforeValidator, Field, SerializeAsAny
from torch import Tensor, nn

from vesalius.config import Named
from vesalius.errors import UsageError
from vesalius.named import Table
from vesalius.nets.encoder import EncoderNet
from vesalius.nets.net import Net, build
from vesalius.nets.ume import UME, UMEEncoder
from vesalius.nets.voco import VocoHead
from vesalius.tasks.voco.crops import Drawn, Size
from vesalius.tasks.voco.geometry import BaseGrid, NeighbourCrops, Shape
from vesalius.training.task import Logs, bare
from vesalius.weights.saved import ENCODER, HEAD

METHODS = Table(
    "method",
    {
        "voco": "vesalius.tasks.voco.published:Voco",
        "voco-tpami": "vesalius.tasks.voco.published:VocoTpami",
        "neighbours": "vesalius.tasks.voco.neighbours:NeighbourOverlap",
        "mae": "vesalius.tasks.voco.masked:Masked",
    },
)


class VolumeMethod(Named, ABC):
    """The crops of a volume, the networks beside the encoder, and the loss.

    A teacher has the tensors of its student, follows it by `follow` after each step and does not ship.
    """

    table = METHODS
    teachers: ClassVar[Mapping[str, str]] = {}
    """Name of a teacher -> that of its student."""

    @property
    @abstractmethod
    def seen(self) -> Size:
        """Size of a crop that the encoder sees."""

    @abstractmethod
    def check(self, shape: Shape) -> None:
        """Raise UsageError if volumes of this shape do not fit the crops."""

    @abstractmethod
    def draw(self, generator: np.random.Generator, net: EncoderNet, shape: Shape) -> Drawn:
        """Return all random numbers of one volume by name; each is one more entry of the batch."""

    @abstractmethod
    def heads(self, net: EncoderNet) -> dict[str, Net]:
        """The networks on the encoder by name; they ship."""

    @abstractmethod
    def loss(self, modules: Mapping[str, nn.Module], batch: Mapping[str, Tensor]) -> tuple[Tensor, Logs]:
        """Return the mean loss of the batch, and its terms and the health of its vectors for the record.

        Args:
            modules: "encoder", the heads and the teachers.
            batch: "image" x_BCIJK, and what `draw` gave, stacked.
        """

    def modules(self, net: EncoderNet) -> dict[str, nn.Module]:
        """Build encoder, heads and teachers; a teacher starts as its student."""
        students = {name: build(part) for name, part in self.ships(net).items()}
        return students | {teacher: _still(students[student]) for teacher, student in self.teachers.items()}

    def ships(self, net: EncoderNet) -> dict[str, Net]:
        """The parts of the model."""
        return {ENCODER: net, **self.heads(net)}

    def alone(self, parts: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
        """Return modules for measuring a shipped model: it is its own teacher."""
        return {**parts, **{teacher: parts[student] for teacher, student in self.teachers.items()}}

    def check_net(self, net: EncoderNet) -> None:
        """Raise UsageError if the encoder does not take the crops; an encoder of frames takes any number of them."""
        sides = self.seen[:2] if isinstance(net, UME) else self.seen
        if any(side % net.divisor for side in sides):
            what = f"the encoder takes multiples of {net.divisor} voxels, the crops have {self.seen}"
            raise UsageError(what, where="method", fix="change the size of the crops")

    @torch.no_grad()
    def follow(self, modules: Mapping[str, nn.Module], momentum: float) -> None:
        """Move each teacher: momentum * teacher + (1 - momentum) * student."""
        for teacher, student in self.teachers.items():
            pairs = zip(bare(modules[teacher]).parameters(), bare(modules[student]).parameters(), strict=True)
            for old, new in pairs:
                old.lerp_(new, 1 - momentum)

    def after_step(self, modules: Mapping[str, nn.Module]) -> None:
        """Called after the optimizer."""


class OverlapMethod(VolumeMethod):
    """A method that predicts overlaps: its crops come from a geometry, and VoCo's head is on the encoder."""

    geometry: BaseGrid | NeighbourCrops
    hidden: int = Field(default=1024, ge=1, description="width of the layers of the head")
    outputs: int = Field(default=1024, ge=1, description="numbers in a projection")

    @property
    def seen(self) -> Size:
        return self.geometry.seen

    def check(self, shape: Shape) -> None:
        self.geometry.check(shape)

    def draw(self, generator: np.random.Generator, net: EncoderNet, shape: Shape) -> Drawn:
        del net
        return self.geometry.draw(generator, shape)

    def heads(self, net: EncoderNet) -> dict[str, Net]:
        return {HEAD: VocoHead(inputs=net.width, hidden=self.hidden, outputs=self.outputs)}


def encoded(modules: Mapping[str, nn.Module], crops_NCIJK: Tensor, name: str = ENCODER) -> tuple[Tensor, Tensor]:
    """Return (whole_ND, places_NLD) of crops; the third axis of a crop is what UME calls frames.

    Args:
        modules: the encoder among them.
        crops_NCIJK: crops of all volumes.
        name: of the encoder: the student, or its teacher.
    """
    encoder = modules[name]
    seen = crops_NCIJK.permute(0, 1, 4, 3, 2) if isinstance(bare(encoder), UMEEncoder) else crops_NCIJK
    vectors: tuple[Tensor, Tensor] = encoder(seen)
    return vectors


def _still(module: nn.Module) -> nn.Module:
    return copy.deepcopy(module).requires_grad_(False)


AnyVolumeMethod: TypeAlias = Annotated[SerializeAsAny[VolumeMethod], BeforeValidator(VolumeMethod.read)]
"""A field of a configuration that holds a method or its table."""
