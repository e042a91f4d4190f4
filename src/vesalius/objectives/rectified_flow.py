"""Rectified flow: straight paths from noise to data (Liu et al. 2022, arXiv:2209.03003; Lumina-Next, arXiv:2406.18583).

x_t = t data + (1 - t) noise, so t is 0 at noise and 1 at data; the velocity of a path is data - noise. A net predicts
the velocity itself, or the data, whose velocity is (data - x_t) / (1 - t).

Letters: B batch, C channel, J rows, I columns.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from vesalius.config import Config


class FlowConfig(Config):
    """What the net predicts, and which times it learns from.

    Departures from the papers: the data as prediction with the loss of the velocity (on small nets it learns several
    times faster), and a share of times at pure noise. A little later the mean colour of a picture shows through the
    noise already, so a net reads it there instead of in the caption, and draws any stain from pure noise.
    """

    predicts: Literal["data", "velocity"] = Field(default="data", description="output of the net")
    least: float = Field(
        default=0.05, gt=0, lt=1, description="predicts data: 1 - t is at least this in the velocity of the loss"
    )
    mean: float = Field(default=0.0, description="of the normal number whose logistic function is a time")
    std: float = Field(default=1.0, gt=0, description="likewise")
    uniform: float = Field(default=0.0, ge=0, le=1, description="share of the times that is uniform from 0 to 1")
    at_noise: float = Field(
        default=0.05, ge=0, le=1, description="share of the times that is 0, where only the conditions say what to draw"
    )
    shift: float = Field(default=1.0, gt=0, description="above 1: more times near noise; t becomes t / (t + s - s t)")

    def times(self, count: int) -> Tensor:
        """Draw times t_B from PyTorch's generator, shape (count,)."""
        normal_B, even_B, chosen_B = torch.randn(count), torch.rand(count), torch.rand(count)
        t_B = torch.where(chosen_B < self.uniform, even_B, torch.sigmoid(self.mean + self.std * normal_B))
        return shifted(torch.where(chosen_B >= 1 - self.at_noise, 0.0, t_B), self.shift)

    def velocity(self, output_BCJI: Tensor, x_BCJI: Tensor, t_B: Tensor, least: float | None = None) -> Tensor:
        """Return the velocity that the output of the net means at x_t.

        Args:
            output_BCJI: of the net.
            x_BCJI: the point x_t.
            t_B: its time.
            least: of 1 - t where the net predicts the data; None: that of the loss.
        """
        if self.predicts == "velocity":
            return output_BCJI.float()
        left_B = (1 - t_B).clamp(min=self.least if least is None else least)
        return (output_BCJI.float() - x_BCJI) / left_B[:, None, None, None]


def point(data_BCJI: Tensor, noise_BCJI: Tensor, t_B: Tensor) -> Tensor:
    """Return x_t on the way from noise to data.

    Example:
        >>> one = torch.ones(1, 1, 1, 1)
        >>> point(2 * one, 0 * one, torch.tensor([0.25])).item()
        0.5
    """
    t_B111 = t_B[:, None, None, None]
    return t_B111 * data_BCJI + (1 - t_B111) * noise_BCJI


def shifted(t: Tensor, shift: float) -> Tensor:
    """Return times moved towards noise (shift above 1) or data (below 1); 0 and 1 stay.

    Example:
        >>> shifted(torch.tensor([0.0, 0.5, 1.0]), 3.0).tolist()
        [0.0, 0.25, 1.0]
    """
    return t / (t + shift - shift * t)


def flow_loss(velocity_BCJI: Tensor, data_BCJI: Tensor, noise_BCJI: Tensor, weight_BJI: Tensor | None = None) -> Tensor:
    """Return the mean squared error of the velocity, a scalar.

    Args:
        velocity_BCJI: predicted.
        data_BCJI: the pictures or latents.
        noise_BCJI: the other end of the paths.
        weight_BJI: weight of each place, e.g. higher in lesions; weights are divided by their mean.
    """
    error_BJI = (velocity_BCJI - (data_BCJI - noise_BCJI)).square().mean(1)
    return error_BJI.mean() if weight_BJI is None else (error_BJI * weight_BJI).sum() / weight_BJI.sum()
