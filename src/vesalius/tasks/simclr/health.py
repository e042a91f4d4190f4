"""Measures of an encoder while it learns: do its vectors spread, and do they know the labels of other patients?

Letters: B pictures, C channel, J rows, I columns, V views, N samples, D width, P width of the projection, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from vesalius.cohort.cohort import Cohort
from vesalius.cohort.loader import Loader, batches
from vesalius.metrics.embedding import alignment, effective_rank, neighbour_auroc, probe_auroc, spread, uniformity
from vesalius.nets.encoder import check_pictures
from vesalius.seeding import shuffled
from vesalius.tasks.simclr.config import SimclrConfig
from vesalius.tasks.simclr.views import Views
from vesalius.training.task import Ranks

_BATCH = 64
_ALONE = Ranks()
PANELS = {
    "AUROC of labels": ("neighbours", "probe"),
    "Spread": ("spread",),
    "Effective rank": ("effective_rank",),
    "Views": ("alignment", "uniformity"),
}
"""Title of a chart -> measures."""
Encode = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Rows = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Vectors and labels of one or several pictures."""


class Health:
    """Measures vectors of the training pictures and of held-out ones; no patient is in both.

    Args:
        config: of the run.
        train: cases whose labels the neighbours and the probe know.
        held_out: cases that are measured.
    """

    def __init__(self, config: SimclrConfig, train: Cohort, held_out: Cohort) -> None:
        self.config = config
        few = {name: _some(cohort, config) for name, cohort in (("train", train), ("held out", held_out))}
        self.counts = {name: len(cohort) for name, cohort in few.items()}
        self._classes = tuple(name for name in train.classes if name in held_out.classes)
        self._train, self._held_out = (self._loader(cohort, Views(config.fixed, 1)) for cohort in few.values())
        self._pairs = self._loader(few["held out"], Views(config.view))

    @torch.no_grad()
    def measure(self, encoder: nn.Module, head: nn.Module, ranks: Ranks = _ALONE) -> dict[str, float]:
        """Return the measures, without those that cannot be taken (no labels, one picture).

        spread, effective_rank: of the encoder's vectors of held-out pictures. alignment, uniformity: of projections of
        their views. neighbours, probe: AUROC of their labels from vectors and labels of training pictures.

        Args:
            encoder: in eval mode.
            head: likewise.
            ranks: this process among the others.

        Raises:
            UsageError: the encoder takes other channels or sizes.
        """
        device = next(encoder.parameters()).device

        def whole(x: NDArray[np.float32]) -> NDArray[np.float32]:
            vectors: NDArray[np.float32] = encoder(torch.from_numpy(x).to(device))[0].float().cpu().numpy()
            return vectors

        def projected(x: NDArray[np.float32]) -> NDArray[np.float32]:
            vectors_BD = encoder(torch.from_numpy(x).to(device))[0]
            rows: NDArray[np.float32] = head(vectors_BD).float().cpu().numpy()
            return rows

        held_ND, truth_NK = self._rows(self._held_out, "whole", whole, ranks)
        pairs_NP = self._rows(self._pairs, "augment", projected, ranks)[0]
        first_NP, second_NP = pairs_NP.reshape(len(held_ND), 2, -1).swapaxes(0, 1)
        measures = {
            "spread": spread(held_ND),
            "effective_rank": effective_rank(held_ND),
            "alignment": alignment(first_NP, second_NP),
            "uniformity": uniformity(first_NP),
        }
        if self._classes:
            train_ND, labels_NK = self._rows(self._train, "whole", whole, ranks)
            known = (train_ND, labels_NK, held_ND, truth_NK)
            measures |= {
                "neighbours": neighbour_auroc(*known, neighbours=self.config.health.neighbours),
                "probe": probe_auroc(*known),
            }
        return {name: value for name, value in measures.items() if math.isfinite(value)}

    def check(self, measures: dict[str, float], epoch: int) -> None:
        """Give up where all vectors have become the same; one picture alone shows nothing.

        Args:
            measures: of `measure`.
            epoch: number of epochs that are done; before the first step nothing is judged.

        Raises:
            TrainingError: a collapse, after the epochs of grace.
        """
        fix = "lower optimizer.lr, lengthen the warm-up, enlarge the batch, or make augment stronger"
        self.config.health.check(measures, epoch, fix)

    def _rows(self, loader: Loader, where: str, encode: Encode, ranks: Ranks) -> Rows:
        """Vectors (N, V * width) and labels (N, K) of all pictures in the order of the cohort, in every process."""
        share = list(self._each(loader.shard(ranks.rank, ranks.world), where, encode))
        rows = ranks.gathered(share)
        return np.stack([vector for vector, _ in rows]), np.stack([labels for _, labels in rows])

    def _each(self, loader: Loader, where: str, encode: Encode) -> Iterator[Rows]:
        for batch in batches(loader, 0, _BATCH):
            check_pictures(self.config.net, batch.images.shape, where)
            count, views = batch.images.shape[:2]
            vectors = encode(batch.images.reshape(count * views, *batch.images.shape[2:])).reshape(count, -1)
            yield from zip(vectors, batch.labels_BN, strict=True)

    def _loader(self, cohort: Cohort, views: Views) -> Loader:
        config = self.config
        return config.data.loader(
            cohort,
            prepare=config.prepare,
            order="cohort",
            seed=config.train.seed,
            classes=self._classes,
            augment=views,
        )


def _some(cohort: Cohort, config: SimclrConfig) -> Cohort:
    ids = shuffled([case.id for case in cohort], config.train.seed, "health")
    chosen = set(ids[: config.health.most])
    return cohort.where(lambda case: case.id in chosen)
