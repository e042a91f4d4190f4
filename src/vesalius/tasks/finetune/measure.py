"""Logits of all pictures of a loader, beside their labels.

Letters: U pictures (whole cases, or slices of all volumes), B pictures that go through the net at once, N classes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from vesalius.cohort.groups import owners
from vesalius.cohort.loader import Loader
from vesalius.errors import InputError
from vesalius.metrics.drawn import Owner
from vesalius.tasks.classify.scored import Scored
from vesalius.tasks.finetune.config import SliceLabels
from vesalius.tasks.finetune.pictures import MapLabels
from vesalius.wording import Progress, quiet

BATCH = 64
_LINES = 5
"""Number of progress lines."""


@torch.no_grad()
def score(
    net: nn.Module,
    loader: Loader,
    slices: SliceLabels | None,
    progress: Progress = quiet,
) -> Scored:
    """Classify every picture of a loader.

    Args:
        net: a classifier in eval mode.
        loader: prepared cases in the order of the cohort.
        slices: how label maps become labels of slices; None: the cases are pictures with labels.
        progress: callback that receives a line now and then.

    Raises:
        InputError: a case cannot be loaded, or none is left.
    """
    device = next(net.parameters()).device
    maps = None if slices is None else MapLabels(slices.values, slices.least)
    logits, labels = [], []
    ids: list[str] = []
    patient_of, patients = owners(loader.cohort), list[Owner]()
    items: list[int] = []
    every = max(1, len(loader) // _LINES)
    for number, case in enumerate(loader.epoch(0), start=1):
        x_BCJI = case.image if slices is not None else case.image[None]
        for start in range(0, len(x_BCJI), BATCH):
            x = torch.from_numpy(x_BCJI[start : start + BATCH]).to(device)
            logits.append(net(x)[0].float().cpu().numpy().astype(np.float64))
        if maps is None or slices is None:
            labels.append(case.labels_N[None])
        else:
            labels.append(maps.of_pictures(case.masks[slices.mask]))
        ids += [case.id] * len(x_BCJI)
        patients += [patient_of[case.id]] * len(x_BCJI)
        items += range(len(x_BCJI))
        if number % every == 0:
            progress(f"{number} of {len(loader)} held-out cases measured")
    if not logits:
        first = f", {loader.problems[0]} for one" if loader.problems else ""
        raise InputError(f"no case can be read{first}", fix="mend the files")
    return Scored(np.concatenate(logits), np.concatenate(labels), tuple(ids), tuple(patients), tuple(items))
