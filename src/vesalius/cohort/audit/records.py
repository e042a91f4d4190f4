"""Faults that the manifest alone shows."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from vesalius.cohort.audit.finding import Finding, gathered
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.wording import some

ANY = "any"
"""The label that is positive where any other is (RSNA)."""
_SPREAD_Z = 4.0
"""Prevalences of two splits that differ by more standard errors than this are reported."""


def record_findings(cohort: Cohort) -> Iterator[Finding]:
    """Yield all findings that need no file."""
    yield from _leaks(cohort, "patient", "split")
    yield from _leaks(cohort, "study", "split")
    yield from _leaks(cohort, "patient", "fold")
    yield from _look_alike_patients(cohort)
    yield from _same_paths(cohort)
    yield from _missing_fields(cohort)
    yield from _masks(cohort)
    yield from _labels(cohort)
    yield from _classes(cohort)
    yield from _prevalence(cohort)
    fixed = [case.id for case in cohort if any(posixpath.isabs(path) for path in case.paths)]
    yield from gathered("note", "absolute-path", fixed, "the path is absolute, so the cohort cannot be moved")


def _leaks(cohort: Cohort, unit: str, side: str) -> Iterator[Finding]:
    """Yield patients (or studies) in two splits or folds."""
    seen: dict[str, dict[object, Case]] = defaultdict(dict)
    for case in cohort:
        if getattr(case, unit) is not None and getattr(case, side) is not None:
            seen[getattr(case, unit)].setdefault(getattr(case, side), case)
    for sides in seen.values():
        if len(sides) > 1:
            where = " and ".join(f"{name} (case {case.id})" for name, case in sides.items())
            ids = tuple(case.id for case in sides.values())
            yield Finding("error", f"{unit}-in-two-{side}s", f"the same {unit} is in {side} {where}", ids)


def _look_alike_patients(cohort: Cohort) -> Iterator[Finding]:
    """Yield patients in two splits whose names differ in case, punctuation or leading zeros only."""
    names: dict[str, dict[str, Case]] = defaultdict(dict)
    for case in cohort:
        if case.patient is not None and case.split is not None:
            bare = re.sub(r"[\W_]+", "", case.patient.casefold())
            names[re.sub(r"(?<!\d)0+(?=\d)", "", bare)].setdefault(case.patient, case)
    for alike in names.values():
        for first, second in combinations(alike.values(), 2):
            if first.split != second.split:
                both = f"{first.id} ({first.split}) and {second.id} ({second.split})"
                text = f"the patients of {both} differ only in case, punctuation or leading zeros"
                yield Finding("warning", "look-alike-patients", text, (first.id, second.id))


def _same_paths(cohort: Cohort) -> Iterator[Finding]:
    users: dict[str, list[Case]] = defaultdict(list)
    for case in cohort:
        for path in case.images.values():
            users[posixpath.normpath(path) + (f"#{case.series}" if case.series else "")].append(case)
    for path, cases in users.items():
        if len(cases) > 1:
            ids = tuple(dict.fromkeys(case.id for case in cases))
            text = f"{some(ids)}: the same file is listed as {len(cases)} images ({posixpath.basename(path)})"
            yield Finding("error", "same-file-twice", text, ids)


def _missing_fields(cohort: Cohort) -> Iterator[Finding]:
    """Yield fields that most cases have and some lack."""
    count = len(cohort)
    no_split = [case.id for case in cohort if case.split is None]
    if len(no_split) < count:
        yield from gathered("warning", "no-split", no_split, "in no split while others are")
    no_patient = [case for case in cohort if case.patient is None]
    for lacking, what, missed in (
        ([case.id for case in no_patient if case.study is None], "neither patient nor study", "splits"),
        ([case.id for case in no_patient if case.study is not None], "a study but no patient", "studies"),
    ):
        if lacking:
            text = f"{len(lacking)} of {count} cases name {what}, so leaks between {missed} cannot be detected"
            yield Finding("note", "no-patient", text, tuple(lacking))
    for word, lacking in (
        ("caption", [case.id for case in cohort if not (case.caption or "").strip()]),
        ("mask", [case.id for case in cohort if not case.masks]),
        ("label", [case.id for case in cohort if not case.labels]),
    ):
        if len(lacking) < count:
            yield from gathered("warning" if word == "label" else "note", f"no-{word}", lacking, f"has no {word}")
    usual = {name for case in cohort for name in case.images}
    for name in sorted(usual):
        lacking = [case.id for case in cohort if name not in case.images]
        if len(lacking) <= count / 2:
            yield from gathered("warning", "image-not-listed", lacking, f"has no image {name!r}, which most cases have")


def _masks(cohort: Cohort) -> Iterator[Finding]:
    for case in cohort:
        for name, path in case.masks.items():
            if path in case.images.values():
                yield from gathered("error", "mask-is-image", [case.id], f"mask {name!r} is the image file itself")
        for name in case.frames:
            if name not in case.masks:
                yield from gathered("error", "frame-without-mask", [case.id], f"frame {name!r} belongs to no mask")


def _labels(cohort: Cohort) -> Iterator[Finding]:
    outside = [case.id for case in cohort if any(not 0 <= value <= 1 for value in case.labels.values())]
    yield from gathered("warning", "label-value", outside, "a label is not between 0 and 1")
    contradicting = []
    count = len(set(cohort.classes) - {ANY})
    for case in cohort:
        others = [value for name, value in case.labels.items() if name != ANY]
        if others and case.labels.get(ANY) == 0 and max(others) > 0:
            contradicting.append(case.id)
        if others and len(others) == count and case.labels.get(ANY) == 1 and max(others) == 0:
            contradicting.append(case.id)
    yield from gathered("error", "labels-contradict", contradicting, f"{ANY!r} is not the maximum of the other labels")


def _classes(cohort: Cohort) -> Iterator[Finding]:
    splits: dict[str, Cohort] = {f"split {split}": cohort.of_split(split) for split in cohort.splits}
    for name in cohort.classes:
        for where, split in (splits or {"the cohort": cohort}).items():
            known = {case.labels[name] >= 0.5 for case in split if name in case.labels}
            if len(known) < 2:
                what = "no known label" if not known else "only positives" if True in known else "only negatives"
                yield Finding("warning", "one-sided-class", f"class {name!r} has {what} in {where}")


def _prevalence(cohort: Cohort) -> Iterator[Finding]:
    for name in cohort.classes:
        shares = {}
        for split in cohort.splits:
            known = [case.labels[name] >= 0.5 for case in cohort if case.split == split and name in case.labels]
            if known:
                shares[split] = (sum(known), len(known))
        for (first, (a, n)), (second, (b, m)) in combinations(shares.items(), 2):
            pooled = (a + b) / (n + m)
            error = (pooled * (1 - pooled) * (1 / n + 1 / m)) ** 0.5
            if error and abs(a / n - b / m) / error > _SPREAD_Z:
                text = f"class {name!r} is positive in {a / n:.0%} of {first} and {b / m:.0%} of {second}"
                yield Finding("warning", "prevalence-differs", text)
