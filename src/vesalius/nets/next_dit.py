"""Next-DiT, a diffusion transformer with text and masks as conditions (Lumina-Next, arXiv:2406.18583).

A block norms before and after attention and feed-forward (RMS), scales by the time and gates by its tanh; queries and
keys are normed over all heads; positions turn pairs of numbers of queries and keys (2D RoPE); several queries may share
a key (GQA); the text enters by cross-attention with the queries of the picture, and pooled beside the time.

Departures from the paper: places of masks enter as further channels whose weights begin at 0, or by a branch of blocks
beside the first ones, whose answers are added by weights that begin at 0 (ControlNet, arXiv:2302.05543), so that a net
that has learned without masks keeps its answers; a stem of convolutions and a refinement of pixels (`stem: conv`)
around large patches; pairs of RoPE lie half a head apart and not side by side (the layouts reorder published weights).

Letters: B batch, C channel, M classes of the mask, J rows, I columns, L patches or text tokens, D width, H heads,
E width of a head, P pairs of a head.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal, TypeAlias

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from vesalius.errors import UsageError
from vesalius.nets.net import Net
from vesalius.nets.next_dit_stems import ConvStem, PatchStem, patchified, zeroed

_WAVES = 256
"""Width of the waves of a time."""
_LARGEST_CONDITION = 1024
_FLASH_TYPES = torch.float16, torch.bfloat16
Kernel: TypeAlias = Literal["torch", "flash"]


class NextDiT(Net):
    """(x_BCJI, t_B, text_BLD, kept_BL, mask_BMJI) to pictures of the same channels, (B, C, J, I).

    t is 0 at noise and 1 at data; `kept` marks the tokens that are text; the mask holds shares of each class from -1 to
    1, and 0 everywhere where no mask is given.
    """

    dims: ClassVar[int] = 2
    inputs: int = Field(ge=1, description="channels of a picture, or of the latents of an autoencoder")
    width: int = Field(default=192, ge=8, description="of a patch in the transformer")
    depth: int = Field(default=4, ge=1, description="blocks")
    heads: int = Field(default=3, ge=1, description="heads of the queries")
    kv_heads: int | None = Field(default=None, ge=1, description="heads of keys and values; none: as many as queries")
    patch: int = Field(default=8, ge=1, description="side of a patch")
    ffn_multiple: int = Field(default=64, ge=1, description="the feed-forward width, 8/3 of the width, is a multiple")
    text_width: int = Field(ge=1, description="width of the text tokens")
    mask_channels: int = Field(default=0, ge=0, description="classes of the mask; 0: the net takes no masks")
    mask_enters: Literal["channels", "control"] = Field(
        default="channels", description="channels: beside those of the picture; control: by a branch of blocks"
    )
    control_depth: int | None = Field(
        default=None, ge=1, description="mask_enters control: blocks of the branch; none: half as many as the net has"
    )
    stem: Literal["patch", "conv"] = Field(
        default="patch", description="patch: patches are projected, as published; conv: convolutions before and after"
    )
    stem_channels: int = Field(default=32, ge=1, description="stem conv: channels of the pixels")
    refinements: int = Field(default=1, ge=1, description="stem conv: residual blocks of pixels at the end")
    learns_sigma: bool = Field(default=False, description="published weights: a second half of the output is dropped")
    norm_eps: float = Field(default=1e-5, gt=0, description="of the RMS norms")
    attention: Kernel = Field(
        default="torch",
        description="torch: kernels of PyTorch; flash: those of the package flash-attn for 16-bit numbers on a GPU, "
        "of PyTorch elsewhere; equal but for rounding",
    )

    @model_validator(mode="after")
    def _heads_fit(self) -> NextDiT:
        if self.width % self.heads or self.width // self.heads % 4:
            raise ValueError(f"a width of {self.width} does not make {self.heads} heads of a multiple of 4")
        if self.heads % self.key_heads:
            raise ValueError(f"{self.key_heads} heads of keys do not divide {self.heads} heads of queries")
        if (self.control_depth or 1) > self.depth:
            raise ValueError(f"a branch of {self.control_depth} blocks is deeper than the {self.depth} of the net")
        return self

    @property
    def outputs(self) -> int:
        return self.inputs

    @property
    def divisor(self) -> int:
        return self.patch

    @property
    def key_heads(self) -> int:
        """Heads of keys and values."""
        return self.kv_heads or self.heads

    @property
    def stem_masks(self) -> int:
        """Classes of the mask that enter by the stem."""
        return self.mask_channels if self.mask_enters == "channels" else 0

    @property
    def control_blocks(self) -> int:
        """Blocks of the branch for masks; 0 without one."""
        branch = self.mask_channels > 0 and self.mask_enters == "control"
        return (self.control_depth or -(-self.depth // 2)) if branch else 0

    @property
    def condition_width(self) -> int:
        """Width of time and pooled text together."""
        return min(self.width, _LARGEST_CONDITION)

    @property
    def feed_forward_width(self) -> int:
        """Width within the feed-forward layers."""
        return -(-int(8 * self.width / 3) // self.ffn_multiple) * self.ffn_multiple

    def make(self) -> NextDiTNet:
        return NextDiTNet(self)


class NextDiTNet(nn.Module):
    """The module of `NextDiT`."""

    def __init__(self, config: NextDiT) -> None:
        super().__init__()
        self.config = config
        self.time = TimeEmbedding(config.condition_width)
        self.pooled_norm = nn.LayerNorm(config.text_width)
        self.pooled = zeroed(nn.Linear(config.text_width, config.condition_width))
        self.stem = PatchStem(config) if config.stem == "patch" else ConvStem(config)
        self.blocks = nn.ModuleList(DitBlock(config) for _ in range(config.depth))
        self.control = ControlBranch(config) if config.control_blocks else None
        self._turns_of: dict[tuple[int, int, torch.dtype, torch.device], tuple[Tensor, Tensor]] = {}

    def forward(
        self, x_BCJI: Tensor, t_B: Tensor, text_BLD: Tensor, kept_BL: Tensor, mask_BMJI: Tensor | None = None
    ) -> Tensor:
        """Return the output at x_t, (B, C, J, I).

        Args:
            x_BCJI: x_t, sides in multiples of the patch.
            t_B: times, 0 noise to 1 data.
            text_BLD: text tokens.
            kept_BL: which of them are text; a row without any is a picture without a caption.
            mask_BMJI: shares of each class, -1 to 1; 0 everywhere: no mask. None: the same.
        """
        kept_B = kept_BL.any(1)
        text_BLD = text_BLD * kept_BL[:, :, None]
        mean_BD = text_BLD.sum(1) / kept_BL.sum(1, keepdim=True).clamp(min=1)
        condition_BD = self.time(t_B) + self.pooled(self.pooled_norm(mean_BD)) * kept_B[:, None]
        seen_BL = kept_BL | ~kept_B[:, None]  # a row without a caption sees all tokens, and its answer is dropped
        patches_BLD, pixels = self.stem.enter(x_BCJI, mask_BMJI)
        rows, columns = x_BCJI.shape[2] // self.config.patch, x_BCJI.shape[3] // self.config.patch
        given = condition_BD, self._turns(rows, columns, patches_BLD), text_BLD, seen_BL, kept_B
        added = iter(() if self.control is None or mask_BMJI is None else self.control(patches_BLD, mask_BMJI, *given))
        for block in self.blocks:
            patches_BLD = block(patches_BLD, *given)
            more_BLD = next(added, None)
            patches_BLD = patches_BLD if more_BLD is None else patches_BLD + more_BLD
        out: Tensor = self.stem.leave(patches_BLD, pixels, condition_BD, rows, columns)
        return out

    def _turns(self, rows: int, columns: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the turns of each patch, (L, 1, P), of the type of `like`; kept for the next call."""
        key = rows, columns, like.dtype, like.device
        if key not in self._turns_of:
            self._turns_of.clear()
            cosines, sines = rotations(rows, columns, self.config.width // self.config.heads)
            self._turns_of[key] = cosines.to(like)[:, None], sines.to(like)[:, None]
        return self._turns_of[key]


def rotations(rows: int, columns: int, head: int, theta: float = 10000.0) -> tuple[Tensor, Tensor]:
    """Return cosines and sines of the turns of patches, each (L, P): the first half of the pairs turns with the row.

    Args:
        rows: of patches.
        columns: of patches.
        head: width of a head, a multiple of 4.
        theta: the slowest turn.
    """
    speeds = theta ** -(torch.arange(0, head, 4, dtype=torch.float64) / head)
    down, right = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    angles = torch.cat([place.reshape(-1, 1) * speeds for place in (down, right)], 1)
    return angles.cos(), angles.sin()


def turned(x_BLHE: Tensor, turns: tuple[Tensor, Tensor]) -> Tensor:
    """Turn the pairs (n, n + P) of each head."""
    first, second = x_BLHE.chunk(2, -1)
    cosines, sines = turns
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], -1)


