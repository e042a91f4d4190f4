"""Keyframes of a stack or of a series: quantiles of a density over frames, learned or measured.

Letters: B batch, M modalities, F frames (slices, or points of time), N keyframes, J rows, I columns, D width.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from vesalius.nets.dealt import dealt

Strategy = Literal["uniform", "content", "attention", "fused"]
STRATEGY_WORDS = (
    "what makes a frame likely: nothing (uniform), its difference from its neighbours (content), a learned look at it "
    "(attention), or all three with learned weights (fused)"
)
_SIDE = 16
"""Rows and columns of the small pictures that frames are scored by."""
_WIDTH = 32
_EPS = 1e-4


class Keyframes(NamedTuple):
    """Chosen frames, in the order of the stack.

    Args:
        positions_BN: numbers of the frames, whole; in training they carry the gradient of the real quantiles.
        pictures_BMNJI: the frames.
    """

    positions_BN: Tensor
    pictures_BMNJI: Tensor


class KeyframeSelector(nn.Module):
    """x_BMFJI to its keyframes.

    A frame's score becomes a density by softmax, mixed with a flat one so that no stretch is left out. Keyframe n lies
    where the cumulative density reaches (n + offset) / N. In evaluation the offset is 0.5; in training it is drawn for
    each example from PyTorch's global generator (`dealt`), so that two passes see two draws. The frame at the rounded
    position is taken; its gradient is that of the linear interpolation between the two frames around the real one.
    Where rounding would take a frame twice, the next free one is taken.

    Args:
        strategy: what scores are made of.
        most: N at most; a shorter stack is taken whole.
        inputs: M.
        floor: share of the flat density.
    """

    def __init__(self, strategy: Strategy, most: int, inputs: int, floor: float) -> None:
        super().__init__()
        self._strategy, self._most, self._floor = strategy, most, floor
        if strategy in ("attention", "fused"):
            self.look = nn.Sequential(
                nn.Conv2d(inputs, _WIDTH, 3, stride=2, padding=1),
                nn.GELU(),
                nn.Conv2d(_WIDTH, _WIDTH, 3, stride=2, padding=1),
                nn.GELU(),
            )
            self.query_D = nn.Parameter(torch.randn(_WIDTH))
        if strategy == "fused":
            self.weights_3 = nn.Parameter(torch.zeros(3))

    def forward(self, x_BMFJI: Tensor, present_BM: Tensor) -> Keyframes:
        """Choose.

        Args:
            x_BMFJI: scans; what missing modalities hold is not looked at, but must be finite.
            present_BM: which modalities exist, bool.
        """
        density_BF = self.density(x_BMFJI, present_BM)
        _count, frames = density_BF.shape
        kept = min(self._most, frames)
        offset_B1 = torch.full_like(density_BF[:, :1], 0.5)
        if self.training:
            offset_B1 = dealt((len(offset_B1), 1), offset_B1.device)
        steps_N = torch.arange(kept, device=x_BMFJI.device)
        real_BN = quantiles(density_BF, (steps_N + offset_B1) / kept)
        whole_BN = running_max(real_BN.detach().round().long() - steps_N) + steps_N
        whole_BN = torch.minimum(whole_BN, frames - kept + steps_N)
        pictures_BMNJI = _frames(x_BMFJI, whole_BN)
        if not real_BN.requires_grad:
            return Keyframes(whole_BN.to(real_BN.dtype), pictures_BMNJI)
        below_BN = real_BN.detach().floor().clamp(0, max(frames - 2, 0)).long()
        share_B1N11 = (real_BN - below_BN)[:, None, :, None, None].to(x_BMFJI.dtype)
        fixed = x_BMFJI.detach()
        above_BN = (below_BN + 1).clamp(max=frames - 1)
        soft_BMNJI = torch.lerp(_frames(fixed, below_BN), _frames(fixed, above_BN), share_B1N11)
        positions_BN = whole_BN + (real_BN - real_BN.detach())
        return Keyframes(positions_BN, pictures_BMNJI + (soft_BMNJI - soft_BMNJI.detach()))

    def density(self, x_BMFJI: Tensor, present_BM: Tensor) -> Tensor:
        """Return density_BF in single precision; it sums to 1 over the frames."""
        count, _, frames = x_BMFJI.shape[:3]
        flat_BF = torch.full((count, frames), 1 / frames, device=x_BMFJI.device)
        if self._strategy == "uniform":
            return flat_BF
        small = functional.adaptive_avg_pool2d(x_BMFJI.flatten(0, 2)[:, None].float(), _SIDE)
        small_BMFJI = small.reshape(*x_BMFJI.shape[:3], _SIDE, _SIDE) * present_BM[:, :, None, None, None]
        score_BF = self._scores(small_BMFJI, present_BM).float()
        return self._floor * flat_BF + (1 - self._floor) * score_BF.softmax(1)

    def _scores(self, small_BMFJI: Tensor, present_BM: Tensor) -> Tensor:
        if self._strategy == "content":
            return _standardized(_change(small_BMFJI, present_BM))
        if self._strategy == "attention":
            return _standardized(self._attention(small_BMFJI))
        _, content, attention = self.weights_3.softmax(0)  # the score of the uniform strategy is 0
        return content * _standardized(_change(small_BMFJI, present_BM)) + attention * _standardized(
            self._attention(small_BMFJI)
        )

    def _attention(self, small_BMFJI: Tensor) -> Tensor:
        count, _, frames = small_BMFJI.shape[:3]
        looked_BFD = self.look(small_BMFJI.transpose(1, 2).flatten(0, 1)).mean((2, 3)).reshape(count, frames, -1)
        return looked_BFD @ self.query_D.to(looked_BFD)


def quantiles(density_BF: Tensor, share_BN: Tensor) -> Tensor:
    """Return the real frame numbers where the cumulative density reaches the shares; differentiable in both.

    Frame f covers f - 0.5 to f + 0.5; what lies before the middle of the first frame, or after that of the last, is
    moved there.

    Args:
        density_BF: positive, sums to 1.
        share_BN: 0 to 1.

    Example:
        >>> quantiles(torch.tensor([[0.25, 0.25, 0.25, 0.25]]), torch.tensor([[0.125, 0.5]]))
        tensor([[0.0000, 1.5000]])
    """
    frames = density_BF.shape[1]
    end_BF = density_BF.cumsum(1)
    within_BN = first_not_below(end_BF.detach(), share_BN.detach()).clamp(max=frames - 1)
    mass_BN = density_BF.gather(1, within_BN)
    start_BN = end_BF.gather(1, within_BN) - mass_BN
    return (within_BN - 0.5 + (share_BN - start_BN) / mass_BN).clamp(0, frames - 1)


def first_not_below(sorted_BF: Tensor, wanted_BN: Tensor) -> Tensor:
    """Return the index of the first number that is not below each wanted one: `torch.searchsorted`, which ONNX lacks.

    Example:
        >>> first_not_below(torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[0.0, 2.0, 3.0, 9.0]]))
        tensor([[0, 1, 2, 3]])
    """
    return (sorted_BF[:, None] < wanted_BN[..., None]).sum(-1)


def running_max(numbers_BN: Tensor) -> Tensor:
    """Return the largest number up to each place: `torch.cummax`, which ONNX lacks.

    Example:
        >>> running_max(torch.tensor([[3, 1, 4, 2]]))
        tensor([[3, 3, 4, 4]])
    """
    places_N = torch.arange(numbers_BN.shape[1], device=numbers_BN.device)
    later_NN = places_N > places_N[:, None]
    return numbers_BN[:, None].masked_fill(later_NN, torch.iinfo(numbers_BN.dtype).min).amax(-1)


def _frames(x_BMFJI: Tensor, numbers_BN: Tensor) -> Tensor:
    sizes = x_BMFJI.shape
    return x_BMFJI.gather(2, numbers_BN[:, None, :, None, None].expand(-1, sizes[1], -1, *sizes[3:]))


def _change(small_BMFJI: Tensor, present_BM: Tensor) -> Tensor:
    """Return the mean absolute difference of each frame from its one or two neighbours, over present modalities."""
    if small_BMFJI.shape[2] == 1:
        return small_BMFJI.new_zeros(small_BMFJI.shape[0], 1)
    steps_BMS = small_BMFJI.diff(dim=2).abs().mean((3, 4))
    steps_BS = steps_BMS.sum(1) / present_BM.sum(1, keepdim=True).clamp(min=1)
    before_BF = torch.cat([steps_BS[:, :1], steps_BS], 1)
    after_BF = torch.cat([steps_BS, steps_BS[:, -1:]], 1)
    return (before_BF + after_BF) / 2


def _standardized(score_BF: Tensor) -> Tensor:
    centred_BF = score_BF.float() - score_BF.float().mean(1, keepdim=True)
    spread_B1 = centred_BF.square().mean(1, keepdim=True)
    return centred_BF / (spread_B1 + _EPS**2).sqrt()
