import math

import numpy as np
import torch

from vesalius.nets.harmonics import harmonic_rows
from vesalius.tasks.tokenize.cycle_views import ViewConfig, views_of

STILL = {"degrees": 0, "zoom": [1, 1], "shift": 0, "flip": 0, "gain": [1, 1], "noise": 0, "begin": 0}


def test_views_move_in_time_as_frames_do():
    """Begun elsewhere: frames rolled; more motion: farther from the mean; gain: all of it."""
    frames, harmonics = 16, 3
    rows_HT = harmonic_rows(frames, harmonics)
    spectrum = np.zeros((2, frames // 2 + 1, 8, 8), complex)
    draw = np.random.default_rng(0)
    spectrum[:, 1:4] = draw.normal(size=(2, 3, 8, 8)) + 1j * draw.normal(size=(2, 3, 8, 8))
    x_KTJI = torch.from_numpy(0.5 + 0.05 * np.fft.irfft(spectrum, frames, axis=1)).float()
    x_BKHJI = torch.einsum("ht,ktji->khji", rows_HT / math.sqrt(frames), x_KTJI)[None]
    same = ViewConfig(**{**STILL, "size": (8, 8), "motion": (1, 1)})
    assert torch.allclose(views_of(x_BKHJI, same)[0], x_BKHJI, atol=1e-5)

    def cycle(view):
        return torch.einsum("ht,khji->ktji", rows_HT * math.sqrt(frames), view[0])

    more = views_of(x_BKHJI, same.model_copy(update={"motion": (1.5, 1.5), "gain": (0.8, 0.8)}))[0]
    mean = x_KTJI.mean(1, keepdim=True)
    assert torch.allclose(cycle(more), 0.8 * (mean + 1.5 * (x_KTJI - mean)), atol=1e-5)
    torch.manual_seed(0)
    moved = cycle(views_of(x_BKHJI, same.model_copy(update={"begin": 0.25}))[0])
    found = [(torch.fft.rfft(moved, dim=1) / torch.fft.rfft(x_KTJI, dim=1))[:, n] for n in (1, 2, 3)]
    angle = found[0].angle()
    assert angle.std() < 1e-3  # one shift for all slices and pixels
    assert torch.allclose(found[2], torch.polar(torch.ones_like(angle), 3 * angle.mean().expand_as(angle)), atol=1e-3)
    assert 0 < abs(angle.mean()) <= math.pi / 2
    back = cycle(views_of(x_BKHJI, same.model_copy(update={"backwards": 1.0}))[0])
    assert torch.allclose(back, x_KTJI.flip(1).roll(1, 1), atol=1e-5)
