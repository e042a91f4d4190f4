"""Images that are the same, or nearly the same, under two names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from vesalius.cohort.audit.finding import Finding
from vesalius.cohort.audit.pixels import Looked
from vesalius.cohort.case import Case

NEAR = 0.94
"""Correlation of two thumbnails from which on the images are told as near-duplicates. Copies that were compressed,
scaled, or changed in brightness correlate by 0.97 and more, different eyes (which look alike most) by up to 0.92."""
_BLOCK = 1024


def twin_findings(looked: Sequence[Looked]) -> Iterator[Finding]:
    """Same pixels, then near-duplicates that are not the same."""
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
    one = cases[0]
    other = next((case for case in cases[1:] if case.split != one.split), cases[1])
    where = "the same pixels as"
    if other.split != one.split:
        return Finding("error", "same-pixels", f"{one.id} ({one.split}) has {where} {other.id} ({other.split})", ids)
    odd = next((case for case in cases[1:] if case.labels != one.labels), None)
    if odd is not None:
        return Finding("error", "same-pixels", f"{one.id} has {where} {odd.id} but other labels", ids)
    more = f" and {len(ids) - 2} more" if len(ids) > 2 else ""
    return Finding("warning", "same-pixels", f"{one.id} has {where} {other.id}{more}", ids)


def _near(looked: Sequence[Looked]) -> Iterator[Finding]:
    """Pairs of thumbnails that correlate; pairs with the same pixels or of one patient in one split are passed over."""
    sizes: dict[int, list[Looked]] = defaultdict(list)
    for seen in looked:
        if seen.thumb is not None:
            sizes[seen.thumb.size].append(seen)
    for alike in sizes.values():
        thumbs = np.stack([seen.thumb for seen in alike if seen.thumb is not None])
        for start in range(0, len(alike), _BLOCK):
            likeness = thumbs[start : start + _BLOCK] @ thumbs[start:].T
            for row, column in np.argwhere(likeness >= NEAR):
                if row < column:
                    yield from _pair(alike[start + row], alike[start + column], float(likeness[row, column]))


def _pair(one: Looked, other: Looked, likeness: float) -> Iterator[Finding]:
    if set(one.prints.values()) & set(other.prints.values()):
        return
    ids = (one.case.id, other.case.id)
    across = one.case.split != other.case.split
    same_patient = one.case.patient is not None and one.case.patient == other.case.patient
    if same_patient and not across:
        return
    where = [f"{seen.case.id} ({seen.case.split})" if across else seen.case.id for seen in (one, other)]
    text = f"{where[0]} looks like {where[1]} (correlation {likeness:.3f})"
    yield Finding("warning", "near-duplicate", text, ids)
