"""Cycle tokens: principal components of overlapping cells, and a network that corrects what rounding took.

The components come from views of the training scans before the first step. The network learns to bring decoded pictures
nearer to the original than the linear codec does, at every quality; its loss is the error of each view over the error
of the linear codec, so that all qualities count alike. Before any learning it is that codec.

Letters: B examples, K slices, T frames, J rows, I columns, H channels of harmonics, R rows and C columns of cells,
Z numbers of a cell, M components, G groups, L cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from vesalius.codec.still import decoded_mean
from vesalius.errors import UsageError
from vesalius.nets.cycle import QUALITIES, CycleNet, CycleTokenizer, step_of
from vesalius.nets.harmonics import harmonic_rows, harmonics_of
from vesalius.nets.lapped import CELL, cells_of
from vesalius.tasks.tokenize.cycle_views import ViewConfig, views_of
from vesalius.tasks.tokenize.method import TOKENIZER, Decoded, Examples, TokenMethod, tokenizer_of
from vesalius.tasks.tokenize.still import Crf
from vesalius.training.task import Logs, Losses, Trained

_FIRST = 0.36
"""Added before components are cut to integers, to see where there are any."""
_STILL_AT_BEST, _STILL_PER_QUALITY, _SPREAD = 30, 0.75, 10
"""Rate factors of means go with qualities; how far apart qualities are drawn."""
_BIT = 0.12
"""Squared steps that a bit is worth, as in `vesalius.nets.cycle_rounding`."""


@dataclass(frozen=True)
class CodedViews:
    """Views of slices.

    Args:
        x_BHJI: their harmonics without the decoded mean, of unit length.
        mean_BJI: the decoded means.
        frames_B: frames of the cycles.
        still_B: rate factors of the means.
    """

    x_BHJI: Tensor
    mean_BJI: Tensor
    frames_B: Tensor
    still_B: Tensor

    def qualities(self) -> Tensor:
        """Draw qualities_B, floats, about those that go with the rate factors of the means at the same cost."""
        about_B = (self.still_B - _STILL_AT_BEST) / _STILL_PER_QUALITY
        return (about_B + _SPREAD * (2 * torch.rand(len(about_B)) - 1)).clamp(QUALITIES[0], QUALITIES[-1])


class CycleTokens(TokenMethod):
    """Learns the correction of a `vesalius.nets.cycle.CycleTokenizer`; examples are single slices over a cycle."""

    net: CycleNet = CycleNet()
    views: ViewConfig = ViewConfig()
    stills: tuple[Crf, ...] = Field(
        default=(30, 34, 38, 42, 46, 50, 54, 58, 62),
        min_length=1,
        description="rate factors of means, of which each view draws one",
    )
    copies: int = Field(default=2, ge=1, description="views of each example in a step")
    steps: int = Field(default=2, ge=1, description="qualities at which each view is decoded")
    quality: int = Field(default=20, ge=0, le=QUALITIES[-1], description="at which held-out examples are measured")
    still: Crf = Field(default=48, description="rate factor of the means of held-out examples")
    first: int = Field(default=600, ge=1, description="views from which the components come")

    def shipped(self) -> CycleNet:
        return self.net

    def begin(self, modules: Mapping[str, nn.Module], batches: Callable[[], Iterator[Examples]], seed: int) -> None:
        """Set the bases to the principal components of cells of views; only the correction is trained."""
        cycle_of(modules).prior.requires_grad_(False)
        total_ZZ, count = torch.zeros((), dtype=torch.float64), 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            while count < self.first:
                for batch in batches():
                    cells_BZRC = cells_of(self._coded(batch["x"]).x_BHJI)
                    cells_NZ = cells_BZRC.transpose(0, 1).flatten(1).T
                    total_ZZ = total_ZZ + (cells_NZ.T @ cells_NZ).double()
                    count += len(cells_BZRC)
                    if count >= self.first:
                        break
        cycle_of(modules).set_bases(bases_of(total_ZZ, self.net.harmonics))

    def optimizers(self, modules: Mapping[str, nn.Module]) -> dict[str, Trained]:
        del modules
        return {"net": Trained((TOKENIZER,))}

    def losses(self, modules: Mapping[str, nn.Module], batch: Examples, step: int) -> tuple[Losses, Logs]:
        del step
        tokenizer, coded = cycle_of(modules), self._coded(batch["x"])
        shares, used = [], []
        for _ in range(self.steps):
            step_B = step_of(coded.qualities())
            with torch.no_grad():
                target_BHJI = coded.x_BHJI / step_B[:, None, None, None]
                tokens_BMRC = rough_tokens(tokenizer.analysis(target_BHJI))
                linear_BHJI = tokenizer.linear(tokens_BMRC, self.net.harmonics)
            x_BHJI = tokenizer.corrected(linear_BHJI, coded.mean_BJI, coded.frames_B, step_B)
            errors = [(x - target_BHJI).square().flatten(1).sum(1) for x in (x_BHJI, linear_BHJI)]
            shares.append(errors[0] / errors[1].clamp(min=1e-3))
            used.append((tokens_BMRC != 0).float().mean())
        share_B = torch.cat(shares)
        gain = -10 * share_B.detach().clamp(min=1e-6).log10().mean()
        return {"net": share_B.mean()}, {"gain_over_linear": gain, "share_not_zero": torch.stack(used).mean()}

    @torch.no_grad()
    def decoded(self, modules: Mapping[str, nn.Module], batch: Examples) -> Decoded:
        tokenizer, x_BKTJI = cycle_of(modules), batch["x"]
        size_KTJI = (x_BKTJI.shape[1], x_BKTJI.shape[2], x_BKTJI.shape[3], x_BKTJI.shape[4])
        means = [torch.from_numpy(decoded_mean(x_KTJI.mean(1).cpu().numpy(), self.still)) for x_KTJI in x_BKTJI]
        means = [mean_KJI.to(x_BKTJI) for mean_KJI in means]
        pairs = zip(x_BKTJI, means, strict=True)
        tokens = [tokenizer.encode(x_KTJI, mean_KJI, self.quality) for x_KTJI, mean_KJI in pairs]

        def all_of(chosen: Sequence[Tensor]) -> Tensor:
            several = zip(chosen, means, strict=True)
            return torch.stack([tokenizer.decode(t_GLM, m_KJI, size_KTJI, self.quality) for t_GLM, m_KJI in several])

        return Decoded(
            all_of(tokens),
            all_of([torch.zeros_like(tokens_GLM) for tokens_GLM in tokens]),
            all_of(tokens[-1:] + tokens[:-1]) if len(tokens) > 1 else None,
            torch.stack([tokens_GLM.flatten() for tokens_GLM in tokens]),
        )

    def _coded(self, x_BKTJI: Tensor) -> CodedViews:
        """Return a view of each example.

        Raises:
            UsageError: stacks of slices, or cycles too short for the harmonics.
        """
        if x_BKTJI.shape[1] != 1:
            what = f"an example has {x_BKTJI.shape[1]} slices, and this method learns from single ones"
            raise UsageError(what, where="example.span", fix="set it to slice")
        return coded_views(x_BKTJI, self.net.harmonics, self.views, self.stills, self.copies)


def coded_views(
    x_BKTJI: Tensor, harmonics: int, views: ViewConfig, stills: Sequence[int], copies: int = 1
) -> CodedViews:
    """Return views of each example, the means of its slices coded at one of some rate factors and taken away.

    Args:
        x_BKTJI: slices over a cycle; those of all examples follow one another in what is returned.
        harmonics: how many are needed.
        views: what differs.
        stills: the rate factors.
        copies: views of each example.

    Raises:
        UsageError: cycles too short for the harmonics.
    """
    slices, frames = x_BKTJI.shape[1:3]
    if harmonics_of(frames, harmonics) < harmonics:
        what = f"a cycle of {frames} frames has fewer than {harmonics} harmonics"
        raise UsageError(what, where="example.frames", fix=f"take {2 * harmonics + 1} frames or more")
    rows_HT = harmonic_rows(frames, harmonics) / math.sqrt(frames)
    x_BKHJI = torch.einsum("ht,bktji->bkhji", rows_HT, x_BKTJI).repeat_interleave(copies, 0)
    x_BKHJI, frames_B = views_of(x_BKHJI, views)
    still_B = torch.tensor(stills)[torch.randint(len(stills), (len(x_BKHJI),))]
    pairs = zip(x_BKHJI, still_B.tolist(), strict=True)
    means = [decoded_mean(x_KHJI[:, 0].numpy(), still) for x_KHJI, still in pairs]
    mean_BJI = torch.from_numpy(np.concatenate(means))
    x_BHJI, frames_B, still_B = x_BKHJI.flatten(0, 1), *(n.repeat_interleave(slices) for n in (frames_B, still_B))
    rest_BHJI = torch.cat([x_BHJI[:, :1] - mean_BJI[:, None], x_BHJI[:, 1:]], 1)
    return CodedViews(rest_BHJI * frames_B.sqrt()[:, None, None, None], mean_BJI, frames_B, still_B)


def bases_of(cells_ZZ: Tensor, harmonics: int) -> dict[int, Tensor]:
    """Return the principal axes of cells of 0, 1, .. harmonics; cells of fewer are the first numbers of a whole one.

    Args:
        cells_ZZ: sum over cells of the products of their numbers.
        harmonics: of whole cells.
    """
    bases = {}
    for number in range(harmonics + 1):
        size = (2 * number + 1) * CELL * CELL
        axes_ZM = torch.linalg.eigh(cells_ZZ[:size, :size])[1].flip(1)
        side_M = torch.where(axes_ZM.sum(0) < 0, -1.0, 1.0)  # either sign is an axis
        bases[number] = (axes_ZM * side_M).float()
    return bases


def rough_tokens(exact_BMRC: Tensor) -> Tensor:
    """Round about as `vesalius.nets.cycle_rounding` does, but fast: a 1 among zeros is dear, so more must round to it.

    >>> rough_tokens(torch.full((1, 1, 1, 1), 2.6)).item()
    3.0
    """
    size_BMRC = exact_BMRC.abs()
    some_BMRC = functional.pad((size_BMRC + _FIRST >= 1).float(), (1, 1, 1, 1, 4, 4))
    chance_BMRC = functional.avg_pool3d(some_BMRC[:, None], (9, 3, 3), 1)[:, 0] * 0.9 + 0.004
    bits_BMRC = 1 + torch.log2((1 - chance_BMRC) / chance_BMRC)
    offset_BMRC = torch.where(size_BMRC < 1.5, 0.5 - _BIT / 2 * bits_BMRC, 0.5 - _BIT / 2)
    return exact_BMRC.sign() * (size_BMRC + offset_BMRC).floor().clamp(min=0)


def cycle_of(modules: Mapping[str, nn.Module]) -> CycleTokenizer:
    """Return the module that ships."""
    tokenizer = tokenizer_of(modules)
    assert isinstance(tokenizer, CycleTokenizer)
    return tokenizer
