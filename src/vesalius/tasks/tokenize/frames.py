"""Frames one by one through an autoencoder of pictures: the VQGAN of stage 0, or a TiTok of continuous tokens.

Letters: B examples, K slices, T frames, J rows, I columns, N tokens of an example; P pictures, C channels, L tokens of
a picture, D numbers of a token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor, nn

from vesalius.nets.gaussian_latents import GaussianLatents
from vesalius.nets.net import Net
from vesalius.nets.titok import TiTokNet, TokenAutoencoder
from vesalius.nets.vqgan import Vqgan, VqganNet
from vesalius.tasks.tokenize.losses import ReconstructionLoss
from vesalius.tasks.tokenize.method import TOKENIZER, Decoded, Examples, TokenMethod, tokenizer_of
from vesalius.tasks.tokenize.rows import several
from vesalius.training.task import Logs, Losses, Trained

_CPU = {"inputs": 1, "width": 32, "multiples": (1, 1, 2, 2), "dim": 32, "codes": 256}


class _Frames(TokenMethod):
    """Base of methods that code each frame alone."""

    loss: ReconstructionLoss = Field(default=ReconstructionLoss(), description="what a reconstruction is judged by")
    quantizer_weight: float = Field(default=1.0, ge=0, description="weight of the loss of the quantizer")

    def helpers(self) -> dict[str, nn.Module]:
        return self.loss.helpers()

    def frozen(self) -> dict[str, nn.Module]:
        return self.loss.frozen()

    def optimizers(self, modules: Mapping[str, nn.Module]) -> dict[str, Trained]:
        del modules
        return self.loss.optimizers([TOKENIZER])

    def losses(self, modules: Mapping[str, nn.Module], batch: Examples, step: int) -> tuple[Losses, Logs]:
        x_BKTJI = batch["x"]
        coded = modules[TOKENIZER](_pictures(x_BKTJI))
        losses, logs = self.loss(coded.x_BCJI.reshape(x_BKTJI.shape), x_BKTJI, modules, step)
        losses["net"] = losses["net"] + self.quantizer_weight * coded.loss
        return losses, {**logs, "quantizer": coded.loss.detach()}

    def decoded(self, modules: Mapping[str, nn.Module], batch: Examples) -> Decoded:
        net, x_BKTJI = tokenizer_of(modules), batch["x"]
        coded = net(_pictures(x_BKTJI))
        z_PLD, examples = coded.z_BLD, len(x_BKTJI)

        def again(z_PLD: Tensor) -> Tensor:
            return self._from(net, z_PLD, tuple(x_BKTJI.shape[3:])).reshape(x_BKTJI.shape)

        others = again(z_PLD.roll(len(z_PLD) // examples, 0)) if examples > 1 else None
        count = cast(Any, net).quantizer.codes or None
        codes_BN = coded.codes_BL.reshape(examples, -1) if count else None
        return Decoded(coded.x_BCJI.reshape(x_BKTJI.shape), again(torch.zeros_like(z_PLD)), others, codes_BN, count)

    def _from(self, net: nn.Module, z_PLD: Tensor, size_JI: tuple[int, ...]) -> Tensor:
        """Return pictures x_P1JI of quantized vectors."""
        raise NotImplementedError


class VqganMethod(_Frames):
    """Stage 0: a VQGAN, whose codes and pixel decoder TiTok's two stages take; its codebook begins with data."""

    net: SerializeAsAny[VqganNet] = Field(default=VqganNet.build(**_CPU), description="sizes; of one channel")
    revive_every: int = Field(default=20, ge=1, description="steps after which dead codes are drawn anew")

    def shipped(self) -> Net:
        return self.net

    def begin(self, modules: Mapping[str, nn.Module], batches: Callable[[], Iterator[Examples]], seed: int) -> None:
        net = cast(Vqgan, modules[TOKENIZER])
        enough = 8 * self.net.codes

        def rows(batch: Examples) -> Tensor:
            return net.encoder(_pictures(batch["x"])).flatten(2).transpose(1, 2).flatten(0, 1)

        net.quantizer.start(several(batches(), rows, enough), seed, "codebook")

    def after_step(
        self, modules: Mapping[str, nn.Module], batches: Callable[[], Iterator[Examples]], seed: int, step: int
    ) -> Logs:
        del batches
        if (step + 1) % self.revive_every:
            return {"revived": 0.0}
        net = cast(Vqgan, tokenizer_of(modules))
        return {"revived": float(net.quantizer.revive(seed, step, "revive"))}

    def _from(self, net: nn.Module, z_PLD: Tensor, size_JI: tuple[int, ...]) -> Tensor:
        rows, columns = (side // self.net.divisor for side in size_JI)
        z_PDL = z_PLD.transpose(1, 2)
        pictures: Tensor = cast(Vqgan, net).decoder(z_PDL.reshape(*z_PDL.shape[:2], rows, columns))
        return pictures


class VaeMethod(_Frames):
    """A TiTok whose tokens are continuous, drawn from a normal distribution; it makes no integers."""

    net: SerializeAsAny[TiTokNet] = Field(
        default=TiTokNet.build(
            encoder="micro",
            decoder="micro",
            inputs=1,
            size=(128, 128),
            quantizer=GaussianLatents(),
        ),
        description="sizes; of one channel, with the quantizer gaussian",
    )
    quantizer_weight: float = Field(default=1e-6, ge=0, description="weight of the divergence")

    def shipped(self) -> Net:
        return self.net

    def _from(self, net: nn.Module, z_PLD: Tensor, size_JI: tuple[int, ...]) -> Tensor:
        return cast(TokenAutoencoder, net).decode(z_PLD, size_JI)


def _pictures(x_BKTJI: Tensor) -> Tensor:
    return x_BKTJI.flatten(0, 2)[:, None]
