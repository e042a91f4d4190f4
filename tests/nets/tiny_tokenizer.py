"""A tokenizer for tests: rounded means of 4 x 4 cells of the first frames, less the mean over time or not."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from vesalius.nets.net import Net
from vesalius.nets.tokenizer import Tokenizer
from vesalius.transforms.contract import InputContract, write_contract
from vesalius.transforms.prepare import Prepare
from vesalius.weights.saved import ModelConfig, save_pretrained

CELL = 4


class Tiny(Net):
    """Its tokens are multiples of 2**-quality / 4; a component is the mean of a cell in one frame."""

    dims: ClassVar[int] = 2
    inputs: ClassVar[int] = 1
    outputs: ClassVar[None] = None
    divisor: ClassVar[int] = 1
    components: int = 4
    takes_mean: bool = True

    def make(self):
        return TinyTokenizer(self)


class TinyTokenizer(Tokenizer):
    qualities = (6, 5, 4, 3)

    def __init__(self, config):
        super().__init__()
        self.takes_mean, self.width = config.takes_mean, config.components
        self.scale = nn.Parameter(torch.ones(1))

    def shape(self, size_KTJI):
        rows, columns = self.grid(size_KTJI)
        return size_KTJI[0], rows * columns, self.width

    def grid(self, size_KTJI):
        return -(-size_KTJI[2] // CELL), -(-size_KTJI[3] // CELL)

    def encode(self, x_KTJI, mean_KJI, quality):
        _, t, j, i = x_KTJI.shape
        rows, columns = self.grid(x_KTJI.shape)
        left = x_KTJI if mean_KJI is None else x_KTJI - mean_KJI[:, None]
        frames = left[:, torch.arange(self.width) % t]
        padded = nn.functional.pad(frames, (0, columns * CELL - i, 0, rows * CELL - j), mode="replicate")
        means = nn.functional.avg_pool2d(padded, CELL) / self.scale
        return (means * 4 * 2**quality).round().int().flatten(2).transpose(1, 2)

    def values(self, tokens_GLM, quality):
        return tokens_GLM.float() / (4 * 2**quality) * self.scale

    def decode(self, tokens_GLM, mean_KJI, size_KTJI, quality):
        k, t, j, i = size_KTJI
        rows, columns = self.grid(size_KTJI)
        values = self.values(tokens_GLM, quality).transpose(1, 2).reshape(k, -1, rows, columns)
        cells = torch.zeros(k, self.width, rows, columns)
        cells[:, : values.shape[1]] = values
        wide = cells.repeat_interleave(CELL, 2).repeat_interleave(CELL, 3)[:, :, :j, :i]
        x_KTJI = wide[:, torch.arange(t) % self.width]
        return x_KTJI if mean_KJI is None else x_KTJI + mean_KJI[:, None]

    def prefix(self, tokens_GLM, count):
        return tokens_GLM[..., :count]

    def tables(self):
        return {"kind": np.array([0])}


def make_tokenizer(folder: Path, config: Tiny | None = None) -> Path:
    """A model folder of a tokenizer."""
    config = config or Tiny()
    folder.mkdir(parents=True, exist_ok=True)
    save_pretrained(folder, {"tokenizer": config.make()}, ModelConfig.of("tokenize", {"tokenizer": config}))
    write_contract(InputContract(prepare=Prepare.build(layout="BCJI")), folder)
    return folder
