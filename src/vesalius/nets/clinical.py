"""What is known of a patient besides the pictures, for nets that decode with it.

Letters: B patients, F facts, W width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vesalius.errors import UsageError

FACTS = ("age_years", "height_cm", "weight_kg", "group")
GROUPS = ("NOR", "MINF", "DCM", "HCM", "RV")
"""Groups of patients as ACDC has them: normal, infarction, dilated and hypertrophic cardiomyopathy, right ventricle."""
_USUAL = {"age_years": (50.0, 20.0), "height_cm": (170.0, 12.0), "weight_kg": (75.0, 18.0)}
"""About the mean and the spread among adults."""


def clinical_facts(
    age_years: float | None = None,
    height_cm: float | None = None,
    weight_kg: float | None = None,
    group: str | None = None,
) -> Tensor:
    """Return facts_F in the order of `FACTS`; NaN stands for what is unknown.

    Raises:
        UsageError: no such group.

    Example:
        >>> clinical_facts(height_cm=180, group="DCM").tolist()
        [nan, 180.0, nan, 2.0]
    """
    if group is not None and group not in GROUPS:
        raise UsageError("no such group", where=group, fix=f"choose one of {', '.join(GROUPS)}")
    number = None if group is None else GROUPS.index(group)
    facts = (age_years, height_cm, weight_kg, number)
    return torch.tensor([math.nan if fact is None else float(fact) for fact in facts])


class ClinicalEmbedding(nn.Module):
    """facts_BF (NaN: unknown) to c_BW. Each fact has its own vector for "unknown", which is learned, too.

    In training each fact is dropped by itself, so that the net knows every combination (PyTorch's global generator).
    The last layer begins at zero: at first the facts change nothing.

    Args:
        width: W.
        drop: share of the facts made unknown in training.
    """

    def __init__(self, width: int, drop: float) -> None:
        super().__init__()
        self._drop = drop
        self.numbers = nn.ModuleDict({name: nn.Linear(2, width) for name in _USUAL})
        self.groups = nn.Embedding(len(GROUPS), width)
        self.unknown_FW = nn.Parameter(0.02 * torch.randn(len(FACTS), width))
        self.last = nn.Linear(width, width)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, facts_BF: Tensor | None, count: int) -> Tensor:
        """Return c_BW; no facts are the same as unknown ones.

        Args:
            facts_BF: in the order of `FACTS`.
            count: B.
        """
        device = self.unknown_FW.device
        if facts_BF is None:
            facts_BF = torch.full((count, len(FACTS)), math.nan, device=device)
        known_BF = torch.isfinite(facts_BF)
        if self.training:
            known_BF = known_BF & (torch.rand(facts_BF.shape, device=device) >= self._drop)
        values_BF = torch.where(known_BF, facts_BF, torch.zeros_like(facts_BF))
        total_BW = torch.zeros(count, self.unknown_FW.shape[1], device=device)
        for place, name in enumerate(FACTS):
            known_B1 = known_BF[:, place, None]
            total_BW = total_BW + torch.where(known_B1, self._of(name, values_BF[:, place]), self.unknown_FW[place])
        c_BW: Tensor = self.last(torch.nn.functional.gelu(total_BW))
        return c_BW

    def _of(self, name: str, values_B: Tensor) -> Tensor:
        if name == "group":
            return torch.nn.functional.embedding(values_B.long().clamp(0, len(GROUPS) - 1), self.groups.weight)
        usual, spread = _USUAL[name]
        scaled_B = ((values_B - usual) / spread).clamp(-4, 4)
        linear_BW: Tensor = self.numbers[name](torch.stack([scaled_B, scaled_B.square() - 1], -1))
        return linear_BW
