"""A sheet of samples: real pictures of held-out cases beside what the model makes of their masks and captions.

Letters: J rows, I columns, C channel, M classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.cohort import Cohort
from vesalius.report.contact import Tile, contact_sheet
from vesalius.tasks.generate.config import GenerateConfig
from vesalius.tasks.generate.generator import Generator, Request
from vesalius.tasks.generate.sampler import SampleOptions
from vesalius.tasks.generate.task import heldout

MOST = 6
"""Cases of a sheet."""


@dataclass(frozen=True, eq=False)
class Row:
    """A held-out case and what was made from it.

    Args:
        caption: of the case.
        other: another caption of the cohort; None where all are equal.
        real: the picture, (J, I, C), 0 to 255.
        mask_JI: its classes; None without a mask.
        made: the picture of mask and caption.
        switched: the picture of mask and `other`; None without.
    """

    caption: str
    other: str | None
    real: NDArray[np.uint8]
    mask_JI: NDArray[np.integer] | None
    made: NDArray[np.uint8]
    switched: NDArray[np.uint8] | None


def rows_of(config: GenerateConfig, cohort: Cohort, generator: Generator) -> list[Row]:
    """Return rows of evenly chosen cases, made with the default options of sampling."""
    cases = heldout(config, cohort, MOST)
    captions = list(dict.fromkeys(case.caption for case in cases))
    requests, others = [], []
    for number, case in enumerate(cases):
        place = captions.index(case.caption)
        others.append(captions[(place + 1) % len(captions)] if len(captions) > 1 else None)
        both = case.caption, others[-1] or case.caption
        requests += [Request(caption, case.labels_JI, number, case.size) for caption in both]
    made = list(generator.sample(requests, SampleOptions()))
    return [
        Row(
            case.caption,
            other,
            case.picture,
            case.labels_JI,
            made[2 * n],
            None if other is None else made[2 * n + 1],
        )
        for n, (case, other) in enumerate(zip(cases, others, strict=True))
    ]


def sheet(rows: Sequence[Row]) -> bytes:
    """Draw the rows: real picture, mask, picture made, picture made with another caption."""
    tiles, columns = [], 0
    for row in rows:
        line = [Tile("real: " + _short(row.caption), _shown(row.real))]
        if row.mask_JI is not None:
            levels = row.mask_JI.astype(float) / max(1, row.mask_JI.max())
            line.append(Tile("mask", (255 * levels).astype(np.uint8)))
        line.append(Tile("made: " + _short(row.caption), _shown(row.made)))
        if row.switched is not None:
            line.append(Tile("made: " + _short(row.other or ""), _shown(row.switched)))
        columns = max(columns, len(line))
        tiles.append(line)
    blank = np.full((2, 2), 255, np.uint8)
    return contact_sheet(
        [tile for line in tiles for tile in [*line, *[Tile("", blank)] * (columns - len(line))]], columns
    )


def _short(text: str, most: int = 40) -> str:
    """The caption in two short lines."""
    text = text or "no caption"
    text = text if len(text) <= most else text[: most - 1] + "…"
    middle = text.rfind(" ", 0, 22)
    return text if len(text) <= 22 or middle < 0 else f"{text[:middle]}\n{text[middle + 1 :]}"


def _shown(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return picture[:, :, 0] if picture.shape[2] == 1 else picture
