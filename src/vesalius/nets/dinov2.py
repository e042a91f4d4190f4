"""Vision transformer with learned positions (DINOv2, arXiv:2304.07193; RAD-DINO, arXiv:2401.10815).

Letters: B batch, C channel, J rows, I columns, L patches row by row, D width.
"""

from __future__ import annotations

from pydantic import Field
from torch import nn

from vesalius.nets.net import Net
from vesalius.nets.vit import SIZES, Size, Tokens


class DinoV2(Net):
    """x_BCJI to (class_BD, patches_BLD), both normalized; J and I are multiples of 14.

    From timm. Tensor names are timm's below `vit.`. Departure: at another side than `side` the positions are resampled
    with antialiasing, DINOv2's own code does so without.
    """

    size: Size = Field(default="base", description="width and heads: 128 / 2, 192 / 3, 384 / 6, 768 / 12 or 1024 / 16")
    depth: int = Field(default=12, ge=1, description="blocks; 24 in the public large one")
    inputs: int = Field(default=3, ge=1, description="channels of the image")
    side: int = Field(default=518, ge=14, multiple_of=14, description="pixels that the learned positions are for")
    drop_path: float = Field(default=0.0, ge=0, lt=1, description="share of branches left out in training")

    @property
    def dims(self) -> int:
        """It takes pictures."""
        return 2

    @property
    def divisor(self) -> int:
        """Axes of the input are multiples of this: the side of a patch."""
        return 14

    @property
    def width(self) -> int:
        """Numbers of a token."""
        return SIZES[self.size][0]

    def make(self) -> nn.Module:
        import timm

        width, heads = SIZES[self.size]
        vit = timm.create_model(
            "vit_base_patch14_dinov2",
            num_classes=0,
            global_pool="token",
            img_size=self.side,
            dynamic_img_size=True,
            in_chans=self.inputs,
            embed_dim=width,
            num_heads=heads,
            depth=self.depth,
            drop_path_rate=self.drop_path,
        )
        return Tokens(vit)
