"""What the flow runs in: pictures from 0 to 1 become values about -1 to 1, or latents of an autoencoder, and back.

Letters: B batch, C channel, M classes of the mask, J rows, I columns.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor
from torch.nn import functional

from vesalius.nets.picture_latents import LatentNet, PictureLatents
from vesalius.tasks.generate.config import PixelsConfig

_MOST_BYTES = 1 << 30
"""Latents that are remembered, so that a picture that comes again unchanged is encoded once."""


class FlowSpace:
    """Pixels, or the latents of a frozen autoencoder.

    Args:
        pixels: how values of pictures are spread.
        vae: sizes of the autoencoder; None: pixels.
        remembers: whether pictures may come again unchanged.

    Example:
        >>> canvas = FlowSpace(PixelsConfig(gamma=0.5))
        >>> canvas.from_pictures(torch.tensor([[[[0.25]]]]), None).item()
        0.0
    """

    def __init__(self, pixels: PixelsConfig, vae: LatentNet | None = None, *, remembers: bool = False) -> None:
        self._pixels, self.factor = pixels, 1 if vae is None else vae.divisor
        self._known: dict[bytes, Tensor] = {}
        self._remembers = remembers and vae is not None

    def shape(self, channels: int, size: tuple[int, ...]) -> tuple[int, int, int]:
        """Return the shape of the noise for a picture of so many rows and columns."""
        return channels, size[0] // self.factor, size[1] // self.factor

    @torch.no_grad()
    def from_pictures(self, x_BCJI: Tensor, vae: PictureLatents | None) -> Tensor:
        """Return pictures from 0 to 1 as the net sees them.

        Args:
            x_BCJI: the pictures.
            vae: the module of the autoencoder, where there is one.
        """
        spread_BCJI = 2 * x_BCJI.clamp(0, 1) ** self._pixels.gamma - 1
        if vae is None:
            return spread_BCJI
        return torch.stack([self._encoded(x_CJI, vae) for x_CJI in spread_BCJI])

    @torch.no_grad()
    def to_pictures(self, x_BCJI: Tensor, vae: PictureLatents | None) -> Tensor:
        """Return what the flow made as pictures from 0 to 1."""
        spread_BCJI: Tensor = x_BCJI.float() if vae is None else vae.decode(x_BCJI.float())
        return ((spread_BCJI + 1) / 2).clamp(0, 1) ** (1 / self._pixels.gamma)

    def places(self, mask_BMJI: Tensor) -> Tensor:
        """Return shares of classes of pixels as those of latents."""
        return mask_BMJI if self.factor == 1 else functional.avg_pool2d(mask_BMJI, self.factor)

    def _encoded(self, x_CJI: Tensor, vae: PictureLatents) -> Tensor:
        if not self._remembers:
            latents: Tensor = vae.encode(x_CJI[None])[0]
            return latents
        key = hashlib.blake2b(x_CJI.cpu().contiguous().numpy().tobytes(), digest_size=16).digest()
        if key in self._known:
            return self._known[key].to(x_CJI.device)
        z_CJI: Tensor = vae.encode(x_CJI[None])[0]
        if sum(each.nbytes for each in self._known.values()) + z_CJI.nbytes <= _MOST_BYTES:
            self._known[key] = z_CJI.cpu()
        return z_CJI
