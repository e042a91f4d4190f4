"""A loss of the classes of pictures that a configuration chooses by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BeforeValidator, Field, SerializeAsAny
from torch import nn

from vesalius.config import Named
from vesalius.named import Table
from vesalius.objectives.masked_bce import MaskedBce
from vesalius.objectives.soft_ce import SoftCe

CLASS_LOSSES = Table(
    "loss of classes",
    {"bce": "vesalius.objectives.class_loss:BceLoss", "softmax": "vesalius.objectives.class_loss:SoftmaxLoss"},
)


class ClassLoss(Named, ABC):
    """How the logits of a picture are compared with its labels, and what makes probabilities of them."""

    table = CLASS_LOSSES
    activation: ClassVar[Literal["sigmoid", "softmax"]]

    @abstractmethod
    def of_pictures(self, classes: int) -> nn.Module:
        """Return the loss of logits_BN and labels_BN."""

    def of_places(self, classes: int) -> nn.Module | None:  # noqa: ARG002
        """Return the loss of places_BLN and their labels; None where places are not learned."""
        return None


class BceLoss(ClassLoss):
    """Binary cross-entropy of several labels that may hold at once, see `MaskedBce`."""

    activation = "sigmoid"
    positive: float = Field(default=1.0, gt=0, description="weight of a positive picture")
    places: float = Field(
        default=0.0, ge=0, description="weight of the loss of single places (patches), labelled by the map"
    )
    place_positive: float = Field(default=1.0, gt=0, description="weight of a positive place")
    place_least: int = Field(
        default=10, ge=1, description="least pixels of a class that is present in a place; fewer, but some: unknown"
    )

    def of_pictures(self, classes: int) -> nn.Module:
        return MaskedBce([self.positive] * classes)

    def of_places(self, classes: int) -> nn.Module | None:
        return MaskedBce([self.place_positive] * classes) if self.places else None


class SoftmaxLoss(ClassLoss):
    """Cross-entropy of classes of which each picture has exactly one, see `SoftCe`."""

    activation = "softmax"
    smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of each label that is spread evenly over all classes"
    )

    def of_pictures(self, classes: int) -> nn.Module:  # noqa: ARG002
        return SoftCe(self.smoothing)


def _loss(given: Any) -> Any:
    """A loss without a name is bce."""
    return ClassLoss.read({"name": "bce", **given} if isinstance(given, Mapping) else given)


AnyClassLoss: TypeAlias = Annotated[SerializeAsAny[ClassLoss], BeforeValidator(_loss)]
"""A field of a configuration that holds a loss or its table."""
