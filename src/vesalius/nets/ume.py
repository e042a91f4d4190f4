"""UME, an encoder of volumes and of time by keyframes, and the segmentation net on it.

Frames are slices or points of time: the encoder looks at a few of them with a transformer, fuses their modalities, and
applies attention over time; the decoder segments each frame from this memory and the frame's own pixels.

Letters: B batch, M modalities, F frames, N keyframes (classes in logits), J rows, I columns, L places row by row,
D width, E width of the memory, f frames of a part, H W places down and across.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from vesalius.errors import UsageError
from vesalius.nets.encoder import EncoderNet
from vesalius.nets.keyframes import STRATEGY_WORDS, KeyframeSelector, Strategy, first_not_below
from vesalius.nets.latents import Block, initialize, interpolated
from vesalius.nets.modal_fusion import CrossAttention, ModalFusion, check_present, drop_modalities
from vesalius.nets.net import Net

FrameSize = Literal["micro", "small", "base"]
FRAME_SIZES: dict[FrameSize, tuple[int, int, int]] = {"micro": (96, 3, 3), "small": (384, 6, 6), "base": (768, 12, 12)}
"""Width D, heads and blocks; micro is for CPUs."""
_GROUPS = 8
_WIDEST = 256
_LONGEST = 1000.0
"""The slowest sinusoid of a frame's number has about this many times the period of the fastest."""


class UME(EncoderNet):
    """x_BCIJK to (whole_BE, places_BLE), means over keyframes; I and J are multiples of the patch, K is free.

    Channels are modalities, frames lie along K, and E is D / `compression_ratio`. NaN in a modality says that it is
    missing.
    """

    dims: ClassVar[int] = 3
    takes_missing: ClassVar[bool] = True
    inputs: int = Field(ge=1, le=64, description="modalities")
    size: FrameSize = Field(
        default="base", description="width, heads and blocks: 96 / 3 / 3, 384 / 6 / 6, 768 / 12 / 12"
    )
    patch: int = Field(default=32, ge=2, le=64, description="side of a place in pixels, a power of 2")
    picture: int = Field(default=256, ge=2, description="side that positions are learned for; others are interpolated")
    keyframes: Strategy = Field(default="fused", description=STRATEGY_WORDS)
    max_keyframes: int = Field(default=10, ge=1, le=256, description="frames looked at, at most")
    floor: float = Field(default=0.3, gt=0, le=1, description="share of the keyframes that is spread evenly")
    temporal_depth: int = Field(default=2, ge=0, le=24, description="blocks that join the keyframes of a place")
    compression_ratio: int = Field(default=4, ge=1, description="the memory has this many times fewer numbers")
    drop_modality: float = Field(default=0.0, ge=0, lt=1, description="probability to hide a modality in training")

    @model_validator(mode="after")
    def _sizes_divide(self) -> UME:
        if self.patch & (self.patch - 1):
            raise ValueError(f"patch {self.patch} is no power of 2")
        if self.picture % self.patch:
            raise ValueError(f"picture {self.picture} is no multiple of the patch, {self.patch}")
        if FRAME_SIZES[self.size][0] % self.compression_ratio:
            raise ValueError(f"compression_ratio must divide {FRAME_SIZES[self.size][0]}")
        return self

    @property
    def width(self) -> int:
        return FRAME_SIZES[self.size][0] // self.compression_ratio

    @property
    def divisor(self) -> int:
        return self.patch

    @property
    def divisors(self) -> tuple[int, ...]:
        return self.patch, self.patch, 1

    def make(self) -> UMEEncoder:
        return UMEEncoder(self)


class UMEDecoder(Net):
    """A part of `UMESegmenter`: the frames of a scan and what the encoder keeps of it to logits."""

    dims: ClassVar[None] = None
    inputs: int = Field(ge=1, description="modalities")
    outputs: int = Field(ge=1, description="classes or regions")
    divisor: int = Field(ge=2, description="side of a place of the memory in pixels, a power of 2")
    memory: int = Field(ge=1, description="width of the memory")
    channels: int = Field(ge=8, multiple_of=8, description="of the finest level; doubled up to 256")

    def make(self) -> _FrameDecoder:
        return _FrameDecoder(self)


