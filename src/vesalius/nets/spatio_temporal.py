"""Tokens of moving hearts: a TiTok for each frame, a transformer over the cycle, a decoder that may know the patient.

Letters: B scans, K slices, T frames, J rows, I columns; N frames of all scans, P latent tokens of a frame; F waves over
time, S waves over slices; G groups of tokens, L tokens of a group; D numbers of a token, E numbers emitted for one,
W width over time.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from vesalius.nets.anchors import anchored
from vesalius.nets.clinical import ClinicalEmbedding
from vesalius.nets.code_tokenizer import CodeTokenizer
from vesalius.nets.latents import SIZES, Block, LatentDecoder, LatentEncoder, PixelHead, Sequence, Width, initialize
from vesalius.nets.net import Net
from vesalius.nets.quantizer import AnyQuantizer, Quantized, Quantizer
from vesalius.nets.titok import CodedPictures, Sides
from vesalius.nets.titok_tokenizer import Group
from vesalius.nets.tokenizer import Size
from vesalius.nets.vector_quantizer import VectorCodes
from vesalius.nets.waves import slice_waves, time_count, time_waves

_PHASES = 4
"""Harmonics by which a frame is told its place in the cycle."""
_DEPTHS = 3
"""Cosines by which a slice is told its place in the stack."""


class SpatioTemporal(Net):
    """Scans of any number of slices and frames to codes and back; `make` returns a `Tokenizer`.

    The encoder of a TiTok gives latent tokens for each frame, and a transformer lets those of a place see the whole
    cycle. Then they become tokens: of each frame; of a slice, as waves over its cycle (mean, cosines, sines: slow ones
    first); or of the study, as waves over its slices, too. The decoder goes the same way back. The first tokens of a
    group are thus a smooth summary, and a prefix decodes.

    With `takes_mean` the mean frame, which is coded apart, is shown to encoder and decoder, and the net paints only the
    difference; it begins with none.

    Example:
        >>> sizes = {"size": (32, 32), "patch": (8, 8), "latents": 4, "anchors": ((2, 2),), "harmonics": 2}
        >>> net = SpatioTemporal(**sizes, width=64, heads=2, layers=1).make().eval()
        >>> x_KTJI, mean_KJI = torch.rand(2, 7, 30, 32), torch.rand(2, 30, 32)
        >>> tokens_GLM = net.encode(x_KTJI, mean_KJI)
        >>> tokens_GLM.shape, net.decode(tokens_GLM[:, :8], mean_KJI, (2, 7, 30, 32)).shape
        (torch.Size([2, 20, 1]), torch.Size([2, 7, 30, 32]))
    """

    dims: ClassVar[int] = 2
    inputs: ClassVar[int] = 1
    outputs: ClassVar[int] = 1
    divisor: ClassVar[int] = 1
    encoder: Width = Field(default="micro", description="size of the encoder of a frame: micro, small, base or large")
    decoder: Width = Field(default="micro", description="size of the decoder of a frame")
    size: Sides = Field(default=(96, 96), description="pixels for which positions are learned, rows first")
    patch: Sides = Field(default=(8, 8), description="pixels of a patch, rows first")
    latents: int = Field(default=16, ge=1, description="latent tokens of a frame")
    anchors: tuple[Sides, ...] = Field(default=((4, 4),), description="grids of cells they are tied to; none: free")
    group: Group = Field(default="slice", description="what has tokens of its own: frame, slice (its cycle) or study")
    harmonics: int = Field(default=2, ge=0, description="over time, for slice and study")
    waves: int = Field(default=2, ge=1, description="over slices, for study")
    width: int = Field(default=256, ge=8, description="of the transformer over time")
    heads: int = Field(default=8, ge=1, description="of the transformer over time")
    layers: int = Field(default=6, ge=1, description="of the transformer over time, on either side of the tokens")
    quantizer: AnyQuantizer = Field(default=VectorCodes(), description="how a token becomes an integer")
    takes_mean: bool = Field(default=True, description="whether the mean frame is known")
    unknown: float = Field(default=0.2, ge=0, le=1, description="share of the patient's facts dropped in training")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.size) != 2 or len(self.patch) != 2 or any(len(cells) != 2 for cells in self.anchors):
            raise ValueError("size, patch and anchors need two numbers each")
        if any(side % pixels for side, pixels in zip(self.size, self.patch, strict=True)):
            raise ValueError(f"the size {self.size} is not a multiple of the patch {self.patch}")
        if self.anchors and anchored(self.anchors) != self.latents:
            raise ValueError(f"the anchors are {anchored(self.anchors)} cells, latents is {self.latents}")
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} does not divide into {self.heads} heads")
        if self.quantizer.make().codes == 0:
            raise ValueError("the tokens of a gaussian quantizer are no integers")
        return self

    def make(self) -> SpatioTemporalTokenizer:
        return SpatioTemporalTokenizer(self)


class SpatioTemporalTokenizer(CodeTokenizer):
    """See `SpatioTemporal`. `facts_F` (`clinical_facts`) is what `encode` and `decode` know of the patient."""

    facts_F: Tensor | None = None

    def __init__(self, config: SpatioTemporal) -> None:
        super().__init__()
        self.config, self.takes_mean = config, config.takes_mean
        self.patch = config.patch[0], config.patch[1]
        rows, columns = (side // pixels for side, pixels in zip(config.size, self.patch, strict=True))
        shared = config.patch, (rows, columns), config.latents, config.anchors
        width, wide = config.width, SIZES[config.decoder][0]
        self.encoder = LatentEncoder(Sequence(config.encoder, *shared), 2 if config.takes_mean else 1, width)
        self.over_time = _OverTime(width, config.heads, config.layers)
        self.out = nn.Linear(width, config.quantizer.emits)
        self.book = config.quantizer.make()
        self.codes, self.width = self.book.codes, config.quantizer.width
        self.into = nn.Linear(config.quantizer.width, width)
        self.back_in_time = _OverTime(width, config.heads, config.layers)
        self.clinical = ClinicalEmbedding(width, config.unknown)
        self.whole = nn.Linear(width, wide, bias=False)
        self.decoder = LatentDecoder(Sequence(config.decoder, *shared), width)
        self.mean_patches = nn.Conv2d(1, wide, self.patch, self.patch) if config.takes_mean else None
        self.head = PixelHead(wide, config.patch, 1)
        for layer in (self.out, self.into, self.whole):
            initialize(layer)
        if config.takes_mean:
            nn.init.zeros_(self.head.pixels.weight)

    def forward(
        self,
        x_BKTJI: Tensor,
        mean_BKJI: Tensor | None = None,
        facts_BF: Tensor | None = None,
        prefix: int | None = None,
        quantized: bool = True,
    ) -> CodedPictures:
        y_GLE = self.latents(x_BKTJI, mean_BKJI)
        z_GLD, codes_GL, loss = self.book(y_GLE) if quantized else self.book.continuous(y_GLE)
        decoded_BKTJI = self.restored(z_GLD[:, :prefix], tuple(x_BKTJI.shape), mean_BKJI, facts_BF)
        return CodedPictures(decoded_BKTJI, codes_GL, loss, z_GLD, z_GLD.new_zeros(0))

    @property
    def quantizer(self) -> Quantizer:
        return self.book

    def latents(self, x_BKTJI: Tensor, mean_BKJI: Tensor | None = None) -> Tensor:
        scans, slices, frames, rows, columns = x_BKTJI.shape
        channels = [x_BKTJI]
        if self.takes_mean:
            assert mean_BKJI is not None
            mean_BKTJI = mean_BKJI[:, :, None].expand_as(x_BKTJI)
            channels = [x_BKTJI - mean_BKTJI, mean_BKTJI]
        x_NCJI = torch.stack(channels, 3).reshape(scans * slices * frames, len(channels), rows, columns)
        y_NPW = self.encoder(x_NCJI)
        y_BKTPW = self.over_time(y_NPW.reshape(scans, slices, frames, *y_NPW.shape[1:]))
        y_GLE: Tensor = self.out(self._grouped(y_BKTPW))
        return y_GLE

    def restored(
        self,
        z_GLD: Tensor,
        size_BKTJI: tuple[int, ...],
        mean_BKJI: Tensor | None = None,
        facts_BF: Tensor | None = None,
    ) -> Tensor:
        """Return x_BKTJI of all tokens or the first of each group."""
        scans, slices, frames, rows, columns = size_BKTJI
        y_BKTPW = self._ungrouped(self.into(z_GLD), (scans, slices, frames))
        facts_BW = self.clinical(facts_BF, scans)
        y_BKTPW = self.back_in_time(y_BKTPW + facts_BW[:, None, None, None])
        grid = rows // self.patch[0], columns // self.patch[1]
        whole_NW = self.whole(facts_BW).repeat_interleave(slices * frames, 0)
        places_NPW = None
        if self.mean_patches is not None:
            assert mean_BKJI is not None
            places = self.mean_patches(mean_BKJI.reshape(-1, 1, rows, columns)).flatten(2).transpose(1, 2)
            places_NPW = places.repeat_interleave(frames, 0)
        y_NPW = self.decoder(y_BKTPW.flatten(0, 2), grid, places_NPW, whole_NW)
        x_BKTJI = self.head(y_NPW, grid).reshape(size_BKTJI)
        return x_BKTJI if mean_BKJI is None or not self.takes_mean else x_BKTJI + mean_BKJI[:, :, None]

    def length(self, size_KTJI: Size) -> tuple[int, int]:
        slices, frames = size_KTJI[:2]
        waves = time_count(frames, self.config.harmonics)
        return {
            "frame": (slices * frames, self.config.latents),
            "slice": (slices, waves * self.config.latents),
            "study": (1, min(slices, self.config.waves) * waves * self.config.latents),
        }[self.config.group]

    def coded(self, x_KTJI: Tensor, mean_KJI: Tensor | None) -> Tensor:
        y_GLE = self.latents(x_KTJI[None], None if mean_KJI is None else mean_KJI[None])
        quantized: Quantized = self.book(y_GLE)
        return quantized.codes_BL

    def decoded(self, codes_GL: Tensor, mean_KJI: Tensor | None, size_KTJI: Size) -> Tensor:
        mean_BKJI = None if mean_KJI is None else mean_KJI[None]
        facts_BF = None if self.facts_F is None else self.facts_F[None].to(codes_GL.device)
        return self.restored(self.book.lookup(codes_GL), (1, *size_KTJI), mean_BKJI, facts_BF)[0]

    def _grouped(self, y_BKTPW: Tensor) -> Tensor:
        """Return y_GLW: slow waves come before fast ones, and every wave of all latent tokens before the next."""
        if self.config.group == "frame":
            return y_BKTPW.flatten(0, 2)
        analysis_FT = self._in_order(time_waves(y_BKTPW.shape[2], self.config.harmonics)[0])
        y_BKFPW = torch.einsum("ft,bktpw->bkfpw", analysis_FT.to(y_BKTPW), y_BKTPW)
        if self.config.group == "slice":
            return y_BKFPW.flatten(2, 3).flatten(0, 1)
        analysis_SK = slice_waves(y_BKTPW.shape[1], self.config.waves)[0]
        return torch.einsum("sk,bkfpw->bfspw", analysis_SK.to(y_BKTPW), y_BKFPW).flatten(1, 3)

    def _ungrouped(self, y_GLW: Tensor, size_BKT: tuple[int, int, int]) -> Tensor:
        scans, slices, frames = size_BKT
        length = self.length((slices, frames, 0, 0))[1]
        y_GLW = torch.nn.functional.pad(y_GLW, (0, 0, 0, length - y_GLW.shape[1]))
        parts, width = self.config.latents, y_GLW.shape[-1]
        if self.config.group == "frame":
            return y_GLW.reshape(scans, slices, frames, parts, width)
        synthesis_TF = self._in_order(time_waves(frames, self.config.harmonics)[1].T).T.to(y_GLW)
        waves = synthesis_TF.shape[1]
        if self.config.group == "slice":
            y_BKFPW = y_GLW.reshape(scans, slices, waves, parts, width)
        else:
            synthesis_KS = slice_waves(slices, self.config.waves)[1].to(y_GLW)
            y_BFSPW = y_GLW.reshape(scans, waves, synthesis_KS.shape[1], parts, width)
            y_BKFPW = torch.einsum("ks,bfspw->bkfpw", synthesis_KS, y_BFSPW)
        return torch.einsum("tf,bkfpw->bktpw", synthesis_TF, y_BKFPW)

    def _in_order(self, rows_FT: Tensor) -> Tensor:
        """Put the mean over time last where it is known."""
        return torch.cat([rows_FT[1:], rows_FT[:1]]) if self.takes_mean else rows_FT


class _OverTime(nn.Module):
    """y_BKTPW to y_BKTPW: latent tokens of one place attend to each other over the cycle, which is a circle."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.place = nn.Linear(2 * _PHASES + _DEPTHS, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.apply(initialize)

    def forward(self, y_BKTPW: Tensor) -> Tensor:
        scans, slices, frames, parts, width = y_BKTPW.shape
        y_BKTPW = y_BKTPW + self.place(_places(slices, frames).to(y_BKTPW))[:, :, None]
        y = y_BKTPW.transpose(2, 3).reshape(scans * slices * parts, frames, width)
        for block in self.blocks:
            y = block(y)
        mixed: Tensor = self.norm(y).reshape(scans, slices, parts, frames, width).transpose(2, 3)
        return mixed


def _places(slices: int, frames: int) -> Tensor:
    """Return what each frame is told: cosines and sines of its phase, and cosines along the stack; (K, T, numbers)."""
    phase_T = torch.arange(frames) * (2 * math.pi / frames)
    turns = torch.stack([wave(number * phase_T) for number in range(1, _PHASES + 1) for wave in (torch.cos, torch.sin)])
    depth_K = (torch.arange(slices) + 0.5) * (math.pi / slices)
    cosines = torch.stack([(number * depth_K).cos() for number in range(1, _DEPTHS + 1)])
    return torch.cat([turns.T[None].expand(slices, -1, -1), cosines.T[:, None].expand(-1, frames, -1)], -1)
