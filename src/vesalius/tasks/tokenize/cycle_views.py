"""Random views of slices over a cycle: turned, zoomed, brighter, beating more, begun a little elsewhere.

All of it is done on harmonics, where a shift in time turns each pair of cosine and sine and nothing is interpolated
over time. Scans of hearts begin at the R wave, so the components may know where in the cycle they are. Every draw comes
from PyTorch's global generator, which the loop seeds before every step.

Letters: B examples, K slices, T frames, H channels of harmonics (the constant, then cosine and sine of each), J rows, I
columns.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from vesalius.config import Config

Side = Annotated[int, Field(ge=8)]
Range = tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]


class ViewConfig(Config):
    """What differs between views of a slice."""

    size: tuple[Side, Side] = Field(default=(104, 96), description="rows and columns of a view")
    degrees: float = Field(default=180.0, ge=0, le=180, description="largest turn, on both sides")
    zoom: Range = Field(default=(0.78, 1.35), description="smallest and largest factor")
    shift: float = Field(default=12.0, ge=0, description="largest shift in pixels, along both axes")
    flip: float = Field(default=0.5, ge=0, le=1, description="chance of a mirrored view")
    gain: Range = Field(default=(0.75, 1.3), description="smallest and largest factor of all values")
    begin: float = Field(
        default=0.05, ge=0, le=0.5, description="largest shift in time on both sides, as a share of the cycle"
    )
    backwards: float = Field(default=0.0, ge=0, le=1, description="chance of a cycle that runs backwards")
    motion: Range = Field(default=(0.8, 1.4), description="smallest and largest factor of all that moves")
    noise: float = Field(default=0.008, ge=0, description="largest sigma of noise that is added to every frame")
    frames: tuple[Side, Side] = Field(default=(18, 35), description="fewest and most frames that a cycle is taken for")

    @model_validator(mode="after")
    def _rising(self) -> ViewConfig:
        for name in ("zoom", "gain", "motion", "frames"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} must rise")
        return self


def views_of(x_BKHJI: Tensor, config: ViewConfig) -> tuple[Tensor, Tensor]:
    """Return one view of each example, the same for all its slices, and the frames that its cycle is taken for.

    Args:
        x_BKHJI: harmonics of unit length over one frame: the constant channel is the mean over time.
        config: what differs.

    Returns:
        The views, alike, of the size of the configuration, and frames_B.
    """
    count, slices = x_BKHJI.shape[:2]
    moved = functional.grid_sample(
        x_BKHJI.flatten(1, 2), _places(x_BKHJI, config), mode="bicubic", padding_mode="reflection", align_corners=True
    )
    x_BKHJI = moved.unflatten(1, (slices, -1))  # type: ignore[no-untyped-call]
    frames_B = torch.randint(config.frames[0], config.frames[1] + 1, (count,))
    sigma_B = torch.rand(count) * config.noise / frames_B.sqrt()
    x_BKHJI = x_BKHJI + _wide(sigma_B) * torch.randn(x_BKHJI.shape)
    gain_B, motion_B = _between(config.gain, count), _between(config.motion, count)
    mean_BK1JI = (x_BKHJI[:, :, :1] * _wide(gain_B)).clamp(0, 1)
    moving_BKHJI = _begun_elsewhere(x_BKHJI[:, :, 1:] * _wide(gain_B * motion_B), config)
    return torch.cat([mean_BK1JI, moving_BKHJI], 2), frames_B


def _begun_elsewhere(moving_BKHJI: Tensor, config: ViewConfig) -> Tensor:
    """Begin each cycle a little earlier or later, and run some of them backwards."""
    count, _, channels = moving_BKHJI.shape[:3]
    begin_B = _between((-config.begin, config.begin), count)
    angle_BN = 2 * math.pi * begin_B[:, None] * torch.arange(1, channels // 2 + 1)
    cosine, sine = (wave[:, None, :, None, None] for wave in (angle_BN.cos(), angle_BN.sin()))
    even, odd = moving_BKHJI[:, :, 0::2], moving_BKHJI[:, :, 1::2]
    back_B = torch.where(torch.rand(count) < config.backwards, -1.0, 1.0)
    return torch.stack([cosine * even + sine * odd, _wide(back_B) * (cosine * odd - sine * even)], 3).flatten(2, 3)


def _places(x_BKHJI: Tensor, config: ViewConfig) -> Tensor:
    """Return where the pixels of the views lie, as `grid_sample` counts: places_BJI2 from -1 to 1, columns first."""
    count, _, _, rows, columns = x_BKHJI.shape
    turn_B = (2 * torch.rand(count) - 1) * math.radians(config.degrees)
    zoom_B = torch.exp(_between((math.log(config.zoom[0]), math.log(config.zoom[1])), count))
    side_B = torch.where(torch.rand(count) < config.flip, -1.0, 1.0)
    shift_B2 = (2 * torch.rand(count, 2) - 1) * config.shift
    down_J = torch.arange(config.size[0]) - (config.size[0] - 1) / 2
    right_I = torch.arange(config.size[1]) - (config.size[1] - 1) / 2
    cosine_B, sine_B = (turn_B.cos() / zoom_B)[:, None, None], (turn_B.sin() / zoom_B)[:, None, None]
    row_BJI = cosine_B * down_J[:, None] - sine_B * right_I + shift_B2[:, 0, None, None]
    column_BJI = side_B[:, None, None] * (sine_B * down_J[:, None] + cosine_B * right_I) + shift_B2[:, 1, None, None]
    return torch.stack([2 * column_BJI / max(1, columns - 1), 2 * row_BJI / max(1, rows - 1)], -1)


def _between(ends: tuple[float, float], count: int) -> Tensor:
    return ends[0] + torch.rand(count) * (ends[1] - ends[0])


def _wide(number_B: Tensor) -> Tensor:
    return number_B[:, None, None, None, None]
