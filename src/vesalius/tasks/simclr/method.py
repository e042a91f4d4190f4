"""What two views of a picture are compared by: one class for each method.

Letters: V views (2B: the first ones of all pictures, then the second ones), D width of the encoder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, SerializeAsAny
from torch import Tensor, nn

from vesalius.config import Named
from vesalius.named import Table
from vesalius.nets.net import Net
from vesalius.training.task import Logs

METHODS = Table(
    "method",
    {
        "simclr": "vesalius.tasks.simclr.contrastive:Contrastive",
        "simsiam": "vesalius.tasks.simclr.simsiam:SimSiam",
    },
)


class Method(Named, ABC):
    """The head on the encoder, and the loss on both."""

    table = METHODS

    @abstractmethod
    def head(self, width: int) -> Net:
        """The network that makes projections of vectors of a width; it ships as the part "head"."""

    def helpers(self, width: int) -> dict[str, nn.Module]:
        """Further modules that are trained and do not ship, by name."""
        del width
        return {}

    @abstractmethod
    def loss(self, modules: Mapping[str, nn.Module], whole_VD: Tensor) -> tuple[Tensor, Logs]:
        """Return the mean loss of the batch and numbers for the record.

        Args:
            modules: "head" and the helpers.
            whole_VD: vectors of the encoder.
        """


AnyMethod: TypeAlias = Annotated[SerializeAsAny[Method], BeforeValidator(Method.read)]
"""A field of a configuration that holds a method or its table."""
