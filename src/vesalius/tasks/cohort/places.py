"""Where the cases of a cohort lie on their pictures and slides.

Letters: J rows, I columns, C channel (RGB).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.item import split_item
from vesalius.errors import VesaliusError
from vesalius.scan.colours import in_rgb
from vesalius.scan.open import open_scan
from vesalius.scan.region import Region
from vesalius.scan.slides.slide import open_slide
from vesalius.scan.slides.tissue import THUMBNAIL, tissue_mask

if TYPE_CHECKING:  # an audit without regions draws nothing
    from vesalius.report.places import Places

_PICTURES = 6
_SHOWN_PIXELS = 640
_BRIGHTEST = 99.5
_OTHER = "no class"


def places_figure(cohort: Cohort) -> bytes | None:
    """Return a PNG of a few pictures with their regions, evenly chosen; None where no case is a readable region."""
    regions_of: dict[tuple[str, bool], list[tuple[Region, Case]]] = defaultdict(list)
    for case in cohort:
        for path in case.images.values():
            file, item = split_item(path)
            if isinstance(item, Region):
                regions_of[file, item.size is not None].append((item, case))
    names = [*cohort.classes, _OTHER]
    chosen = np.linspace(0, len(regions_of) - 1, min(_PICTURES, len(regions_of))).round().astype(int)
    every = list(regions_of.items())
    drawn = [_places(cohort.root / every[n][0][0], every[n][0][1], every[n][1], names) for n in chosen]
    readable = [places for places in drawn if places is not None]
    if not readable:
        return None
    from vesalius.report.places import draw_places

    return draw_places(readable, names)


def _places(path: Path, is_slide: bool, regions: Sequence[tuple[Region, Case]], names: Sequence[str]) -> Places | None:
    from vesalius.report.places import Places

    tissue_JI = None
    try:
        if is_slide:
            slide = open_slide(path)
            columns, rows = slide.size
            picture_JIC = slide.thumbnail(THUMBNAIL)
            tissue_JI = tissue_mask(picture_JIC)
        else:
            picture_JIC = _picture(path, regions[0][1])
            rows, columns = picture_JIC.shape[:2]
    except VesaliusError:
        return None  # a finding of the audit says why
    step = -(-max(picture_JIC.shape[:2]) // _SHOWN_PIXELS)
    boxes = [(r.x / columns, r.y / rows, r.width / columns, r.height / rows) for r, _ in regions]
    classes = [_class(case, names) for _, case in regions]
    caption = f"{regions[0][1].id} and {len(regions) - 1} more" if len(regions) > 1 else regions[0][1].id
    return Places(caption, picture_JIC[::step, ::step], boxes, classes, tissue_JI)


def _picture(path: Path, case: Case) -> NDArray[np.uint8]:
    """Return the first slice and frame of a scan as 8-bit colours (J, I, C)."""
    scan = in_rgb(open_scan(path, case.how))
    values_CIJ: NDArray[Any] = scan.values(slice(0, 1), slice(0, 1))[:, 0, :, :, 0]
    low, high = float(values_CIJ.min()), float(np.percentile(values_CIJ, _BRIGHTEST))
    if scan.dtype != np.uint8:
        values_CIJ = (values_CIJ - low) / max(high - low, 1e-6) * 255
    grey = values_CIJ[:3] if len(values_CIJ) >= 3 else np.repeat(values_CIJ[:1], 3, axis=0)
    return np.clip(grey, 0, 255).astype(np.uint8).transpose(2, 1, 0)


def _class(case: Case, names: Sequence[str]) -> int:
    """Return the place of the most probable class of a case among the names, the last one where it has none."""
    best = max(case.labels, key=lambda name: case.labels[name], default=None)
    return len(names) - 1 if best is None or case.labels[best] <= 0 else names.index(best)
