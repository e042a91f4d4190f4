"""A small deterministic tokenizer: harmonics over time of averages of 8x8 cells, and one of codes."""

from typing import ClassVar

import numpy as np
import torch

from vesalius.nets.net import Net
from vesalius.nets.tokenizer import Tokenizer
from vesalius.weights.saved import ModelConfig, save_pretrained

SIDE, HARMONICS = 8, 3


class TinyTokenizer(Tokenizer):
    """Rounds the cosines and sines of each cell's average; the step is quality / 100."""

    takes_mean, qualities, width = True, (1, 2, 5, 10, 30), 2 * HARMONICS

    def __init__(self, scale):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(float(scale)))

    def grid(self, size_KTJI):
        return -(-size_KTJI[2] // SIDE), -(-size_KTJI[3] // SIDE)

    def shape(self, size_KTJI):
        rows, columns = self.grid(size_KTJI)
        return size_KTJI[0], rows * columns, 2 * HARMONICS

    def encode(self, x_KTJI, mean_KJI, quality):
        k, t, j, i = x_KTJI.shape
        rows, columns = self.grid(x_KTJI.shape)
        rest = torch.nn.functional.pad(x_KTJI - mean_KJI[:, None], (0, columns * SIDE - i, 0, rows * SIDE - j))
        cells = rest.reshape(k, t, rows, SIDE, columns, SIDE).mean(dim=(3, 5)).reshape(k, t, -1)
        return torch.round(torch.einsum("ktl,tm->klm", cells, 2 / t * self._waves(t)) * 100 / quality).int()

    def decode(self, tokens_GLM, mean_KJI, size_KTJI, quality):
        k, t, j, i = size_KTJI
        waves = self._waves(t)[:, : tokens_GLM.shape[2]]
        cells = torch.einsum("klm,tm->ktl", tokens_GLM.float() * quality / 100, waves)
        cells = cells.reshape(k, t, *self.grid(size_KTJI)).repeat_interleave(SIDE, 2).repeat_interleave(SIDE, 3)
        return mean_KJI[:, None] + self.scale * cells[:, :, :j, :i]

    def prefix(self, tokens_GLM, count):
        return tokens_GLM[:, :, :count]

    def values(self, tokens_GLM, quality):
        return tokens_GLM.float() * quality / 100

    def tables(self):
        zeros = {"weights": (32, 1), "bias": (6, 1), "quality_bias": (5, 1), "out": (3, 1), "level": (6, 3), "tail": 14}
        zeros |= {"signs": (6, 5), "related": (6, 3), "rates": 3}
        tables = {name: np.zeros(shape, np.int64) for name, shape in zeros.items()}
        return {**tables, "related": tables["related"] - 1, "qualities": np.array(self.qualities)}

    def _waves(self, t):
        angle = 2 * np.pi * np.arange(t)[:, None] * np.arange(1, HARMONICS + 1) / t
        waves = np.stack([np.cos(angle), np.sin(angle)], axis=2).reshape(t, -1) * (np.arange(6) // 2 < (t - 1) / 2)
        return torch.from_numpy(waves).float()


class TinyCodes(TinyTokenizer):
    """One of 32 codes for the average of each cell over all frames, without coded means; places are a sequence."""

    takes_mean, qualities, width = False, (0,), 1

    def grid(self, size_KTJI):
        rows, columns = super().grid(size_KTJI)
        return 1, rows * columns

    def shape(self, size_KTJI):
        return size_KTJI[0], self.grid(size_KTJI)[1], 1

    def encode(self, x_KTJI, mean_KJI, quality):
        assert mean_KJI is None
        k, _, j, i = x_KTJI.shape
        rows, columns = super().grid(x_KTJI.shape)
        padded = torch.nn.functional.pad(x_KTJI.mean(1), (0, columns * SIDE - i, 0, rows * SIDE - j))
        return torch.round(31 * padded.reshape(k, rows, SIDE, columns, SIDE).mean(dim=(2, 4))).int().reshape(k, -1, 1)

    def decode(self, tokens_GLM, mean_KJI, size_KTJI, quality):
        k, _, j, i = size_KTJI
        rows, columns = super().grid(size_KTJI)
        values = torch.zeros(k, rows * columns)
        values[:, : tokens_GLM.shape[1]] = tokens_GLM[..., 0] / 31
        picture = values.reshape(k, rows, columns).repeat_interleave(SIDE, 1).repeat_interleave(SIDE, 2)[:, :j, :i]
        return self.scale * picture[:, None].expand(size_KTJI)

    def prefix(self, tokens_GLM, count):
        return tokens_GLM[:, :count]

    def tables(self):
        return {"codes": np.array([32])}


class TinyNet(Net):
    """Configuration of a `TinyTokenizer`."""

    scale: float = 1.0
    codes: bool = False
    dims: ClassVar[None] = None
    inputs: ClassVar[int] = 1
    outputs: ClassVar[None] = None
    divisor: ClassVar[int] = 1

    def make(self):
        return (TinyCodes if self.codes else TinyTokenizer)(self.scale)


def save_tiny(folder, settings=None, **sizes):
    """Write a model folder."""
    folder.mkdir(parents=True)
    net = TinyNet(name="tiny", **sizes)
    save_pretrained(folder, {"tokenizer": net.make()}, ModelConfig.of("tokenize", {"tokenizer": net}, settings))
    return folder
