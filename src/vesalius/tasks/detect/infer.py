"""Logits of many studies.

Letters: S studies, L slices of one, C classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vesalius.tasks.detect.studies import Studies

BATCH = 64


@dataclass(frozen=True, eq=False)
class Logits:
    """What a head says of studies.

    Args:
        study_SC: logits of the studies, float64.
        slices: logits (L, C) of the slices of each.
    """

    study_SC: NDArray[np.float64]
    slices: tuple[NDArray[np.float64], ...]


@torch.no_grad()
def logits(net: nn.Module, studies: Studies, batch: int = BATCH) -> Logits:
    """Logits by a net in eval mode, where its parameters lie; studies of alike lengths go through it together."""
    device = next(net.parameters()).device
    order = np.argsort([len(rows) for rows in studies.rows], kind="stable")
    whole = np.empty(studies.labels_SC.shape, np.float64)
    slices: dict[int, NDArray[np.float64]] = {}
    for start in range(0, len(order), batch):
        numbers = order[start : start + batch]
        given = tensors(studies.batch(numbers), device)
        study_BC, slices_BLC = net(given["x"], given["there"])
        whole[numbers] = study_BC.float().cpu().numpy()
        for number, own in zip(numbers.tolist(), slices_BLC.float().cpu().numpy(), strict=True):
            slices[number] = own[: len(studies.rows[number])].astype(np.float64)
    return Logits(whole, tuple(slices[number] for number in range(len(studies))))


def tensors(batch: dict[str, NDArray[np.generic]], device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """A batch of `Studies.batch` for a net."""
    return {name: torch.from_numpy(array).to(device) for name, array in batch.items()}
