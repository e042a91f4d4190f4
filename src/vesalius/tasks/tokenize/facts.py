"""What manifests know of patients, as numbers for nets that decode with it. Letters: B cases, F facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from vesalius.cohort.case import Case
from vesalius.nets.clinical import GROUPS, clinical_facts

_NAMES = {"age_years": ("age_years", "age"), "height_cm": ("height_cm",), "weight_kg": ("weight_kg",)}
"""Fact of the net -> names of the fact in manifests."""


def facts_of(cases: Sequence[Case]) -> Tensor:
    """Return facts_BF in the order of `vesalius.nets.clinical.FACTS`; NaN where a case does not say it."""
    return torch.stack([_facts(case.facts) for case in cases])


def _facts(facts: Mapping[str, Any]) -> Tensor:
    numbers = {name: _number(facts, names) for name, names in _NAMES.items()}
    group = facts.get("group")
    return clinical_facts(**numbers, group=group if group in GROUPS else None)


def _number(facts: Mapping[str, Any], names: Sequence[str]) -> float | None:
    found = next((facts[name] for name in names if name in facts), None)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None
