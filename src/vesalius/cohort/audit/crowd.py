"""Cases that stand apart from the rest of their cohort."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from vesalius.cohort.audit.finding import Finding, gathered
from vesalius.cohort.audit.pixels import Looked

_FAR = 3.0
"""Factor from the median that makes a spacing or a size an outlier."""
_RARE = 0.05
"""A label value in at most this share of the cases is reported as unusual."""


def crowd_findings(looked: Sequence[Looked]) -> Iterator[Finding]:
    """Yield unusual modalities, voxel sizes, image sizes and label values."""
    yield from _modality(looked)
    yield from _far(looked, "spacing", [seen.spacing_mm for seen in looked], "mm")
    yield from _far(looked, "size", [seen.shape[1:] if seen.shape else None for seen in looked], "frames and voxels")
    yield from _channels(looked)
    yield from _label_values(looked)


def _modality(looked: Sequence[Looked]) -> Iterator[Finding]:
    counts = Counter(seen.modality for seen in looked if seen.modality != "unknown")
    if len(counts) > 1:
        usual, _ = counts.most_common(1)[0]
        for modality in sorted(set(counts) - {usual}):
            ids = [seen.case.id for seen in looked if seen.modality == modality]
            yield from gathered("warning", "mixed-modality", ids, f"modality {modality} among {usual}")


def _far(looked: Sequence[Looked], word: str, rows: Sequence[Sequence[float] | None], unit: str) -> Iterator[Finding]:
    known = [row for row in rows if row is not None]
    if len(known) < 3:
        return
    usual = np.median(np.array(known, dtype=float), axis=0)
    far = [
        seen.case.id
        for seen, row in zip(looked, rows, strict=True)
        if row is not None and (np.abs(np.log(np.array(row) / usual)) > np.log(_FAR)).any()
    ]
    shown = " x ".join(f"{value:.3g}" for value in usual)
    yield from gathered("warning", f"{word}-outlier", far, f"{word} far from the median of {shown} {unit}")


def _channels(looked: Sequence[Looked]) -> Iterator[Finding]:
    counts = Counter(seen.shape[0] for seen in looked if seen.shape)
    if len(counts) > 1:
        usual, _ = counts.most_common(1)[0]
        ids = [seen.case.id for seen in looked if seen.shape and seen.shape[0] != usual]
        yield from gathered("warning", "mixed-channels", ids, f"not {usual} channel(s) like the other cases")


def _label_values(looked: Sequence[Looked]) -> Iterator[Finding]:
    with_mask = [seen for seen in looked if seen.values]
    counts = Counter(value for seen in with_mask for value in seen.values)
    if max(counts, default=0) > 50:
        return  # numbered instances, not classes
    for value, count in sorted(counts.items()):
        if count <= _RARE * len(with_mask):
            ids = [seen.case.id for seen in with_mask if value in seen.values]
            yield from gathered("warning", "rare-mask-value", ids, f"mask value {value} is in few masks")
