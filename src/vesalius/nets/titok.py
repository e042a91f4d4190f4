"""TiTok: a picture as a short sequence of tokens, by transformers (arXiv:2406.07550, arXiv:2501.07730).

Letters: B batch, C channel, J rows, I columns (volumes: K slices before them), P patches row by row, L latent tokens,
D numbers of a token, N codes of the VQGAN.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, NamedTuple, Self, cast

import torch
from pydantic import Field, PositiveInt, SerializeAsAny, model_validator
from torch import Tensor, nn

from vesalius.errors import UsageError
from vesalius.nets.anchors import Grid, anchored
from vesalius.nets.latents import SIZES, CodeHead, LatentDecoder, LatentEncoder, Order, PixelHead, Sequence, Width
from vesalius.nets.net import Net
from vesalius.nets.quantizer import AnyQuantizer, Quantized
from vesalius.nets.vector_quantizer import VectorCodes
from vesalius.nets.vqgan import PixelDecoder, Vqgan, VqganNet

Sides = Annotated[tuple[PositiveInt, ...], Field(min_length=2, max_length=3)]


class TiTokNet(Net):
    """x_BCJI from 0 to 1 to its tokens and back, `CodedPictures`. Sides are multiples of the patch.

    Published: L-32, B-64 and S-128 (trained in two stages) have the head "codes", the order "reshaped" and a `vqgan`,
    whose decoder paints the picture; the others the head "pixels". Three sides make it a net of volumes, x_BCKJI.

    Departures: anchored tokens, and decoding from a prefix of the tokens, which training must show it
    (arXiv:2501.10064).

    Example:
        >>> config = TiTokNet(encoder="micro", decoder="micro", inputs=1, size=(64, 48), patch=(8, 8), latents=4)
        >>> net = config.make().eval()
        >>> tokens_BL = net.encode(torch.rand(1, 1, 64, 48)).codes_BL
        >>> tokens_BL.shape, net.decode_tokens(tokens_BL[:, :2]).shape
        (torch.Size([1, 4]), torch.Size([1, 1, 64, 48]))
    """

    encoder: Width = Field(default="large", description="size of the encoder: micro (for CPUs), small, base or large")
    decoder: Width = Field(default="large", description="size of the decoder")
    inputs: int = Field(default=3, ge=1, description="channels")
    size: Sides = Field(default=(256, 256), description="pixels for which positions are learned, rows first")
    patch: Sides = Field(default=(16, 16), description="pixels of a patch, rows first")
    latents: int = Field(default=32, ge=1, description="latent tokens")
    quantizer: AnyQuantizer = Field(default=VectorCodes(l2_norm=True), description="how a token becomes an integer")
    head: Literal["pixels", "codes"] = Field(
        default="pixels", description="what the decoder gives for a patch: its pixels, or its code of a VQGAN"
    )
    codes: int = Field(default=1024, ge=2, description="codes of the VQGAN of the head `codes`")
    vqgan: SerializeAsAny[VqganNet] | None = Field(
        default=None, description="VQGAN whose codes become the picture; null in the first stage of two"
    )
    order: Order = Field(
        default="transposed",
        description="how the encoder's last layer reads tokens; reshaped in the published L-32, B-64, S-128",
    )
    anchors: tuple[Sides, ...] = Field(
        default=(), description="grids of cells that tokens are tied to, coarse ones first; none: free tokens"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        axes = len(self.size)
        if len(self.patch) != axes or any(side % pixels for side, pixels in zip(self.size, self.patch, strict=True)):
            raise ValueError(f"the size {self.size} is not a multiple of the patch {self.patch}")
        if any(len(cells) != axes for cells in self.anchors):
            raise ValueError(f"anchors need {axes} numbers each")
        if self.anchors and anchored(self.anchors) != self.latents:
            raise ValueError(f"the anchors are {anchored(self.anchors)} cells, latents is {self.latents}")
        if self.vqgan is not None:
            self._check_vqgan(self.vqgan)
        return self

    def _check_vqgan(self, vqgan: VqganNet) -> None:
        if self.head != "codes":
            raise ValueError("a vqgan needs the head codes")
        if vqgan.codes != self.codes:
            raise ValueError(f"the vqgan has {vqgan.codes} codes, the head {self.codes}")
        if self.patch != (vqgan.divisor, vqgan.divisor):
            raise ValueError(f"the patch {self.patch} is no cell of the vqgan, {vqgan.divisor} pixels wide")

    @property
    def dims(self) -> int:
        return len(self.size)

    @property
    def outputs(self) -> int:
        """Channels of the decoded picture."""
        return self.inputs

    @property
    def divisor(self) -> int:
        return math.lcm(*self.patch)

    @property
    def grid(self) -> Grid:
        """Patches along each axis for which positions are learned."""
        return tuple(side // pixels for side, pixels in zip(self.size, self.patch, strict=True))

    def make(self) -> TokenAutoencoder:
        return TokenAutoencoder(self)


class CodedPictures(NamedTuple):
    """What a `TokenAutoencoder` makes of pictures; a part that its head does not give is empty.

    Args:
        x_BCJI: the pictures decoded.
        codes_BL: their tokens.
        loss: of the quantizer.
        z_BLD: the quantized vectors.
        logits_BNP: of the code of each patch.
    """

    x_BCJI: Tensor
    codes_BL: Tensor
    loss: Tensor
    z_BLD: Tensor
    logits_BNP: Tensor


class TokenAutoencoder(nn.Module):
    """Encoder, quantizer and decoder of a `TiTokNet`.

    Stage 2 of two trains `decoder`, `head` and `pixel_decoder` and leaves `encoder` and `quantizer` as they are.
    """

    def __init__(self, config: TiTokNet) -> None:
        super().__init__()
        self.config = config
        shared = config.patch, config.grid, config.latents, config.anchors
        self.encoder = LatentEncoder(
            Sequence(config.encoder, *shared), config.inputs, config.quantizer.emits, config.order
        )
        self.quantizer = config.quantizer.make()
        self.decoder = LatentDecoder(Sequence(config.decoder, *shared), config.quantizer.width)
        width = SIZES[config.decoder][0]
        self.head: PixelHead | CodeHead = (
            PixelHead(width, config.patch, config.inputs) if config.head == "pixels" else CodeHead(width, config.codes)
        )
        self.pixel_decoder = None if config.vqgan is None else _Painter(config.vqgan)

    def forward(self, x_BCJI: Tensor, prefix: int | None = None, quantized: bool = True) -> CodedPictures:
        """Encode and decode.

        Args:
            x_BCJI: pictures.
            prefix: how many tokens the decoder is given; None: all.
            quantized: whether tokens are rounded to codes; without, for a warm-up.
        """
        y_BLE = self.encoder(x_BCJI)
        z_BLD, codes_BL, loss = self.quantizer(y_BLE) if quantized else self.quantizer.continuous(y_BLE)
        places_BPW, grid = self._places(z_BLD[:, :prefix], tuple(x_BCJI.shape[2:]))
        logits_BNP = self.head(places_BPW) if isinstance(self.head, CodeHead) else z_BLD.new_zeros(0)
        return CodedPictures(self._picture(places_BPW, logits_BNP, grid), codes_BL, loss, z_BLD, logits_BNP)

    def encode(self, x_BCJI: Tensor) -> Quantized:
        """Return the tokens of pictures: their vectors and integers."""
        quantized: Quantized = self.quantizer(self.encoder(x_BCJI))
        return quantized

    def decode(self, z_BLD: Tensor, size: tuple[int, ...] | None = None) -> Tensor:
        """Return pictures of all tokens or the first of them.

        Args:
            z_BLD: the vectors of the tokens.
            size: of the pictures, multiples of the patch; None: that of the configuration.

        Raises:
            UsageError: the net gives codes of a VQGAN, and has no VQGAN; too many tokens, or no such size.
        """
        self._check(z_BLD, size)
        if isinstance(self.head, CodeHead) and self.pixel_decoder is None:
            raise UsageError("the model gives no pictures, only codes of a VQGAN", fix="use one of the second stage")
        places_BPW, grid = self._places(z_BLD, size or self.config.size)
        logits_BNP = self.head(places_BPW) if isinstance(self.head, CodeHead) else z_BLD.new_zeros(0)
        return self._picture(places_BPW, logits_BNP, grid)

    def decode_tokens(self, codes_BL: Tensor, size: tuple[int, ...] | None = None) -> Tensor:
        """Return pictures of integers, all or the first of them, clamped to the range 0 to 1.

        Raises:
            UsageError: as for `decode`, or the tokens of the net are no integers.
        """
        return self.decode(self.quantizer.lookup(codes_BL), size).clamp(0, 1)

    def take_pixel_decoder(self, vqgan: Vqgan) -> None:
        """Copy codebook and decoder of a trained VQGAN, for the second stage."""
        if self.pixel_decoder is None:
            raise ValueError("the net has no pixel decoder")
        self.pixel_decoder.decoder.load_state_dict(vqgan.decoder.state_dict())
        with torch.no_grad():
            self.pixel_decoder.codebook_ND.copy_(cast(Tensor, vqgan.quantizer.codebook_ND))

    def _places(self, z_BLD: Tensor, size: tuple[int, ...]) -> tuple[Tensor, Grid]:
        grid = tuple(side // pixels for side, pixels in zip(size, self.config.patch, strict=True))
        return self.decoder(z_BLD, grid), grid

    def _picture(self, places_BPW: Tensor, logits_BNP: Tensor, grid: Grid) -> Tensor:
        if isinstance(self.head, PixelHead):
            pixels: Tensor = self.head(places_BPW, grid)
            return pixels
        if self.pixel_decoder is None:
            return places_BPW.new_zeros(0)
        painted: Tensor = self.pixel_decoder(logits_BNP, grid)
        return painted

    def _check(self, z_BLD: Tensor, size: tuple[int, ...] | None) -> None:
        if not 1 <= z_BLD.shape[1] <= self.config.latents:
            what = f"{z_BLD.shape[1]} tokens are given, a picture has {self.config.latents}"
            raise UsageError(what, fix=f"give 1 to {self.config.latents}")
        patch = self.config.patch
        if size is not None and (len(size) != len(patch) or any(s % p for s, p in zip(size, patch, strict=False))):
            raise UsageError(f"the size {size} is not a multiple of the patch {patch}", fix="pad the pictures")


class _Painter(nn.Module):
    """logits_BNP to x_BCJI: the mean of the codes by their probabilities, then the decoder of the VQGAN."""

    def __init__(self, config: VqganNet) -> None:
        super().__init__()
        self.codebook_ND = nn.Parameter(
            torch.empty(config.codes, config.dim).uniform_(-1 / config.codes, 1 / config.codes)
        )
        self.decoder = PixelDecoder(config)

    def forward(self, logits_BNP: Tensor, grid: Grid) -> Tensor:
        mixed_BPD = logits_BNP.transpose(1, 2).softmax(-1) @ self.codebook_ND
        x_BCJI: Tensor = self.decoder(mixed_BPD.transpose(1, 2).reshape(logits_BNP.shape[0], -1, *grid))
        return x_BCJI
