"""MONAI's AutoencoderKL as a tokenizer, trained as variational autoencoders are: the row to compare tokens with.

Mean absolute error, and the divergence of the latents from a standard normal with a small weight, as in MONAI's own
tutorial of 3D autoencoders, without its perceptual and adversarial losses, which PSNR does not reward. Noise of one
uniform step is added besides that of the posterior, so that the decoder knows rounded latents.

Letters: B examples, K slices, T frames, J rows, I columns, M latent channels.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vesalius.nets.autoencoder_kl import QUALITIES, AutoencoderKL, LatentTokenizer, step_of
from vesalius.tasks.tokenize.method import Decoded, Examples, TokenMethod, tokenizer_of
from vesalius.training.task import Logs, Losses


class Vae3d(TokenMethod):
    """Trains a `vesalius.nets.autoencoder_kl.LatentTokenizer` on slices over a cycle."""

    net: AutoencoderKL = AutoencoderKL()
    divergence: float = Field(default=1e-6, ge=0, description="weight of the divergence from a standard normal")
    spread_rate: float = Field(default=0.02, gt=0, le=1, description="how fast the spread of the latents is learned")
    quality: int = Field(default=20, ge=0, le=QUALITIES[-1], description="at which held-out examples are measured")

    def shipped(self) -> AutoencoderKL:
        return self.net

    def losses(self, modules: Mapping[str, nn.Module], batch: Examples, step: int) -> tuple[Losses, Logs]:
        del step
        tokenizer = latent_of(modules)
        x_BTJI = batch["x"].flatten(0, 1)  # slices are volumes of their own
        padded = tokenizer.padded(x_BTJI)
        mu, sigma = tokenizer.vae.encode(padded)
        tokenizer.learn_spread(mu.detach(), self.spread_rate)
        decoded = tokenizer.vae.decode(mu + torch.randn_like(sigma) * sigma + self._rounding(mu, tokenizer.spread_M))
        error = functional.l1_loss(decoded, padded)
        divergence = 0.5 * (mu.square() + sigma.square() - 2 * sigma.log() - 1).flatten(1).sum(1).mean()
        logs = {"error": error.detach(), "divergence": divergence.detach()}
        return {"net": error + self.divergence * divergence}, logs

    @torch.no_grad()
    def decoded(self, modules: Mapping[str, nn.Module], batch: Examples) -> Decoded:
        tokenizer, x_BKTJI = latent_of(modules), batch["x"]
        tokens = [tokenizer.encode(x_KTJI, None, self.quality) for x_KTJI in x_BKTJI]
        k, t, j, i = x_BKTJI.shape[1:]

        def back(tokens_GLM: Tensor) -> Tensor:
            return tokenizer.decode(tokens_GLM, None, (k, t, j, i), self.quality)

        return Decoded(
            torch.stack([back(tokens_GLM) for tokens_GLM in tokens]),
            torch.stack([back(torch.zeros_like(tokens_GLM)) for tokens_GLM in tokens]),
            torch.stack([back(tokens[n - 1]) for n in range(len(tokens))]) if len(tokens) > 1 else None,
            torch.stack([tokens_GLM.flatten() for tokens_GLM in tokens]),
        )

    @staticmethod
    def _rounding(mu_BMTJI: Tensor, spread_M: Tensor) -> Tensor:
        """Return uniform noise within half a step, of one quality for each example."""
        quality_B = torch.randint(len(QUALITIES), (len(mu_BMTJI),)).tolist()
        step_B = torch.tensor([step_of(quality) for quality in quality_B], device=mu_BMTJI.device)
        noise = torch.rand_like(mu_BMTJI) - 0.5
        return noise * step_B[:, None, None, None, None] * spread_M[:, None, None, None]


def latent_of(modules: Mapping[str, nn.Module]) -> LatentTokenizer:
    """Return the module that ships."""
    tokenizer = tokenizer_of(modules)
    assert isinstance(tokenizer, LatentTokenizer)
    return tokenizer
