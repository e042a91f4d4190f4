"""The prior of cycle tokens: how likely each is after those that are coded before it. The last stage of their training.

The transform comes from an earlier run (`init_from`) and stays as it is. An example is a stack of slices, since slices
are coded with a view to their neighbours; its tokens are made at a few random qualities, and the prior learns to spend
fewer bits on them. What is rounded to which integer depends on the prior itself, so it is made anew at every step.

Letters: B examples, K slices, T frames, J rows, I columns, R rows and C columns of cells, M components, G groups,
L cells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from vesalius.nets.cycle import CycleTokenizer, step_of
from vesalius.nets.cycle_prior import CellTokens
from vesalius.nets.cycle_rounding import thrifty
from vesalius.tasks.tokenize.cycle import CycleTokens, coded_views, cycle_of
from vesalius.tasks.tokenize.method import Examples
from vesalius.training.task import Logs, Losses

_FEW = 20
"""A study counts as if it had so many tokens other than 0 at least."""


class CyclePriorTokens(CycleTokens):
    """Learns the prior of a trained `vesalius.nets.cycle.CycleTokenizer`; examples are stacks of slices."""

    floor: float = Field(
        default=0.1, gt=0, le=1, description="share of the tokens in quiet surroundings that are learned from"
    )

    def begin(self, modules: Mapping[str, nn.Module], batches: Callable[[], Iterator[Examples]], seed: int) -> None:
        """Keep all but the prior as it is loaded afterwards."""
        del batches, seed
        cycle_of(modules).correction.requires_grad_(False)

    def losses(self, modules: Mapping[str, nn.Module], batch: Examples, step: int) -> tuple[Losses, Logs]:
        tokenizer = cycle_of(modules)
        with torch.no_grad():
            studies = self._studies(tokenizer, batch["x"])
            several = [
                tokenizer.prior.rows(study, floor=self.floor, names=("prior", step, number))
                for number, study in enumerate(studies)
            ]
        bits = [(tokenizer.prior(rows) * rows.weight_N).sum() for rows in several]
        some = [max(_FEW, int((study.tokens_GLM != 0).sum())) for study in studies]
        per_token = torch.stack([b / count for b, count in zip(bits, some, strict=True)])
        slices = sum(len(study.tokens_GLM) for study in studies)
        return {"net": per_token.mean()}, {
            "bits_per_token_not_zero": per_token.detach().mean(),
            "bytes_per_slice": torch.stack(bits).detach().sum() / 8 / slices,
        }

    def _studies(self, tokenizer: CycleTokenizer, x_BKTJI: Tensor) -> list[CellTokens]:
        """Return the tokens of a view of each example at a few qualities."""
        slices, studies = x_BKTJI.shape[1], []
        coded = coded_views(x_BKTJI, self.net.harmonics, self.views, self.stills)
        exact_BMRC = tokenizer.analysis(coded.x_BHJI)
        grid = (exact_BMRC.shape[2], exact_BMRC.shape[3])
        for _ in range(self.steps):
            drawn = coded.qualities()[::slices].round().int().tolist()
            studies_BMRC = exact_BMRC.reshape(-1, slices, *exact_BMRC.shape[1:])
            for exact_KMRC, quality in zip(studies_BMRC, drawn, strict=True):
                tokens_GMRC = thrifty((exact_KMRC / step_of(quality)).numpy(), tokenizer.prior, quality)
                tokens_GLM = tokens_GMRC.reshape(*tokens_GMRC.shape[:2], -1).swapaxes(1, 2)
                studies.append(CellTokens(tokens_GLM, grid, quality))
        return studies
