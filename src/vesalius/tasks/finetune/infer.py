"""Logits of all pictures of a part, and what is known of them.

Letters: U pictures (whole cases, or slices of all volumes), B pictures that go through the net at once, N classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import owners
from vesalius.metrics.drawn import Owner
from vesalius.tasks.finetune.config import FinetuneConfig
from vesalius.tasks.finetune.pictures import MapLabels
from vesalius.tasks.finetune.settings import FinetuneSettings
from vesalius.weights.saved import ENCODER, HEAD, from_pretrained

BATCH = 64
_LINES = 5
"""Of progress."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Pictures that were looked at.

    Args:
        logits_UN: float64.
        labels_UN: 0, 1, or NaN where it is not known; float32.
        ids: of the cases.
        owners: the patients; where none is known, the study or the case itself.
        slices: number of the slice, 0 for a picture that is a case.
    """

    logits_UN: NDArray[np.float64]
    labels_UN: NDArray[np.float32]
    ids: tuple[str, ...]
    owners: tuple[Owner, ...]
    slices: tuple[int, ...]


@torch.no_grad()
def held_out(
    net: nn.Module,
    part: Cohort,
    config: FinetuneConfig,
    classes: tuple[str, ...],
    progress: Callable[[str], None] = lambda _: None,
) -> HeldOut:
    """Every picture of a part through a classifier in eval mode, where its parameters lie.

    Args:
        net: the classifier.
        part: the cases.
        config: of the run.
        classes: what its logits mean.
        progress: callback that receives a line now and then.

    Raises:
        InputError: a case cannot be loaded.
    """
    slices, device = config.data.slices, next(net.parameters()).device
    loader = config.data.loader(
        part,
        prepare=config.prepare,
        order="cohort",
        masks=() if slices is None else (slices.mask,),
        classes=classes,
    )
    maps = None if slices is None else MapLabels(slices.values, slices.least)
    logits, labels = [], []
    ids: list[str] = []
    whose, owned = owners(part), list[Owner]()
    numbers: list[int] = []
    every = max(1, len(part) // _LINES)
    for number, sample in enumerate(loader.epoch(0), start=1):
        x_BCJI = sample.image if slices is not None else sample.image[None]
        for start in range(0, len(x_BCJI), BATCH):
            x = torch.from_numpy(x_BCJI[start : start + BATCH]).to(device)
            logits.append(net(x)[0].float().cpu().numpy().astype(np.float64))
        if maps is None or slices is None:
            labels.append(sample.labels_N[None])
        else:
            labels.append(maps.of_pictures(sample.masks[slices.mask]))
        ids += [sample.id] * len(x_BCJI)
        owned += [whose[sample.id]] * len(x_BCJI)
        numbers += range(len(x_BCJI))
        if number % every == 0:
            progress(f"{number} of {len(part)} held-out cases measured")
    return HeldOut(np.concatenate(logits), np.concatenate(labels), tuple(ids), tuple(owned), tuple(numbers))


def trained(model: Path, config: FinetuneConfig, device: str) -> nn.Module:
    """The classifier of a model folder, as it was written.

    Raises:
        InputError: no such model.
        CorruptFileError: it is damaged.
    """
    loaded = from_pretrained(model, "finetune")
    classes = FinetuneSettings.parse(loaded.config.settings, where=loaded.folder).classes
    encoder, head = (loaded.parts[name].net for name in (ENCODER, HEAD))
    return config.classifier(len(classes)).joined(encoder, head).eval().to(device)
