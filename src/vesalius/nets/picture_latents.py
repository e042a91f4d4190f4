"""What frozen autoencoders of pictures share: a diffusion transformer may work in their latents instead of in pixels.

Letters: B batch, C channel, J rows, I columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, TypeAlias

from pydantic import BeforeValidator, SerializeAsAny
from torch import Tensor

from vesalius.nets.net import Net
from vesalius.nets.outside import Outside


class LatentNet(Net):
    """Sizes of an autoencoder: `inputs` channels of pictures, `outputs` of latents, `divisor` times fewer rows."""

    dims: ClassVar[int] = 2

    @abstractmethod
    def make(self) -> PictureLatents: ...


class PictureLatents(Outside, ABC):
    """Pictures from -1 to 1 to latents of about unit spread, and back; it never learns."""

    @abstractmethod
    def encode(self, x_BCJI: Tensor) -> Tensor:
        """Return the latents of pictures from -1 to 1, sides in multiples of the divisor: means, nothing is drawn."""

    @abstractmethod
    def decode(self, z_BCJI: Tensor) -> Tensor:
        """Return the pictures of latents, about -1 to 1."""

    def forward(self, x_BCJI: Tensor) -> Tensor:
        """Return what is left of pictures: the ceiling of everything that is generated in these latents."""
        return self.decode(self.encode(x_BCJI))


def _latent(given: Any) -> Any:
    net = Net.read(given)
    if isinstance(net, Net) and not isinstance(net, LatentNet):
        raise ValueError("is no autoencoder of pictures")
    return net


AnyLatents: TypeAlias = Annotated[SerializeAsAny[LatentNet], BeforeValidator(_latent)]
"""A field of a configuration that holds an autoencoder of pictures or its table."""