def attend(
    q_BLHE: Tensor, k_BLHE: Tensor, v_BLHE: Tensor, seen_BL: Tensor | None = None, kernel: Kernel = "torch"
) -> Tensor:
    """Return softmax(q k / sqrt(E)) v, (B, L, H * E); a key of each group of heads is shared.

    Training on a CPU multiplies and sums openly: the backward of PyTorch's fused kernel takes most of a step there.

    Args:
        q_BLHE: queries.
        k_BLHE: keys, of as many or fewer heads.
        v_BLHE: values, likewise.
        seen_BL: keys that are seen; None: all.
        kernel: see `NextDiT`.

    Raises:
        UsageError: flash-attn would be used and is not installed.
    """
    if kernel == "flash" and seen_BL is None and q_BLHE.is_cuda and q_BLHE.dtype in _FLASH_TYPES:
        return _flash(q_BLHE, k_BLHE, v_BLHE)
    q, k, v = (x.transpose(1, 2) for x in (q_BLHE, k_BLHE, v_BLHE))
    if k.shape[1] < q.shape[1]:
        k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], 1) for x in (k, v))
    seen = None if seen_BL is None else seen_BL[:, None, None]
    if q.device.type == "cpu" and torch.is_grad_enabled():
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if seen is not None:
            scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
        out = scores.softmax(-1).to(v.dtype) @ v
    else:
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    return out.transpose(1, 2).flatten(2)


