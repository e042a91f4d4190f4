"""Cases compared with the others of their cohort: the same image under two names, and outliers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from vesalius.cohort.audit.finding import Finding, gathered
from vesalius.cohort.audit.pixels import Looked
from vesalius.cohort.case import Case

NEAR = 0.94
"""Images whose thumbnails correlate at least this much are reported as near-duplicates. Copies that were compressed,
scaled, or changed in brightness correlate by 0.97 and more, different eyes (the most similar images) by up to 0.92."""
_BLOCK = 1024
_FAR = 3.0
"""Factor from the median that makes a spacing or a size an outlier."""
_RARE = 0.05
"""A label value in at most this share of the cases is reported as unusual."""


def twin_findings(looked: Sequence[Looked]) -> Iterator[Finding]:
    """Yield images with the same pixels, then near-duplicates."""
    owners: dict[str, list[Case]] = defaultdict(list)
    for seen in looked:
        for digest in dict.fromkeys(seen.prints.values()):
            owners[digest].append(seen.case)
    for cases in owners.values():
        if len(cases) > 1:
            yield _same(cases)
    yield from _near(looked)


def _same(cases: list[Case]) -> Finding:
    ids = tuple(case.id for case in cases)
    first = cases[0]
    other = next((case for case in cases[1:] if case.split != first.split), cases[1])
    if other.split != first.split:
        text = f"{first.id} ({first.split}) has the same pixels as {other.id} ({other.split})"
        return Finding("error", "same-pixels", text, ids)
    odd = next((case for case in cases[1:] if case.labels != first.labels), None)
    if odd is not None:
        return Finding("error", "same-pixels", f"{first.id} has the same pixels as {odd.id} but other labels", ids)
    more = f" and {len(ids) - 2} more" if len(ids) > 2 else ""
    return Finding("warning", "same-pixels", f"{first.id} has the same pixels as {other.id}{more}", ids)


def alike(looked: Sequence[Looked]) -> list[tuple[str, str]]:
    """Return the ids of each two cases whose first images have the same pixels or similar thumbnails."""
    first_with: dict[str, str] = {}
    pairs = []
    for seen in looked:
        for digest in seen.prints.values():
            other = first_with.setdefault(digest, seen.case.id)
            if other != seen.case.id:
                pairs.append((other, seen.case.id))
    return pairs + [(first.case.id, second.case.id) for first, second, _ in _similar(looked)]


def _near(looked: Sequence[Looked]) -> Iterator[Finding]:
    """Yield pairs of similar thumbnails; pairs with the same pixels or of one patient in one split are skipped."""
    for first, second, likeness in _similar(looked):
        yield from _pair(first, second, likeness)


def _similar(looked: Sequence[Looked]) -> Iterator[tuple[Looked, Looked, float]]:
    """Yield pairs of similar thumbnails, and their correlation."""
    sizes: dict[int, list[Looked]] = defaultdict(list)
    for seen in looked:
        if seen.thumb is not None:
            sizes[seen.thumb.size].append(seen)
    for same_size in sizes.values():
        thumbs = np.stack([seen.thumb for seen in same_size if seen.thumb is not None])
        for start in range(0, len(same_size), _BLOCK):
            likeness = thumbs[start : start + _BLOCK] @ thumbs[start:].T
            for row, column in np.argwhere(likeness >= NEAR):
                if row < column:
                    yield same_size[start + row], same_size[start + column], float(likeness[row, column])


def _pair(first: Looked, second: Looked, likeness: float) -> Iterator[Finding]:
    if set(first.prints.values()) & set(second.prints.values()):
        return
    ids = (first.case.id, second.case.id)
    across = first.case.split != second.case.split
    same_patient = first.case.patient is not None and first.case.patient == second.case.patient
    if same_patient and not across:
        return
    where = [f"{seen.case.id} ({seen.case.split})" if across else seen.case.id for seen in (first, second)]
    text = f"{where[0]} looks like {where[1]} (correlation {likeness:.3f})"
    yield Finding("warning", "near-duplicate", text, ids)


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
