"""The contrastive loss of SimCLR (arXiv:2002.05709): which of all pictures is the other view of this one?

Letters: B pictures of this process, A pictures of all processes, D width of the projection.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vesalius.objectives.gather import gathered, rank

_SELF = -1e9
"""Added to the similarity of a view with itself, as in Google's code."""


class NtXent(nn.Module):
    """Normalized cross-entropy with a temperature, over the pictures of all processes.

    For a view with projection u, its other view v and the other projections w of the batch, both views of each:
    -log(exp(u.v / T) / (exp(u.v / T) + sum exp(u.w / T))). As in Google's code the loss is the mean over the first
    views *plus* the mean over the second ones: twice the formula of the paper and of lightly, which average over both.
    That matters when a learning rate is copied to another optimizer than LARS.

    Args:
        temperature: T.
        hidden_norm: whether projections are brought to length 1 before they are compared.

    Example:
        >>> ends = torch.eye(2)
        >>> NtXent(0.1)(ends, ends) < 1e-3, NtXent(0.1)(ends, ends.flip(0)) > 10
        (tensor(True), tensor(True))
    """

    def __init__(self, temperature: float = 0.1, *, hidden_norm: bool = True) -> None:
        super().__init__()
        self.temperature, self.hidden_norm = temperature, hidden_norm

    def forward(self, first_BD: Tensor, second_BD: Tensor) -> Tensor:
        """Return the loss, a scalar.

        Args:
            first_BD: projections of one view of each picture, at least two pictures in all processes together.
            second_BD: of the other view, in the same order.

        Raises:
            ValueError: the shapes differ.
        """
        return self.of_logits(*self.logits(first_BD, second_BD))

    @staticmethod
    def of_logits(logits: tuple[Tensor, Tensor], labels_B: Tensor) -> Tensor:
        """Return the loss of what `logits` gives."""
        logits_a, logits_b = logits
        return nn.functional.cross_entropy(logits_a, labels_B) + nn.functional.cross_entropy(logits_b, labels_B)

    def logits(self, first_BD: Tensor, second_BD: Tensor) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Return similarities of the first and of the second views to all views, (B, 2A) each, and where they belong.

        The first A columns are the other views, so that column `labels_B` is the right one.
        """
        if first_BD.shape != second_BD.shape:
            raise ValueError(f"views of shape {tuple(first_BD.shape)} and {tuple(second_BD.shape)} do not fit")
        count = len(first_BD)
        exact = torch.promote_types(first_BD.dtype, torch.float32)
        a_BD, b_BD = first_BD.to(exact), second_BD.to(exact)
        if self.hidden_norm:
            a_BD, b_BD = nn.functional.normalize(a_BD, dim=1), nn.functional.normalize(b_BD, dim=1)
        of_all = gathered(torch.cat([a_BD, b_BD]))
        a_AD, b_AD = of_all.reshape(-1, 2, count, of_all.shape[1]).transpose(0, 1).flatten(1, 2)
        labels_B = torch.arange(count, device=a_BD.device) + rank() * count
        itself_BA = a_BD.new_zeros(count, len(a_AD)).scatter_(1, labels_B[:, None], _SELF)
        aa_BA, bb_BA = a_BD @ a_AD.T / self.temperature + itself_BA, b_BD @ b_AD.T / self.temperature + itself_BA
        ab_BA, ba_BA = a_BD @ b_AD.T / self.temperature, b_BD @ a_AD.T / self.temperature
        return (torch.cat([ab_BA, aa_BA], 1), torch.cat([ba_BA, bb_BA], 1)), labels_B
