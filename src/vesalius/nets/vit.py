"""Vision transformers: DINOv2 (arXiv:2304.07193), DINOv3 (arXiv:2508.10104) and what others made from them.

Letters: B batch, C channel, J rows, I columns, L patches row by row, D width, H W patches down and across.
"""

from __future__ import annotations

import itertools
import math
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from vesalius.nets.encoder import EncoderNet

Stem = Literal["patch", "conv"]
Size = Literal["micro", "tiny", "small", "base", "large"]
Pool = Literal["class", "max"]
SIZES: dict[Size, tuple[int, int]] = {
    "micro": (128, 2),
    "tiny": (192, 3),
    "small": (384, 6),
    "base": (768, 12),
    "large": (1024, 16),
}
"""Width D and heads."""
_PERIOD = 100.0
"""Base of the periods of the rotary positions, in units of half a picture."""
_GROUPS = 8


class TokenNet(EncoderNet):
    """Base of the transformers of pictures: the whole is the class token, the places are the patches."""

    dims: ClassVar[int] = 2
    size: Size = Field(default="base", description="width and heads: 128 / 2, 192 / 3, 384 / 6, 768 / 12 or 1024 / 16")
    depth: int = Field(default=12, ge=1, description="blocks; 24 in the public large one")
    inputs: int = Field(default=3, ge=1, description="channels of the image")
    drop_path: float = Field(default=0.0, ge=0, lt=1, description="share of branches left out in training")

    @property
    def width(self) -> int:
        return SIZES[self.size][0]


class ViT(TokenNet):
    """x_BCJI to (class_BD, patches_BLD), both normalized; J and I are multiples of 16.

    DINOv3 and MedDINOv3 (arXiv:2509.02379) with rotary positions and registers, from timm. The registers stay
    inside. Tensor names are timm's below `vit.`.
    """

    divisor: ClassVar[int] = 16
    qkv_bias: bool = Field(default=False, description="bias of queries and values; keys never have one")
    eps: float = Field(default=1e-6, gt=0, description="of the norms; MedDINOv3 has 1e-6, DINOv3 1e-5")
    rope: Literal["fp32", "bf16"] = Field(default="fp32", description="numbers the angles are computed in")
    pool: Pool = Field(
        default="class", description="what stands for the picture: the class token, or the largest of each number"
    )
    stem: Stem = Field(
        default="patch",
        description="how a patch becomes a token: one linear map, or four 3 x 3 convolutions of stride 2, which learn "
        "from fewer pictures (arXiv:2106.14881)",
    )
    layer_scale: float = Field(
        default=1e-5, gt=0, description="what branches are multiplied by at first; 0.1 to 1 for training from scratch"
    )

    def make(self) -> nn.Module:
        import timm
        from timm.layers import LayerNorm

        width, heads = SIZES[self.size]
        eps = self.eps
        vit = timm.create_model(
            "vit_base_patch16_dinov3",
            num_classes=0,
            global_pool="token",
            in_chans=self.inputs,
            embed_dim=width,
            num_heads=heads,
            depth=self.depth,
            qkv_bias=self.qkv_bias,
            norm_layer=lambda size, **rest: LayerNorm(size, eps=eps, **rest),
            drop_path_rate=self.drop_path,
            init_values=self.layer_scale,
        )
        if self.stem == "conv":
            vit.patch_embed.proj = _stem(self.inputs, width)
        if self.rope == "bf16":
            vit.rope = _RoughRope(width // heads)
        return Tokens(vit, self.pool)


class DinoV2(TokenNet):
    """DINOv2 and RAD-DINO (arXiv:2401.10815) with learned positions; J and I are multiples of 14, otherwise as `ViT`.

    Departure: at another side than `side` the positions are resampled with antialiasing, DINOv2's own code does so
    without.
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


class Tokens(nn.Module):
    """A transformer of timm that gives its class token and its patches.

    Args:
        vit: with `forward_features` and `num_prefix_tokens`.
        pool: "max" puts the largest of each number over the patches in the place of the class token. A small net learns
            that from few pictures: a finding in one patch reaches the whole without any attention having to find it.
    """

    def __init__(self, vit: nn.Module, pool: Pool = "class") -> None:
        super().__init__()
        self.vit, self._pool = vit, pool

    def forward(self, x_BCJI: Tensor) -> tuple[Tensor, Tensor]:
        tokens_BLD = self.vit.forward_features(x_BCJI)  # type: ignore[operator]
        patches_BLD = tokens_BLD[:, self.vit.num_prefix_tokens :]
        return tokens_BLD[:, 0] if self._pool == "class" else patches_BLD.amax(1), patches_BLD


def _stem(inputs: int, width: int) -> nn.Sequential:
    """Convolutions that halve rows and columns four times, then one of 1 x 1, as Xiao et al. 2021 have them.

    Departure: groups are normalized instead of batches, so that a picture does not depend on its neighbours.
    """
    widths = [inputs, *(max(_GROUPS, width >> power) for power in (3, 2, 1, 0))]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [
            nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
            nn.GroupNorm(_GROUPS, after),
            nn.GELU(),
        ]
    return nn.Sequential(*layers, nn.Conv2d(width, width, 1))


class _RoughRope(nn.Module):
    """Rotary positions whose every step is rounded to bfloat16, as MedDINOv3 was trained.

    Departure: queries and keys are not rounded before they are turned.
    """

    periods: Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        exponents = _rough(2 * torch.arange(head_width // 4) / (head_width // 2))
        self.register_buffer("periods", _rough(_PERIOD**exponents), persistent=False)

    def get_embed(self, shape: tuple[int, int]) -> Tensor:
        """Sines, then cosines, (H W, 2 head_width)."""
        axes = [_rough(torch.arange(0.5, count, device=self.periods.device) / count) for count in shape]
        grid_LA = _rough(2 * torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, 1) - 1)
        angles = _rough(_rough(2 * math.pi * grid_LA[:, :, None]) / self.periods)
        angles_LE = angles.flatten(1).tile(2)
        return torch.cat([_rough(angles_LE.sin()), _rough(angles_LE.cos())], dim=-1)


def _rough(x: Tensor) -> Tensor:
    """Rounded to bfloat16; kept in float32, because ONNX has no sine of bfloat16."""
    return x.bfloat16().float()