def _flash(q_BLHE: Tensor, k_BLHE: Tensor, v_BLHE: Tensor) -> Tensor:
    """Attention by flash-attn (arXiv:2307.08691), which shares keys among heads itself."""
    try:
        from flash_attn import flash_attn_func
    except ImportError as error:
        fix = "install it with: pip install flash-attn, or set net.attention=torch"
        raise UsageError("flash-attn is not installed", where="net.attention", fix=fix) from error
    out: Tensor = flash_attn_func(q_BLHE, k_BLHE, v_BLHE)
    return out.flatten(2)


class Attention(nn.Module):
    """Attention of patches to patches and, by the same queries, to the text."""

    def __init__(self, config: NextDiT) -> None:
        super().__init__()
        self.heads, self.key_heads, self.head = config.heads, config.key_heads, config.width // config.heads
        self.kernel = config.attention
        width, shared = config.width, self.key_heads * self.head
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, shared, bias=False)
        self.value = nn.Linear(width, shared, bias=False)
        self.text_key = nn.Linear(config.text_width, shared, bias=False)
        self.text_value = nn.Linear(config.text_width, shared, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm, self.key_norm = nn.LayerNorm(width), nn.LayerNorm(shared)
        self.text_key_norm = nn.LayerNorm(shared)
        self.text_gate = nn.Parameter(torch.zeros(self.heads))

    def forward(
        self,
        x_BLD: Tensor,
        turns: tuple[Tensor, Tensor],
        text_BLD: Tensor,
        seen_BL: Tensor,
        kept_B: Tensor,
    ) -> Tensor:
        """Return what the patches take from each other and from the text, (B, L, D)."""
        q = turned(self._split(self.query_norm(self.query(x_BLD))), turns).to(x_BLD.dtype)
        k = turned(self._split(self.key_norm(self.key(x_BLD))), turns).to(x_BLD.dtype)
        v = self._split(self.value(x_BLD)).to(x_BLD.dtype)
        among = attend(q, k, v, kernel=self.kernel)
        text_k = self._split(self.text_key_norm(self.text_key(text_BLD))).to(x_BLD.dtype)
        text_v = self._split(self.text_value(text_BLD)).to(x_BLD.dtype)
        gate_B1D = (self.text_gate.tanh().repeat_interleave(self.head) * kept_B[:, None]).to(among.dtype)[:, None]
        out: Tensor = self.out(among + attend(q, text_k, text_v, seen_BL) * gate_B1D)
        return out

    def _split(self, x_BLD: Tensor) -> Tensor:
        return x_BLD.reshape(*x_BLD.shape[:2], -1, self.head)


class FeedForward(nn.Module):
    """SwiGLU (arXiv:2002.05202)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, inner, bias=False)
        self.up = nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x_BLD: Tensor) -> Tensor:
        out: Tensor = self.down(functional.silu(self.gate(x_BLD)) * self.up(x_BLD))
        return out


class DitBlock(nn.Module):
    """x + tanh(gate) norm(branch(norm(x) (1 + scale))), for attention and for the feed-forward layers."""

    def __init__(self, config: NextDiT) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.feed_forward = FeedForward(config.width, config.feed_forward_width)
        eps = config.norm_eps
        self.before_attention = RmsNorm(config.width, eps)
        self.after_attention = RmsNorm(config.width, eps)
        self.before_feed_forward = RmsNorm(config.width, eps)
        self.after_feed_forward = RmsNorm(config.width, eps)
        self.text_norm = RmsNorm(config.text_width, eps)
        self.modulation = zeroed(nn.Linear(config.condition_width, 4 * config.width))

    def forward(
        self,
        x_BLD: Tensor,
        condition_BD: Tensor,
        turns: tuple[Tensor, Tensor],
        text_BLD: Tensor,
        seen_BL: Tensor,
        kept_B: Tensor,
    ) -> Tensor:
        """Return the patches after the block, (B, L, D)."""
        changes = self.modulation(functional.silu(condition_BD))[:, None].to(x_BLD.dtype).chunk(4, -1)
        scale, gate, scale_ff, gate_ff = changes
        normed = self.before_attention(x_BLD) * (1 + scale)
        branch = self.attention(normed, turns, self.text_norm(text_BLD.to(x_BLD.dtype)), seen_BL, kept_B)
        x_BLD = x_BLD + gate.tanh() * self.after_attention(branch)
        branch = self.feed_forward(self.before_feed_forward(x_BLD) * (1 + scale_ff))
        return x_BLD + gate_ff.tanh() * self.after_feed_forward(branch)


class ControlBranch(nn.Module):
    """Blocks that see the mask besides the patches; what they add to the net begins at 0 (arXiv:2302.05543).

    Departures: its blocks begin at random and not as those of the net; pictures without a mask get nothing from it, and
    keep the answers of the net without a branch.
    """

    def __init__(self, config: NextDiT) -> None:
        super().__init__()
        self.patch = config.patch
        self.project_mask = nn.Linear(config.mask_channels * config.patch**2, config.width)
        self.blocks = nn.ModuleList(DitBlock(config) for _ in range(config.control_blocks))
        self.out = nn.ModuleList(zeroed(nn.Linear(config.width, config.width)) for _ in self.blocks)

    def forward(self, patches_BLD: Tensor, mask_BMJI: Tensor, *given: Any) -> list[Tensor]:
        """Return what is added behind each of the first blocks, (B, L, D); `given` is what a block takes."""
        given_B = mask_BMJI.flatten(1).any(1)[:, None, None]
        x_BLD = patches_BLD + self.project_mask(patchified(mask_BMJI, self.patch))
        added = []
        for block, out in zip(self.blocks, self.out, strict=True):
            x_BLD = block(x_BLD, *given)
            added.append(out(x_BLD) * given_B)
        return added


class RmsNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) times a weight (arXiv:1910.07467), in the type of x."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)


class TimeEmbedding(nn.Module):
    """Waves of the time, cosines first, through two layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(_WAVES, width), nn.Linear(width, width)

    def forward(self, t_B: Tensor) -> Tensor:
        """Return the embedding of times from 0 to 1, (B, D)."""
        half = _WAVES // 2
        speeds = torch.exp(-math.log(10000) * torch.arange(half, device=t_B.device, dtype=torch.float32) / half)
        angles = t_B.float()[:, None] * speeds
        waves = torch.cat([angles.cos(), angles.sin()], -1)
        out: Tensor = self.second(functional.silu(self.first(waves)))
        return out
