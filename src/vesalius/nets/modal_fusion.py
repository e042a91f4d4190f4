"""Fusion of modalities in three steps: within each over keyframes, between them at each place, and to one.

Letters: B batch, M modalities, N keyframes, L places of a picture, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vesalius.errors import UsageError
from vesalius.nets.dealt import dealt
from vesalius.nets.latents import Block, initialize


def check_present(present_BM: Tensor) -> None:
    """Raise UsageError if a scan has no modality at all; a net that is exported cannot raise, and goes on."""
    if not torch.compiler.is_exporting() and not bool(present_BM.any(1).all()):
        raise UsageError("every modality of a scan is missing", fix="give at least one")


def drop_modalities(present_BM: Tensor, share: float) -> Tensor:
    """Make modalities missing at random, for training; one that is present stays in each scan.

    Args:
        present_BM: bool.
        share: probability for each modality; draws come from PyTorch's global generator (`dealt`).
    """
    draw_BM = dealt((len(present_BM), present_BM.shape[1]), present_BM.device).masked_fill(~present_BM, -1)
    luckiest_BM = functional.one_hot(draw_BM.argmax(1), present_BM.shape[1]).bool()
    return present_BM & ((draw_BM >= share) | luckiest_BM)


class ModalFusion(nn.Module):
    """y_BMNLD to y_BNLD.

    Missing modalities give no keys; as queries a learned token of each modality stands for them, and what it gathers
    from the others takes their place.

    Args:
        modalities: M.
        width: D.
        heads: of each attention.
    """

    def __init__(self, modalities: int, width: int, heads: int) -> None:
        super().__init__()
        self.missing_MD = nn.Parameter(0.02 * torch.randn(modalities, width))
        self.whole_1D = nn.Parameter(0.02 * torch.randn(1, width))
        self.intra = Block(width, heads)
        self.inter = CrossAttention(width, width, heads)
        self.to_one = CrossAttention(width, width, heads)
        self.intra.apply(initialize)

    def forward(self, y_BMNLD: Tensor, present_BM: Tensor) -> Tensor:
        """Fuse.

        Args:
            y_BMNLD: tokens; those of missing modalities are not used.
            present_BM: bool, at least one in each row.
        """
        count, modalities, keyframes, places, width = y_BMNLD.shape
        y = self.intra(y_BMNLD.transpose(2, 3).reshape(-1, keyframes, width))
        y_BMNLD = y.reshape(count, modalities, places, keyframes, width).transpose(2, 3)
        known_BM111 = present_BM[:, :, None, None, None]
        y_BMNLD = torch.where(known_BM111, y_BMNLD, self.missing_MD[:, None, None].to(y_BMNLD.dtype))
        tokens = y_BMNLD.permute(0, 2, 3, 1, 4).reshape(-1, modalities, width)  # one row for each keyframe and place
        known = present_BM[:, None].expand(-1, keyframes * places, -1).reshape(-1, modalities)
        tokens = self.inter(tokens, tokens, known)
        mean = tokens.mean(1, keepdim=True)
        one: Tensor = self.to_one(mean + self.whole_1D, tokens, None)
        return one.reshape(count, keyframes, places, width)


class CrossAttention(nn.Module):
    """Queries q_BLD gather from k_BKE, and two layers follow; both are added to what came in.

    Args:
        width: D.
        inputs: E.
        heads: of the attention; they divide D.
    """

    def __init__(self, width: int, inputs: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.norm_q, self.norm_k, self.norm = nn.LayerNorm(width), nn.LayerNorm(inputs), nn.LayerNorm(width)
        self.q, self.kv, self.proj = nn.Linear(width, width), nn.Linear(inputs, 2 * width), nn.Linear(width, width)
        self.fc1, self.fc2 = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.apply(initialize)

    def forward(self, q_BLD: Tensor, k_BKE: Tensor, known_BK: Tensor | None) -> Tensor:
        """Gather; `known_BK` says which keys count, None: all."""
        query = self.q(self.norm_q(q_BLD)).unflatten(-1, (self._heads, -1)).transpose(1, 2)
        key, value = self.kv(self.norm_k(k_BKE)).unflatten(-1, (2, self._heads, -1)).permute(2, 0, 3, 1, 4)
        mask = None if known_BK is None else known_BK[:, None, None]
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        q_BLD = q_BLD + self.proj(mixed.transpose(1, 2).flatten(2))
        return q_BLD + self.fc2(functional.gelu(self.fc1(self.norm(q_BLD))))
