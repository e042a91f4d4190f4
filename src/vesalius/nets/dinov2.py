"""Vision transformer with learned positions (DINOv2, arXiv:2304.07193; RAD-DINO, arXiv:2401.10815).

Letters: B batch, C channel, J rows, I columns, L patches row by row, D width.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import nn

from vesalius.nets.vit import SIZES, TokenNet, Tokens


class DinoV2(TokenNet):
    """x_BCJI to (class_BD, patches_BLD), both normalized; J and I are multiples of 14.

    From timm. Tensor names are timm's below `vit.`. Departure: at another side than `side` the positions are resampled
    with antialiasing, DINOv2's own code does so without.
    """

    divisor: ClassVar[int] = 14
    side: int = Field(default=518, ge=14, multiple_of=14, description="pixels that the learned positions are for")

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
