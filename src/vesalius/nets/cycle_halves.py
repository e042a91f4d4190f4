"""The two halves of a cycle tokenizer as nets of one tensor, for runtimes of other languages.

Rounding, the coder of the tokens and the sums over time are left to the caller: all of them are a few lines.

Letters: B slices, H channels of harmonics, J rows, I columns, R rows and C columns of cells, M components, X numbers of
a cell that the synthesis takes.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from vesalius.nets.cycle import CycleTokenizer
from vesalius.nets.lapped import CELL


class CycleAnalysis(nn.Module):
    """From pictures of harmonics x_BHJI, the constant one less the decoded mean, to components_BMRC, not yet rounded.

    Args:
        tokenizer: the whole.
    """

    def __init__(self, tokenizer: CycleTokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.inputs = 2 * tokenizer.harmonics + 1

    def forward(self, x_BHJI: Tensor) -> Tensor:
        return self.tokenizer.analysis(x_BHJI)


class CycleSynthesis(nn.Module):
    """From tokens to pictures of harmonics in steps, the learned correction included.

    The channels of its input x_BXRC are the tokens (M), the 64 pixels of the decoded mean in each cell, row by row,
    times the root of the number of frames over the step, and the logarithm of the step to base 2.

    Args:
        tokenizer: the whole.
    """

    def __init__(self, tokenizer: CycleTokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.inputs = tokenizer.components + CELL * CELL + 1

    def forward(self, x_BXRC: Tensor) -> Tensor:
        count = self.tokenizer.components
        x_BHJI = self.tokenizer.linear(x_BXRC[:, :count], self.tokenizer.harmonics)
        mean_BJI = functional.pixel_shuffle(x_BXRC[:, count:-1], CELL)[:, 0]
        corrected: Tensor = x_BHJI + self.tokenizer.correction(x_BHJI, mean_BJI, x_BXRC[:, -1].mean((1, 2)))
        return corrected
