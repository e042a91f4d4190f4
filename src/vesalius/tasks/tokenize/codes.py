"""TiTok and its relatives over time: single stage, or proxy codes of a VQGAN first and the decoder alone after that.

Letters: B examples, K slices, T frames, J rows, I columns, F facts of a patient; G groups of tokens, L tokens of one, N
tokens of an example, D numbers of a token, E numbers before the quantizer, P patches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast

import torch
from pydantic import Field, SerializeAsAny, model_validator
from torch import Tensor, nn
from torch.nn import functional

from vesalius.errors import InputError
from vesalius.nets.code_tokenizer import CodeTokenizer
from vesalius.nets.net import AnyNet, Net
from vesalius.nets.spatio_temporal import SpatioTemporal
from vesalius.nets.titok_tokenizer import TiTokTokenizer, TiTokTokens
from vesalius.nets.vqgan import Vqgan
from vesalius.tasks.tokenize.examples import MEAN
from vesalius.tasks.tokenize.losses import ReconstructionLoss
from vesalius.tasks.tokenize.method import FACTS, TOKENIZER, Decoded, Examples, TokenMethod, tokenizer_of
from vesalius.tasks.tokenize.rows import several
from vesalius.training.task import Logs, Losses, Trained
from vesalius.weights.saved import from_pretrained

PROXY = "proxy"
_CODING = ("encoder", "over_time", "out", "quantizer", "book")
"""Parts of a tokenizer that decide its tokens."""


class CodesMethod(TokenMethod):
    """A tokenizer of codes learns in one stage or in two.

    single: everything, by the reconstruction. proxy: everything but the pixel decoder, by the codes that a VQGAN gives
    the patches (stage 1). decoder: the decoder and the pixel decoder alone, by the reconstruction; encoder, latent
    tokens and codebook stay as they are (stage 2, or progressive finetuning). Start a stage from the one before with
    `init_from: {model: RUN, part: tokenizer}`.

    For CPUs: anchored tokens, a warm-up without the quantizer, after which the codebook begins with data; tails of the
    tokens are dropped at random, so that a prefix decodes.
    """

    net: AnyNet = Field(description="titok-tokens or spatio-temporal")
    stage: Literal["single", "proxy", "decoder"] = Field(default="single", description="what is trained, by what")
    proxy: str | None = Field(default=None, description="stage proxy: run of the VQGAN")
    loss: SerializeAsAny[ReconstructionLoss] = Field(
        default=ReconstructionLoss(), description="what a reconstruction is judged by"
    )
    quantizer_weight: float = Field(default=1.0, ge=0, description="weight of the loss of the quantizer")
    warm_up: int = Field(default=0, ge=0, description="steps without the quantizer; then its codes begin with data")
    tails: float = Field(default=0.0, ge=0, le=1, description="share of the steps that decode a prefix of the tokens")
    revive_every: int = Field(default=20, ge=1, description="steps after which dead codes are drawn anew")
    conditioned: bool = Field(
        default=False, description="whether the decoder of a spatio-temporal net is given group, height, weight and age"
    )

    @model_validator(mode="after")
    def _stages(self) -> CodesMethod:
        if not isinstance(self.net, TiTokTokens | SpatioTemporal):
            raise ValueError("net is no tokenizer of codes: choose titok-tokens or spatio-temporal")
        if self.conditioned and not isinstance(self.net, SpatioTemporal):
            raise ValueError("only a spatio-temporal net is conditioned")
        has_codes = isinstance(self.net, TiTokTokens) and self.net.net.head == "codes"
        if self.stage == "proxy" and not (has_codes and self.proxy):
            raise ValueError("the stage proxy needs a net with the head codes, and proxy: the run of a VQGAN")
        if self.stage != "proxy" and self.proxy:
            raise ValueError("only the stage proxy takes the codes of a VQGAN")
        return self

    def shipped(self) -> Net:
        return self.net

    @property
    def takes_mean(self) -> bool:
        return isinstance(self.net, SpatioTemporal) and self.net.takes_mean

    @property
    def takes_facts(self) -> bool:
        return self.conditioned

    def helpers(self) -> dict[str, nn.Module]:
        return {} if self.stage == "proxy" else self.loss.helpers()

    def frozen(self) -> dict[str, nn.Module]:
        if self.proxy is None:
            return self.loss.frozen()
        net = from_pretrained(self.proxy, only=TOKENIZER).parts[TOKENIZER].net
        if not isinstance(net, Vqgan):
            raise InputError("is no VQGAN", where=self.proxy, fix="name a run of tokenize/vqgan_cpu")
        return {PROXY: net}

    def optimizers(self, modules: Mapping[str, nn.Module]) -> dict[str, Trained]:
        del modules
        return {"net": Trained((TOKENIZER,))} if self.stage == "proxy" else self.loss.optimizers([TOKENIZER])

    def begin(self, modules: Mapping[str, nn.Module], batches: Callable[[], Iterator[Examples]], seed: int) -> None:
        net = cast(CodeTokenizer, modules[TOKENIZER])
        if self.stage == "decoder":
            for part in _parts(net, _CODING):
                part.requires_grad_(False)
            return
        if self.stage == "proxy":
            autoencoder = cast(TiTokTokenizer, net).net
            try:
                autoencoder.take_pixel_decoder(cast(Vqgan, modules[PROXY]))
            except RuntimeError as error:
                fix = "give method.net.net.vqgan the sizes of that run"
                raise InputError("is a VQGAN of other sizes", where=self.proxy, fix=fix) from error
            cast(nn.Module, autoencoder.pixel_decoder).requires_grad_(False)
        if not self.warm_up:
            self._start(net, batches(), seed)

    def train_mode(self, modules: Mapping[str, nn.Module]) -> None:
        super().train_mode(modules)
        if self.stage == "decoder":
            for part in _parts(tokenizer_of(modules), _CODING):
                part.eval()

    def losses(self, modules: Mapping[str, nn.Module], batch: Examples, step: int) -> tuple[Losses, Logs]:
        x_BKTJI = batch["x"]
        net = cast(CodeTokenizer, tokenizer_of(modules))
        prefix = self._prefix(net, tuple(x_BKTJI.shape))
        quantized = step >= self.warm_up or self.stage == "decoder"
        coded = modules[TOKENIZER](x_BKTJI, batch.get(MEAN), batch.get(FACTS), prefix, quantized)
        if self.stage == "proxy":
            loss, logs = self._proxy(net, modules[PROXY], x_BKTJI, coded.logits_BNP)
            losses = {"net": loss}
        else:
            losses, logs = self.loss(coded.x_BCJI, x_BKTJI, modules, step)
        if self.stage != "decoder":
            losses["net"] = losses["net"] + self.quantizer_weight * coded.loss
            logs["quantizer"] = coded.loss.detach()
        return losses, logs

    def after_step(
        self, modules: Mapping[str, nn.Module], batches: Callable[[], Iterator[Examples]], seed: int, step: int
    ) -> Logs:
        net = cast(CodeTokenizer, tokenizer_of(modules))
        if self.stage == "decoder":
            return {}
        if step + 1 == self.warm_up:
            net.eval()
            self._start(net, batches(), seed)
        elif step >= self.warm_up and (step + 1) % self.revive_every == 0:
            return {"revived": float(net.quantizer.revive(seed, step, "revive"))}
        return {"revived": 0.0}

    def decoded(self, modules: Mapping[str, nn.Module], batch: Examples) -> Decoded:
        net, x_BKTJI = cast(CodeTokenizer, tokenizer_of(modules)), batch["x"]
        mean_BKJI, facts_BF, size = batch.get(MEAN), batch.get(FACTS), tuple(x_BKTJI.shape)
        coded = net(x_BKTJI, mean_BKJI, facts_BF)
        z_GLD, examples = coded.z_BLD, len(x_BKTJI)
        zeroed = net.restored(torch.zeros_like(z_GLD), size, mean_BKJI, facts_BF)
        others = None
        if examples > 1:
            others = net.restored(z_GLD.roll(len(z_GLD) // examples, 0), size, mean_BKJI, facts_BF)
        return Decoded(coded.x_BCJI, zeroed, others, coded.codes_BL.reshape(examples, -1), net.codes)

    def _start(self, net: CodeTokenizer, batches: Iterator[Examples], seed: int) -> None:
        device = next(net.parameters()).device

        def rows(batch: Examples) -> Tensor:
            on_device = {name: tensor.to(device) for name, tensor in batch.items()}
            return net.latents(on_device["x"], on_device.get(MEAN)).flatten(0, 1)

        net.quantizer.start(several(batches, rows, 8 * net.codes), seed, "codebook")

    def _prefix(self, net: CodeTokenizer, size_BKTJI: tuple[int, ...]) -> int | None:
        """Draw how many tokens of each group this step decodes; None: all. One draw for the batch, log-uniform."""
        if not self.tails or torch.rand(()).item() >= self.tails:
            return None
        length = net.length((size_BKTJI[1], size_BKTJI[2], size_BKTJI[3], size_BKTJI[4]))[1]
        return max(1, round(length ** torch.rand(()).item()))

    def _proxy(
        self, net: CodeTokenizer, vqgan: nn.Module, x_BKTJI: Tensor, logits_GNP: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the cross-entropy to the codes that the VQGAN gives the patches."""
        with torch.no_grad():
            pictures = torch.cat([cast(TiTokTokenizer, net).pictures(x_KTJI) for x_KTJI in x_BKTJI])
            targets_GP = cast(Vqgan, vqgan).codes(pictures).flatten(1)
        loss = functional.cross_entropy(logits_GNP.float(), targets_GP)
        right = (logits_GNP.detach().argmax(1) == targets_GP).float().mean()
        return loss, {"proxy": loss.detach(), "proxy_accuracy": right}


def _parts(net: nn.Module, names: tuple[str, ...]) -> list[nn.Module]:
    inner: Any = net.net if isinstance(net, TiTokTokenizer) else net
    return [part for name, part in inner.named_children() if name in names]
