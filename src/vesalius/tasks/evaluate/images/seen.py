"""What is kept of the pictures of a side: features, thumbnails, and small pictures to show.

Letters: N pictures, D features, S side, C channel, J rows, I columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.cache import Cache
from vesalius.errors import UsageError, VesaliusError
from vesalius.metrics.kernel_distance import FeatureSet
from vesalius.metrics.memorised import SIDE
from vesalius.seeding import digest
from vesalius.tasks.evaluate.images.features import FeatureNet
from vesalius.tasks.evaluate.images.pictures import Cut, Side, Source, levels, open_picture
from vesalius.transforms.resize import resized
from vesalius.wording import Progress, quiet

_TILE = 128
"""Longest side of a picture in the report, in pixels."""


@dataclass(frozen=True, eq=False)
class Seen:
    """Pictures as the measures need them; a picture may give several rows (cuts).

    Args:
        ids: case of each row.
        sources: source of each row.
        groups: group of each row.
        features_ND: of the net.
        thumbs_NSSC: levels 0 to 1 of 16 x 16 pixels.
        tiles: 8-bit pictures (J, I, 3), at most 128 pixels long.
    """

    ids: tuple[str, ...]
    sources: tuple[Source, ...]
    groups: tuple[str, ...]
    features_ND: NDArray[np.float64]
    thumbs_NSSC: NDArray[np.float64]
    tiles: tuple[NDArray[np.uint8], ...]

    def __len__(self) -> int:
        return len(self.ids)

    def part(self, rows: Sequence[int]) -> Seen:
        """Return some rows."""
        names = ("ids", "sources", "groups", "tiles")
        parts = {name: tuple(getattr(self, name)[row] for row in rows) for name in names}
        at = np.asarray(rows, np.intp)
        return Seen(**parts, features_ND=self.features_ND[at], thumbs_NSSC=self.thumbs_NSSC[at])

    def of_group(self, group: str) -> Seen:
        """Return the rows of a group."""
        return self.part([row for row, name in enumerate(self.groups) if name == group])

    @property
    def set(self) -> FeatureSet:
        """The features with their sources."""
        return FeatureSet(self.features_ND, self.sources)

    def spread(self, count: int, seed: int) -> Seen:
        """Return `count` rows, drawn by the seed so that as many sources as possible are among them."""
        order = sorted(range(len(self)), key=lambda row: digest("spread", seed, self.ids[row], row))
        turns: dict[Source, int] = {}
        turn_of = {}
        for row in order:
            turn_of[row] = turns[self.sources[row]] = turns.get(self.sources[row], -1) + 1
        return self.part(sorted(sorted(order, key=lambda row: turn_of[row])[:count]))


def look(
    side: Side, cut: Cut, net: FeatureNet, batch: int, cache: Cache, progress: Progress = quiet
) -> tuple[Seen, dict[str, VesaliusError]]:
    """Read and encode the pictures of a side, in batches whose features are cached.

    Returns:
        What was seen; case -> why its picture could not be read.

    Raises:
        UsageError: no picture could be read.
    """
    failed: dict[str, VesaliusError] = {}
    ids: list[str] = []
    features, thumbs, tiles = [], [], []
    cuts = _cuts(side, cut, failed)
    while together := list(islice(cuts, batch)):
        pictures = np.stack([x_CJI for _, x_CJI in together])
        ids += [case for case, _ in together]
        features.append(net.remembered(pictures.astype(np.float32), cache))
        thumbs += [resized(x_CJI, [SIDE, SIDE], "linear").transpose(1, 2, 0) for x_CJI in pictures]
        tiles += [_tile(x_CJI) for x_CJI in pictures]
        progress(f"{side.name}: {len(ids)} pictures" + (f", {len(failed)} not read" if failed else ""))
    if not ids:
        what = (
            f"no {side.name} picture could be read; the first of {len(failed)} failures: {next(iter(failed.values()))}"
        )
        raise UsageError(what, fix="name other pictures")
    return Seen(
        ids=tuple(ids),
        sources=tuple(side.sources[case] for case in ids),
        groups=tuple(side.groups[case] for case in ids),
        features_ND=np.concatenate(features).astype(np.float64),
        thumbs_NSSC=np.stack(thumbs).astype(np.float64),
        tiles=tuple(tiles),
    ), failed


def _cuts(side: Side, cut: Cut, failed: dict[str, VesaliusError]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    for case in side.cohort:
        try:
            x_CJI = levels(open_picture(side.cohort, case))
        except VesaliusError as error:
            failed[case.id] = error
            continue
        yield from ((case.id, part) for part in cut.of(x_CJI, case.id))


def _tile(x_CJI: NDArray[np.float32]) -> NDArray[np.uint8]:
    rows, columns = x_CJI.shape[1], x_CJI.shape[2]
    shrunk = min(1.0, _TILE / max(rows, columns))
    small = resized(x_CJI, [max(1, round(rows * shrunk)), max(1, round(columns * shrunk))], "linear")
    return np.asarray((255 * np.clip(small, 0, 1)).round().astype(np.uint8).transpose(1, 2, 0))
