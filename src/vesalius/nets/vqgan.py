"""MaskGIT-VQGAN: pictures to a grid of codes and back by convolutions (arXiv:2012.09841, arXiv:2202.04200).

Letters: B batch, C channel, J rows, I columns, D numbers of a code, H W cells down and across, L cells row by row.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple, Self

from pydantic import Field, PositiveInt, model_validator
from torch import Tensor, nn
from torch.nn import functional

from vesalius.nets.net import Net
from vesalius.nets.quantizer import Quantized
from vesalius.nets.vector_quantizer import VectorCodes

_EPS = 1e-6


class VqganNet(Net):
    """x_BCJI from 0 to 1 to (picture, codes, loss, vectors); the published sizes are the defaults.

    Without the attention of VQGAN. `VqganNet(inputs=1, width=32, multiples=(1, 1, 2, 2), dim=32, codes=256)` is a size
    for CPUs, with cells of 8 x 8 pixels.

    Departures: the loss of the codes has weight 1 and that of the encoder `commitment`; the published code has them the
    other way round.
    """

    dims: ClassVar[int] = 2
    inputs: int = Field(default=3, ge=1, description="channels of the picture")
    width: int = Field(default=128, ge=8, multiple_of=8, description="channels at full size")
    multiples: tuple[PositiveInt, ...] = Field(
        default=(1, 1, 2, 2, 4), min_length=1, description="channels of each level as multiples of the width"
    )
    blocks: int = Field(default=2, ge=1, description="residual blocks of a level")
    dim: int = Field(default=256, ge=1, description="numbers of a code")
    codes: int = Field(default=1024, ge=2, description="codes in the codebook")
    groups: int = Field(default=32, ge=1, description="of the norms; the width must be a multiple of it")
    commitment: float = Field(default=0.25, ge=0, description="weight of the loss that draws vectors to their codes")

    @model_validator(mode="after")
    def _has_whole_groups(self) -> Self:
        if self.width % self.groups:
            raise ValueError(f"a width of {self.width} does not divide into {self.groups} groups")
        return self

    @property
    def outputs(self) -> int:
        """Channels of the decoded picture."""
        return self.inputs

    @property
    def divisor(self) -> int:
        """Pixels of a cell along each axis."""
        return int(2 ** (len(self.multiples) - 1))

    def make(self) -> Vqgan:
        return Vqgan(self)


class Painted(NamedTuple):
    """A picture after its way through codes.

    Args:
        x_BCJI: the picture that was decoded.
        codes_BL: of the cells, row by row.
        loss: of the quantizer.
        z_BLD: the quantized vectors.
    """

    x_BCJI: Tensor
    codes_BL: Tensor
    loss: Tensor
    z_BLD: Tensor


class Vqgan(nn.Module):
    """Encoder, quantizer and `PixelDecoder` of a `VqganNet`."""

    def __init__(self, config: VqganNet) -> None:
        super().__init__()
        self.encoder = _encoder(config)
        self.quantizer = VectorCodes(codes=config.codes, dim=config.dim, commitment=config.commitment).make()
        self.decoder = PixelDecoder(config)

    def forward(self, x_BCJI: Tensor) -> Painted:
        y_BDHW = self.encoder(x_BCJI)
        z_BLD, codes_BL, loss = self.quantizer(y_BDHW.flatten(2).transpose(1, 2))
        z_BDHW = z_BLD.transpose(1, 2).unflatten(2, y_BDHW.shape[2:])
        return Painted(self.decoder(z_BDHW.to(x_BCJI.dtype)), codes_BL, loss, z_BLD)

    def encode(self, x_BCJI: Tensor) -> Quantized:
        """Return vectors and codes of the cells, row by row."""
        quantized: Quantized = self.quantizer(self.encoder(x_BCJI).flatten(2).transpose(1, 2))
        return quantized

    def codes(self, x_BCJI: Tensor) -> Tensor:
        """Return codes_BHW, the targets of a TiTok whose head gives codes."""
        rows, columns = (side // 2 ** (len(self.encoder.levels) - 1) for side in x_BCJI.shape[2:])
        return self.encode(x_BCJI).codes_BL.reshape(-1, rows, columns)

    def decode_tokens(self, codes_BHW: Tensor) -> Tensor:
        """Return x_BCJI of codes, clamped to the range 0 to 1."""
        z_BHWD = self.quantizer.lookup(codes_BHW)
        x_BCJI: Tensor = self.decoder(z_BHWD.permute(0, 3, 1, 2))
        return x_BCJI.clamp(0, 1)


class PixelDecoder(nn.Module):
    """z_BDHW to x_BCJI: the decoder of a `VqganNet`, also the last part of TiToks that were trained in two stages."""

    def __init__(self, config: VqganNet) -> None:
        super().__init__()
        widths = [config.width * multiple for multiple in config.multiples]
        deepest, blocks, groups = widths[-1], config.blocks, config.groups
        self.first = nn.Conv2d(config.dim, deepest, 3, padding=1)
        self.middle = _row(deepest, deepest, blocks, groups)
        before = [*widths[1:], deepest]
        self.levels = nn.ModuleList(
            _Up(wide, width, blocks, groups, grow=level > 0)
            for level, (wide, width) in enumerate(zip(before, widths, strict=True))
        )
        self.norm = nn.GroupNorm(groups, widths[0], _EPS)
        self.last = nn.Conv2d(widths[0], config.inputs, 3, padding=1)

    def forward(self, z_BDHW: Tensor) -> Tensor:
        y = self.middle(self.first(z_BDHW))
        for level in reversed(self.levels):
            y = level(y)
        x_BCJI: Tensor = self.last(functional.silu(self.norm(y)))
        return x_BCJI


class _Encoder(nn.Module):
    def __init__(self, config: VqganNet, widths: list[int]) -> None:
        super().__init__()
        blocks, groups, deepest = config.blocks, config.groups, widths[-1]
        self.first = nn.Conv2d(config.inputs, config.width, 3, padding=1, bias=False)
        before = [config.width, *widths[:-1]]
        self.levels = nn.ModuleList(
            _row(narrow, width, blocks, groups) for narrow, width in zip(before, widths, strict=True)
        )
        self.middle = _row(deepest, deepest, blocks, groups)
        self.norm = nn.GroupNorm(groups, deepest, _EPS)
        self.last = nn.Conv2d(deepest, config.dim, 1)

    def forward(self, x_BCJI: Tensor) -> Tensor:
        y = self.first(x_BCJI)
        for number, level in enumerate(self.levels):
            y = level(y)
            if number < len(self.levels) - 1:
                y = functional.avg_pool2d(y, 2)
        y_BDHW: Tensor = self.last(functional.silu(self.norm(self.middle(y))))
        return y_BDHW


class _Up(nn.Module):
    def __init__(self, wide: int, width: int, blocks: int, groups: int, *, grow: bool) -> None:
        super().__init__()
        self.blocks = _row(wide, width, blocks, groups)
        self.grow = nn.Conv2d(width, width, 3, padding=1) if grow else None

    def forward(self, y: Tensor) -> Tensor:
        y = self.blocks(y)
        if self.grow is None:
            return y
        grown: Tensor = self.grow(functional.interpolate(y, scale_factor=2.0, mode="nearest"))
        return grown


class _Block(nn.Module):
    """A residual block. Where the width changes, a map *of the branch* is added to the branch, not one of the input.

    The published weights were trained so, and give nonsense otherwise.
    """

    def __init__(self, narrow: int, width: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, narrow, _EPS)
        self.conv1 = nn.Conv2d(narrow, width, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(groups, width, _EPS)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut = nn.Conv2d(width, width, 1, bias=False) if narrow != width else None

    def forward(self, x: Tensor) -> Tensor:
        branch = self.conv1(functional.silu(self.norm1(x)))
        branch = self.conv2(functional.silu(self.norm2(branch)))
        total: Tensor = branch + (x if self.shortcut is None else self.shortcut(branch))
        return total


def _encoder(config: VqganNet) -> _Encoder:
    return _Encoder(config, [config.width * multiple for multiple in config.multiples])


def _row(narrow: int, width: int, blocks: int, groups: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(narrow if number == 0 else width, width, groups) for number in range(blocks)))
