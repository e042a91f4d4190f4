"""Logits of all pictures of a loader, beside their labels.

Letters: U pictures (whole cases, or slices of all volumes), B pictures that go through the net at once, N classes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import owners
from vesalius.cohort.loader import Loader
from vesalius.errors import InputError
from vesalius.metrics.facts import plain
from vesalius.nets.encoder import EncoderNet, check_pictures
from vesalius.tasks.classify.baselines import Baselines, looks_of
from vesalius.tasks.classify.scored import Scored
from vesalius.tasks.finetune.config import SliceLabels
from vesalius.tasks.finetune.pictures import MapLabels
from vesalius.training.task import Ranks
from vesalius.wording import Progress, quiet

BATCH = 64
_ALONE = Ranks()
_LINES = 5
"""Number of progress lines."""


@torch.no_grad()
def score(
    net: nn.Module,
    encoder: EncoderNet,
    loader: Loader,
    slices: SliceLabels | None,
    progress: Progress = quiet,
    ranks: Ranks = _ALONE,
) -> Scored:
    """Classify every picture of a loader.

    Each of several processes takes its share of the cases; all of them return the pictures of all cases.

    Args:
        net: a classifier in eval mode.
        encoder: configuration of its encoder.
        loader: prepared cases in the order of the cohort.
        slices: how label maps become labels of slices; None: the cases are pictures with labels.
        progress: callback that receives a line now and then.
        ranks: this process among the others.

    Raises:
        InputError: a case cannot be loaded, or none is left.
        UsageError: the encoder takes other channels or sizes.
    """
    device = next(net.parameters()).device
    maps = None if slices is None else MapLabels(slices.values, slices.least)
    share: list[tuple[str, NDArray[np.float64], NDArray[np.float32]]] = []
    patient_of = owners(loader.cohort)
    every = max(1, len(loader) // _LINES)
    for number, case in enumerate(loader.shard(ranks.rank, ranks.world).epoch(0), start=1):
        x_BCJI = case.image if slices is not None else case.image[None]
        check_pictures(encoder, x_BCJI.shape, where=f"case {case.id}")
        logits = []
        for start in range(0, len(x_BCJI), BATCH):
            x = torch.from_numpy(x_BCJI[start : start + BATCH]).to(device)
            logits.append(net(x)[0].float().cpu().numpy().astype(np.float64))
        labels_UN = case.labels_N[None] if slices is None or maps is None else maps.of_pictures(case.masks[slices.mask])
        share.append((case.id, np.concatenate(logits), labels_UN))
        if number % every == 0:
            progress(f"{number} of {len(loader)} held-out cases measured")
    cases = ranks.gathered(share)
    facts_of = {case.id: case.facts for case in loader.cohort}
    if not cases:
        first = f", {loader.problems[0]} for one" if loader.problems else ""
        raise InputError(f"no case can be read{first}", fix="mend the files")
    ids = tuple(name for name, logits_UN, _ in cases for _ in logits_UN)
    return Scored(
        np.concatenate([logits_UN for _, logits_UN, _ in cases]),
        np.concatenate([labels_UN for _, _, labels_UN in cases]),
        ids,
        tuple(patient_of[name] for name in ids),
        tuple(number for _, logits_UN, _ in cases for number in range(len(logits_UN))),
        tuple(facts_of[name] for name in ids),
    )


def trivial_scores(
    model: Path, classes: tuple[str, ...], cohort: Cohort, scored: Scored, image: str
) -> dict[str, NDArray[np.float64]]:
    """Return the scores of the trivial baselines of a model folder for measured pictures.

    Args:
        model: the model folder.
        classes: of the model.
        cohort: the measured cases.
        scored: their logits.
        image: name of the image whose look a baseline may need; what cannot be read again counts as average.

    Raises:
        CorruptFileError: the baselines are damaged.
    """
    baselines = Baselines.read(model, classes)
    if baselines.need_looks:
        looks = looks_of(cohort, image, len(cohort))
        return baselines.scores([looks.get(name, {}) for name in scored.ids])
    return baselines.scores([plain(facts) for facts in scored.facts])
