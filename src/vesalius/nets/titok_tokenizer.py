"""TiTok as a tokenizer of scans: tokens for each frame, for the cycle of each slice, or for a whole study.

Letters: K slices, T frames, J rows, I columns; B pictures, C channels, F waves over time; G groups, L tokens.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from vesalius.nets.code_tokenizer import CodeTokenizer
from vesalius.nets.modality_adapter import ModalityAdapter
from vesalius.nets.net import Net
from vesalius.nets.quantizer import Quantizer
from vesalius.nets.titok import CodedPictures, TiTokNet
from vesalius.nets.tokenizer import Size
from vesalius.nets.waves import time_count, time_waves

Group = Literal["frame", "slice", "study"]


class TiTokTokens(Net):
    """A TiTok, and what of a scan is a picture of it.

    "frame": each frame. "slice": the cycle of a slice, whose channels are the mean and the cosines and sines of
    harmonics over time. "study": the same of a volume of all slices. A TiTok of three channels codes frames, too: grey
    values go through a `ModalityAdapter`, whose colours the net of frozen RGB weights takes.

    Example:
        >>> net = TiTokNet(encoder="micro", decoder="micro", inputs=5, size=(32, 32), patch=(8, 8), latents=6)
        >>> tokenizer = TiTokTokens(net=net, group="slice", harmonics=2).make().eval()
        >>> tokens_GLM = tokenizer.encode(torch.rand(3, 7, 30, 29), None)
        >>> tokens_GLM.shape, tokenizer.decode(tokens_GLM[:, :4], None, (3, 7, 30, 29)).shape
        (torch.Size([3, 6, 1]), torch.Size([3, 7, 30, 29]))
    """

    dims: ClassVar[int] = 2
    inputs: ClassVar[int] = 1
    outputs: ClassVar[int] = 1
    net: TiTokNet = Field(description="the TiTok")
    group: Group = Field(default="frame", description="what has tokens of its own: frame, slice (its cycle) or study")
    harmonics: int = Field(default=0, ge=0, description="harmonics over time that are channels, for slice and study")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        channels = (1, 3) if self.group == "frame" else (2 * self.harmonics + 1,)
        if self.group == "frame" and self.harmonics:
            raise ValueError("frames have no harmonics")
        if self.net.inputs not in channels:
            raise ValueError(
                f"the net must take {' or '.join(map(str, channels))} channels, it takes {self.net.inputs}"
            )
        if self.net.dims != (3 if self.group == "study" else 2):
            raise ValueError("the net must be one of volumes for a study, of pictures otherwise")
        if self.net.head == "codes" and self.net.vqgan is None:
            raise ValueError("a net of the first of two stages gives no pictures")
        if self.net.quantizer.make().codes == 0:
            raise ValueError("the tokens of a gaussian quantizer are no integers")
        return self

    @property
    def divisor(self) -> int:
        return 1

    def make(self) -> TiTokTokenizer:
        return TiTokTokenizer(self)


class TiTokTokenizer(CodeTokenizer):
    """Pictures of a scan through a TiTok; see `TiTokTokens`."""

    takes_mean = False

    def __init__(self, config: TiTokTokens) -> None:
        super().__init__()
        self.config = config
        self.net = config.net.make()
        self.codes, self.width = self.net.quantizer.codes, config.net.quantizer.width
        self.patch = config.net.patch[-2], config.net.patch[-1]
        colours = config.group == "frame" and config.net.inputs == 3
        self.adapter = ModalityAdapter() if colours else None

    def forward(
        self,
        x_BKTJI: Tensor,
        mean_BKJI: Tensor | None = None,
        facts_BF: Tensor | None = None,
        prefix: int | None = None,
        quantized: bool = True,
    ) -> CodedPictures:
        """See `CodeTokenizer.forward`; neither means nor facts change anything."""
        del mean_BKJI, facts_BF
        size = x_BKTJI.shape[1:]
        pictures = torch.cat([self.pictures(x_KTJI) for x_KTJI in x_BKTJI])
        coded: CodedPictures = self.net(pictures, prefix, quantized)
        scans = [self.scan(part, (size[0], size[1], size[2], size[3])) for part in coded.x_BCJI.chunk(len(x_BKTJI))]
        return coded._replace(x_BCJI=torch.stack(scans))

    @property
    def quantizer(self) -> Quantizer:
        return self.net.quantizer

    def latents(self, x_BKTJI: Tensor, mean_BKJI: Tensor | None = None) -> Tensor:
        del mean_BKJI
        y_GLE: Tensor = self.net.encoder(torch.cat([self.pictures(x_KTJI) for x_KTJI in x_BKTJI]))
        return y_GLE

    def restored(
        self,
        z_GLD: Tensor,
        size_BKTJI: tuple[int, ...],
        mean_BKJI: Tensor | None = None,
        facts_BF: Tensor | None = None,
    ) -> Tensor:
        """See `CodeTokenizer.restored`; neither means nor facts change anything."""
        del mean_BKJI, facts_BF
        _, slices, frames, rows, columns = size_BKTJI
        deep = self.config.net.patch[0] if self.config.group == "study" else 0
        size = (-(-slices // deep) * deep, rows, columns) if deep else (rows, columns)
        pictures = self.net.decode(z_GLD, size).chunk(size_BKTJI[0])
        return torch.stack([self.scan(part, (slices, frames, rows, columns)) for part in pictures])

    def pictures(self, x_KTJI: Tensor) -> Tensor:
        """Return the pictures of a scan that the TiTok codes: x_BCJI, for a study x_1CKJI."""
        if self.config.group == "frame":
            x_BCJI = x_KTJI.flatten(0, 1)[:, None]
            return x_BCJI if self.adapter is None else self.adapter.colours(x_BCJI)
        analysis_FT = time_waves(x_KTJI.shape[1], self.config.harmonics)[0].to(x_KTJI.device)
        x_KFJI = torch.einsum("ft,ktji->kfji", analysis_FT, x_KTJI)
        missing = self.config.net.inputs - x_KFJI.shape[1]
        x_KFJI = torch.nn.functional.pad(x_KFJI, (0, 0, 0, 0, 0, missing))
        if self.config.group == "slice":
            return x_KFJI
        x_CKJI = x_KFJI.transpose(0, 1)
        more = (-x_CKJI.shape[1]) % self.config.net.patch[0]
        return torch.cat([x_CKJI, x_CKJI[:, -1:].expand(-1, more, -1, -1)], 1)[None]

    def scan(self, x_BCJI: Tensor, size_KTJI: Size) -> Tensor:
        """Return x_KTJI of such pictures; harmonics that the net does not see are lost."""
        slices, frames = size_KTJI[:2]
        if self.config.group == "frame":
            grey_BCJI = x_BCJI if self.adapter is None else self.adapter.grey(x_BCJI)
            return grey_BCJI[:, 0].reshape(size_KTJI)
        synthesis_TF = time_waves(frames, self.config.harmonics)[1].to(x_BCJI.device)
        x_KFJI = x_BCJI if self.config.group == "slice" else x_BCJI[0, :, :slices].transpose(0, 1)
        x_KFJI = x_KFJI[:, : time_count(frames, self.config.harmonics)]
        return torch.einsum("tf,kfji->ktji", synthesis_TF, x_KFJI)

    def length(self, size_KTJI: Size) -> tuple[int, int]:
        groups = {"frame": size_KTJI[0] * size_KTJI[1], "slice": size_KTJI[0], "study": 1}
        return groups[self.config.group], self.config.net.latents

    def coded(self, x_KTJI: Tensor, mean_KJI: Tensor | None) -> Tensor:
        del mean_KJI
        return self.net.encode(self.pictures(x_KTJI)).codes_BL

    def decoded(self, codes_GL: Tensor, mean_KJI: Tensor | None, size_KTJI: Size) -> Tensor:
        del mean_KJI
        size: tuple[int, ...] = size_KTJI[2:]
        if self.config.group == "study":
            size = (-(-size_KTJI[0] // self.config.net.patch[0]) * self.config.net.patch[0], *size)
        return self.scan(self.net.decode(self.net.quantizer.lookup(codes_GL), size), size_KTJI)
