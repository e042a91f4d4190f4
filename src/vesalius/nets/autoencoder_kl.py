"""MONAI's AutoencoderKL over slices and time as a tokenizer: latents of a variational autoencoder, rounded.

It stands for the usual 3D autoencoder of latent diffusion beside tokenizers that were made for coding. A slice over
time is one volume (T, J, I); latents are rounded to multiples of a step of their spread over the training examples.
The prior of the entropy coder is the plain one that learns on the way: none was trained on these latents.

Letters: B volumes, K slices, T frames, J rows, I columns; G groups (slices x latent frames), L places (latent rows x
columns), M latent channels, D numbers of a place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from vesalius.nets.cycle_prior import CyclePrior
from vesalius.nets.net import Net
from vesalius.nets.tokenizer import Size, Tokenizer

QUALITIES = tuple(range(32))
"""From best to worst; 4 of them double the step."""
_FINEST, _RUNGS = 1 / 32, 4
_PRIOR_WIDTH = 13
_MOST = 1 << 20


class AutoencoderKL(Net):
    """Sizes of a `LatentTokenizer`."""

    channels: tuple[Annotated[int, Field(ge=8, multiple_of=8)], ...] = Field(
        default=(16, 32, 64), min_length=1, max_length=6, description="of each level; all axes are halved between two"
    )
    latents: int = Field(default=8, ge=1, le=64, description="channels of the latents")
    blocks: int = Field(default=1, ge=1, le=4, description="residual blocks of a level")
    dims: ClassVar[int] = 3
    inputs: ClassVar[int] = 1
    outputs: ClassVar[None] = None

    @property
    def divisor(self) -> int:
        """Latents are so many times smaller along each axis; any size is padded to it."""
        return int(2 ** (len(self.channels) - 1))

    def make(self) -> LatentTokenizer:
        return LatentTokenizer(self)


def step_of(quality: int) -> float:
    """Return the step of a quality, in units of the spread of a latent channel.

    >>> step_of(0), step_of(4), step_of(20)
    (0.03125, 0.0625, 1.0)
    """
    return float(_FINEST * 2 ** (quality / _RUNGS))


class LatentTokenizer(Tokenizer):
    """Rounded latents of a variational autoencoder; see the head of this file.

    Args:
        config: its sizes.
    """

    takes_mean = False
    qualities = QUALITIES
    spread_M: Tensor

    def __init__(self, config: AutoencoderKL) -> None:
        from monai.networks.nets.autoencoderkl import AutoencoderKL as MonaiAutoencoderKL

        super().__init__()
        levels = len(config.channels)
        self.divisor, self.latents = config.divisor, config.latents
        self.width = config.latents
        self.vae = MonaiAutoencoderKL(
            spatial_dims=3,
            in_channels=1,
            out_channels=1,
            num_res_blocks=(config.blocks,) * levels,
            channels=config.channels,
            attention_levels=(False,) * levels,
            latent_channels=config.latents,
            norm_num_groups=8,
            with_encoder_nonlocal_attn=False,
            with_decoder_nonlocal_attn=False,
        )
        self.register_buffer("spread_M", torch.ones(config.latents))
        self.prior = CyclePrior(config.latents, QUALITIES, _PRIOR_WIDTH).requires_grad_(False)

    def shape(self, size_KTJI: Size) -> tuple[int, int, int]:
        rows, columns = self.grid(size_KTJI)
        return size_KTJI[0] * -(-size_KTJI[1] // self.divisor), rows * columns, self.latents

    def grid(self, size_KTJI: Size) -> tuple[int, int]:
        return -(-size_KTJI[2] // self.divisor), -(-size_KTJI[3] // self.divisor)

    def padded(self, x_KTJI: Tensor) -> Tensor:
        """Return x_B1TJI, K volumes of which each axis is a multiple of the divisor, by repeating the last values."""
        ends = [(-size) % self.divisor for size in x_KTJI.shape[1:]]
        t, j, i = ends
        return functional.pad(x_KTJI[:, None], (0, i, 0, j, 0, t), mode="replicate")

    @torch.no_grad()
    def encode(self, x_KTJI: Tensor, mean_KJI: Tensor | None, quality: int) -> Tensor:
        """Return tokens_GLM; see `Tokenizer`. Slices are coded one after the other, for memory."""
        del mean_KJI
        tokens = [self._encoded(x_TJI[None], quality) for x_TJI in x_KTJI]
        return torch.cat(tokens)

    @torch.no_grad()
    def decode(self, tokens_GLM: Tensor, mean_KJI: Tensor | None, size_KTJI: Size, quality: int) -> Tensor:
        """Return x_KTJI within 0 to 1 from all latent channels or the first ones; see `Tokenizer`."""
        del mean_KJI
        slices, frames, rows, columns = size_KTJI
        values_GLM = functional.pad(self.values(tokens_GLM, quality), (0, self.latents - tokens_GLM.shape[2]))
        latents = values_GLM.reshape(slices, -1, *self.grid(size_KTJI), self.latents).permute(0, 4, 1, 2, 3)
        slabs = [self.vae.decode(latents_MTJI[None])[0, 0, :frames, :rows, :columns] for latents_MTJI in latents]
        return torch.stack(slabs).clamp(0, 1)

    def prefix(self, tokens_GLM: Tensor, count: int) -> Tensor:
        return tokens_GLM[:, :, :count]

    def values(self, tokens_GLM: Tensor, quality: int) -> Tensor:
        """Return the latents that the tokens stand for, values_GLM."""
        return tokens_GLM.float() * self.spread_M[: tokens_GLM.shape[2]] * step_of(quality)

    def tables(self) -> Mapping[str, NDArray[Any]]:
        return self.prior.tables()

    @torch.no_grad()
    def learn_spread(self, mu_BMTJI: Tensor, rate: float) -> None:
        """Move the spread of the latent channels towards that of a batch."""
        spread_M = mu_BMTJI.transpose(0, 1).flatten(1).square().mean(1).sqrt().clamp(min=1e-6)
        self.spread_M.lerp_(spread_M.to(self.spread_M), rate)

    def _encoded(self, x_1TJI: Tensor, quality: int) -> Tensor:
        mu_MTJI = self.vae.encode(self.padded(x_1TJI))[0][0]
        steps_M = self.spread_M * step_of(quality)
        exact_TLM = (mu_MTJI / steps_M[:, None, None, None]).permute(1, 2, 3, 0).flatten(1, 2)
        return exact_TLM.round().clamp(-_MOST, _MOST).to(torch.int32)