class UMESegmenter(Net):
    """x_BCIJK to logits_BNIJK, with modalities as channels and frames along K. Missing modalities as for `UME`.

    Example:
        >>> encoder = {"name": "ume", "inputs": 2, "size": "micro", "patch": 8, "picture": 32}
        >>> net = UMESegmenter.build(encoder=encoder, outputs=3, channels=8).make()
        >>> net(torch.zeros(1, 2, 32, 16, 5)).shape
        torch.Size([1, 3, 32, 16, 5])
    """

    dims: ClassVar[int] = 3
    takes_missing: ClassVar[bool] = True
    encoder: UME = Field(description="what makes the memory")
    outputs: int = Field(ge=1, description="classes, the background among them; or regions")
    channels: int = Field(default=16, ge=8, multiple_of=8, description="of the finest level; doubled up to 256")
    frames_at_once: int = Field(
        default=8, ge=1, description="frames decoded together; only memory and speed depend on it"
    )

    @property
    def inputs(self) -> int:
        return self.encoder.inputs

    @property
    def divisor(self) -> int:
        return self.encoder.divisor

    @property
    def divisors(self) -> tuple[int, ...]:
        return self.encoder.divisors

    @property
    def decoder(self) -> UMEDecoder:
        """The decoder alone."""
        return UMEDecoder(
            inputs=self.inputs,
            outputs=self.outputs,
            divisor=self.divisor,
            memory=self.encoder.width,
            channels=self.channels,
        )

    @classmethod
    def of(cls, encoder: UME, decoder: UMEDecoder) -> UMESegmenter:
        """Return the configuration of the net that an encoder and a decoder make together."""
        return cls(encoder=encoder, outputs=decoder.outputs, channels=decoder.channels)

    def make(self) -> UMESegmentation:
        return self.joined(self.encoder.make(), self.decoder.make())

    def joined(self, encoder: UMEEncoder, decoder: nn.Module) -> UMESegmentation:
        """Return the net of two existing networks."""
        return UMESegmentation(encoder, decoder, self.frames_at_once)


class Memory(NamedTuple):
    """What the encoder keeps of a scan.

    Args:
        tokens_BNLE: a vector for each keyframe and place.
        positions_BN: numbers of the keyframes, increasing.
        grid: H, W.
        present_BM: the modalities that were used.
    """

    tokens_BNLE: Tensor
    positions_BN: Tensor
    grid: tuple[int, int]
    present_BM: Tensor


