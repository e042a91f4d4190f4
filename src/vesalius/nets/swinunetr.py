"""Swin UNETR with a residual convolution in front of each stage (arXiv:2201.01266, version 2), from MONAI.

Letters: B batch, C channel, I J K voxels.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, PositiveInt
from torch import Tensor, nn

from vesalius.nets.net import Net
from vesalius.nets.window_attention import in_parts


class _Swin(Net):
    divisor: ClassVar[int] = 32
    dims: Literal[2, 3] = Field(default=3, description="pictures or volumes")
    inputs: int = Field(default=1, ge=1, description="channels of the image")
    width: int = Field(default=48, ge=12, multiple_of=12, description="channels of the first level: 48, 96 or 192")
    depths: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        default=(2, 2, 2, 2), description="blocks of a stage"
    )
    heads: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        default=(3, 6, 12, 24), description="of a stage"
    )
    window: int = Field(default=7, ge=1, description="side of the window of attention, in voxels of the stage")

    def whole(self, outputs: int) -> Any:
        """Return MONAI's network of these sizes."""
        from monai.networks.nets import SwinUNETR as MonaiSwinUNETR

        return MonaiSwinUNETR(
            spatial_dims=self.dims,
            in_channels=self.inputs,
            out_channels=outputs,
            feature_size=self.width,
            depths=self.depths,
            num_heads=self.heads,
            window_size=self.window,
            use_v2=True,
        )


class SwinEncoder(_Swin):
    """x_BCIJK to five maps with width x (1, 1, 2, 4, 16) channels on grids 1, 2, 4, 8 and 32 times coarser.

    The part that VoCo trains. Its tensors have the names of those of `SwinUNETR`. Axes are multiples of 32, and one of
    them is 64 or more.
    """

    outputs: ClassVar[None] = None

    def make(self) -> nn.Module:
        return SwinMaps(self.whole(1))


class SwinUNETR(_Swin):
    """x_BCIJK to logits of the same voxels, (B, `outputs`, ...). Axes as for `SwinEncoder`."""

    outputs: int = Field(ge=1, description="classes, the background among them")

    def make(self) -> nn.Module:
        whole: nn.Module = self.whole(self.outputs)
        return whole


class SwinMaps(nn.Module):
    """The stages of a MONAI SwinUNETR without its decoder, with attention that takes little memory."""

    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.swinViT = in_parts(whole.swinViT)
        for level in (1, 2, 3, 4, 10):
            setattr(self, f"encoder{level}", getattr(whole, f"encoder{level}"))

    def forward(self, x_BCIJK: Tensor) -> tuple[Tensor, ...]:
        return self.maps(x_BCIJK)

    def maps(self, x_BCIJK: Tensor) -> tuple[Tensor, ...]:
        """Return the five maps, finest first."""
        stages = self.swinViT(x_BCIJK, True)
        first = self.encoder1(x_BCIJK)  # type: ignore[operator]
        later = [getattr(self, f"encoder{level}")(stages[stage]) for level, stage in ((2, 0), (3, 1), (4, 2), (10, 4))]
        return (first, *later)