class UMEEncoder(nn.Module):
    """The encoder of `UME`."""

    def __init__(self, config: UME) -> None:
        super().__init__()
        width, heads, depth = FRAME_SIZES[config.size]
        self.config = config
        self.selector = KeyframeSelector(config.keyframes, config.max_keyframes, config.inputs, config.floor)
        side = config.picture // config.patch
        self._learned = side, side
        self.patches = nn.Conv2d(1, width, config.patch, config.patch)
        self.positions_PD = nn.Parameter(0.02 * torch.randn(side * side + 1, width))
        self.modalities_MD = nn.Parameter(0.02 * torch.randn(config.inputs, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.fusion = ModalFusion(config.inputs, width, heads)
        self.place = nn.Linear(width, width)
        self.over_time = nn.ModuleList(Block(width, heads) for _ in range(config.temporal_depth))
        self.norm = nn.LayerNorm(width)
        self.compressed = nn.Linear(width, config.width)
        for part in (self.patches, self.blocks, self.place, self.over_time, self.compressed):
            part.apply(initialize)

    def forward(
        self, x_BCIJK: Tensor, present_BM: Tensor | None = None, *, keyframes: bool = False
    ) -> tuple[Tensor, ...]:
        """Return (whole_BE, places_BLE), places row by row; with `keyframes` also keyframes_BNE, means over places.

        Args:
            x_BCIJK: scans, frames along K.
            present_BM: bool; None: those without NaN.
            keyframes: whether their vectors are returned.

        Raises:
            UsageError: another size, or a scan without any modality.
        """
        tokens_BNLE = self.remember(*self.seen(_frames_first(x_BCIJK), present_BM)).tokens_BNLE
        vectors = tokens_BNLE.mean((1, 2)), tokens_BNLE.mean(1)
        return (*vectors, tokens_BNLE.mean(2)) if keyframes else vectors

    def seen(self, x_BMFJI: Tensor, present_BM: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the scans with zeros for what is missing, and present_BM; training hides modalities here."""
        self._check(x_BMFJI)
        if present_BM is None:
            present_BM = ~x_BMFJI.isnan().flatten(2).any(2)
        check_present(present_BM)
        if self.training and self.config.drop_modality:
            present_BM = drop_modalities(present_BM, self.config.drop_modality)
        missing_BM111 = ~present_BM[:, :, None, None, None]
        return x_BMFJI.masked_fill(missing_BM111, 0), present_BM

    def remember(self, x_BMFJI: Tensor, present_BM: Tensor) -> Memory:
        """Return the memory of what `seen` gives."""
        chosen = self.selector(x_BMFJI, present_BM)
        count, modalities, keyframes, *sides = chosen.pictures_BMNJI.shape
        grid = sides[0] // self.config.patch, sides[1] // self.config.patch
        y_BLD = self.patches(chosen.pictures_BMNJI.flatten(0, 2)[:, None]).flatten(2).transpose(1, 2)
        y_BLD = y_BLD + interpolated(self.positions_PD, self._learned, grid)[1:]
        y_BMNLD = y_BLD.reshape(count, modalities, keyframes, *y_BLD.shape[1:])
        y = (y_BMNLD + self.modalities_MD[:, None, None]).flatten(0, 2)
        for block in self.blocks:
            y = block(y)
        y_BNLD = self.fusion(y.reshape(y_BMNLD.shape), present_BM)
        width = y_BNLD.shape[-1]
        y_BNLD = y_BNLD + self.place(sinusoids(chosen.positions_BN, width).to(y_BNLD))[:, :, None]
        y = y_BNLD.transpose(1, 2).reshape(-1, keyframes, width)
        for block in self.over_time:
            y = block(y)
        tokens: Tensor = self.compressed(self.norm(y)).reshape(count, -1, keyframes, self.config.width)
        return Memory(tokens.transpose(1, 2), chosen.positions_BN, grid, present_BM)

    def _check(self, x_BMFJI: Tensor) -> None:
        _, modalities, _, *sides = x_BMFJI.shape
        if modalities != self.config.inputs or any(side % self.config.patch for side in sides):
            given = f"{modalities} modalities of {sides[0]} x {sides[1]} pixels"
            fix = f"give {self.config.inputs} modalities and multiples of {self.config.patch} pixels"
            raise UsageError(f"the encoder does not take {given}", fix=fix)


class UMESegmentation(nn.Module):
    """The net of `UMESegmenter`: an encoder and a decoder, and how many frames are decoded together."""

    def __init__(self, encoder: UMEEncoder, decoder: nn.Module, at_once: int) -> None:
        super().__init__()
        self._at_once = at_once
        self.encoder, self.decoder = encoder, decoder

    def forward(
        self, x_BCIJK: Tensor, present_BM: Tensor | None = None, *, keyframes: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return logits_BNIJK, with `keyframes` and keyframes_BNE, the mean of each keyframe's places."""
        memory, x_BMFJI = self._remembered(x_BCIJK, present_BM)
        parts = [self._decode(memory, part, first) for first, part in _parts(x_BMFJI, self._at_once)]
        logits_BNIJK = torch.cat(parts, 2).permute(0, 1, 4, 3, 2)
        return (logits_BNIJK, memory.tokens_BNLE.mean(2)) if keyframes else logits_BNIJK

    def frame_by_frame(self, x_BCIJK: Tensor, present_BM: Tensor | None = None) -> Iterator[Tensor]:
        """Give logits_BNIJ of one frame after the other; in evaluation they equal those of `forward`."""
        memory, x_BMFJI = self._remembered(x_BCIJK, present_BM)
        for first, part in _parts(x_BMFJI, 1):
            yield self.decoder(memory, part, first)[:, :, 0].transpose(2, 3)

    def _remembered(self, x_BCIJK: Tensor, present_BM: Tensor | None) -> tuple[Memory, Tensor]:
        x_BMFJI, present_BM = self.encoder.seen(_frames_first(x_BCIJK), present_BM)
        return self.encoder.remember(x_BMFJI, present_BM), x_BMFJI

    def _decode(self, memory: Memory, x_BMfJI: Tensor, first: int) -> Tensor:
        if not torch.is_grad_enabled():
            return self.decoder(memory, x_BMfJI, first)
        logits_BNfJI: Tensor = checkpoint(self.decoder, memory, x_BMfJI, first, use_reentrant=False)
        return logits_BNfJI


class _FrameDecoder(nn.Module):
    """Frames of a part to logits_BNfJI: a U-shaped path for each frame, joined with the memory at its bottom."""

    def __init__(self, config: UMEDecoder) -> None:
        super().__init__()
        levels = config.divisor.bit_length() - 1
        widths = [min(_WIDEST, config.channels << level) for level in range(levels + 1)]
        self.missing_M = nn.Parameter(torch.zeros(config.inputs))
        self.first = _twice(config.inputs, widths[0])
        self.down = nn.ModuleList(_twice(before, after, stride=2) for before, after in pairwise(widths))
        self.blend = nn.Linear(config.memory, widths[-1])
        self.gather = CrossAttention(widths[-1], config.memory, math.gcd(4, widths[-1] // 8))
        self.up = nn.ModuleList(_twice(below + skip, skip) for skip, below in reversed(list(pairwise(widths))))
        self.logits = nn.Conv2d(widths[0], config.outputs, 1)

    def forward(self, memory: Memory, x_BMfJI: Tensor, first: int) -> Tensor:
        """Decode frames `first`, `first` + 1 and so on."""
        count, _, frames = x_BMfJI.shape[:3]
        known_BM111 = memory.present_BM[:, :, None, None, None]
        x_BMfJI = torch.where(known_BM111, x_BMfJI, self.missing_M[:, None, None, None].to(x_BMfJI.dtype))
        y = self.first(x_BMfJI.transpose(1, 2).flatten(0, 1))
        skips = []
        for level in self.down:
            skips.append(y)
            y = level(y)
        y = self._joined(y.reshape(count, frames, *y.shape[1:]), memory, first).flatten(0, 1)
        for level in self.up:
            y = level(torch.cat([functional.interpolate(y, scale_factor=2, mode="nearest"), skips.pop()], 1))
        logits: Tensor = self.logits(y)
        return logits.reshape(count, frames, *logits.shape[1:]).transpose(1, 2)

    def _joined(self, y_BfCHW: Tensor, memory: Memory, first: int) -> Tensor:
        count, frames, channels = y_BfCHW.shape[:3]
        numbers_Bf = (first + torch.arange(frames, device=y_BfCHW.device)).expand(count, -1)
        positions_BN = memory.positions_BN
        weights_BfN = between(numbers_Bf, positions_BN).to(memory.tokens_BNLE)
        blended_BfLC = self.blend(torch.einsum("bfn,bnle->bfle", weights_BfN, memory.tokens_BNLE))
        y_BfLC = y_BfCHW.flatten(3).transpose(2, 3) + blended_BfLC
        told_BfLC = y_BfLC + sinusoids(numbers_Bf, channels).to(y_BfLC)[:, :, None]
        width = memory.tokens_BNLE.shape[-1]
        keys_BNLE = memory.tokens_BNLE + sinusoids(positions_BN, width).to(memory.tokens_BNLE)[:, :, None]
        gathered = self.gather(
            told_BfLC.transpose(1, 2).flatten(0, 1), keys_BNLE.transpose(1, 2).flatten(0, 1), None
        )  # one row for each place
        y_BLfC = gathered.reshape(count, -1, frames, channels)
        return y_BLfC.permute(0, 2, 3, 1).reshape(count, frames, channels, *memory.grid)


def between(numbers_Bf: Tensor, positions_BN: Tensor) -> Tensor:
    """Return the weights of linear interpolation between keyframes, (B, f, N); the ends go on unchanged.

    Example:
        >>> between(torch.tensor([[0, 3, 9]]), torch.tensor([[2.0, 6.0]]))
        tensor([[[1.0000, 0.0000],
                 [0.7500, 0.2500],
                 [0.0000, 1.0000]]])
    """
    positions_BN, numbers_Bf = positions_BN.detach().float(), numbers_Bf.float()
    last = positions_BN.shape[1] - 1
    above_Bf = first_not_below(positions_BN, numbers_Bf).clamp(max=last)
    below_Bf = (above_Bf - 1).clamp(min=0)
    low_Bf, high_Bf = positions_BN.gather(1, below_Bf), positions_BN.gather(1, above_Bf)
    share_Bf = ((numbers_Bf - low_Bf) / (high_Bf - low_Bf).clamp(min=1)).clamp(0, 1)
    ends = [functional.one_hot(number_Bf, last + 1) for number_Bf in (below_Bf, above_Bf)]
    return ends[0] * (1 - share_Bf)[..., None] + ends[1] * share_Bf[..., None]


def sinusoids(positions_BN: Tensor, width: int) -> Tensor:
    """Return positional encodings of frame numbers, (B, N, `width`): sines and cosines (arXiv:1706.03762)."""
    half = (width + 1) // 2
    rates_H = _LONGEST ** (-torch.arange(half, device=positions_BN.device) / half)
    angles_BNH = positions_BN[..., None].float() * rates_H
    return torch.cat([angles_BNH.sin(), angles_BNH.cos()], -1)[..., :width]


def _frames_first(x_BCIJK: Tensor) -> Tensor:
    return x_BCIJK.permute(0, 1, 4, 3, 2)


def _parts(x_BMFJI: Tensor, size: int) -> Iterator[tuple[int, Tensor]]:
    for first in range(0, x_BMFJI.shape[2], size):
        yield first, x_BMFJI[:, :, first : first + size]


def _twice(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """Two convolutions of 3 x 3, each with a norm over groups of channels and GELU."""
    layers: list[nn.Module] = []
    for inputs, step in ((before, stride), (after, 1)):
        layers += [nn.Conv2d(inputs, after, 3, step, padding=1, bias=False), nn.GroupNorm(_GROUPS, after), nn.GELU()]
    return nn.Sequential(*layers)
