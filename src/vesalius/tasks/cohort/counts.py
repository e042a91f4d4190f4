"""Cases, patients and positives of each split, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from vesalius.cohort.audit.run import SplitCounts
from vesalius.metrics.drawn import Drawn

if TYPE_CHECKING:  # a line needs no report
    from vesalius.report.page import ReportTable

_CLASSES_IN_A_LINE = 3


def count_lines(splits: Sequence[SplitCounts]) -> Iterator[str]:
    """Yield one line for each split, or a table where there are many classes."""
    classes = _known_classes(splits)
    if len(classes) > _CLASSES_IN_A_LINE:
        from vesalius.report.table import plain_text

        yield from plain_text(split_table(splits)).strip("\n").splitlines()
        return
    for split in splits:
        shares = ", ".join(f"{name} {_share(split, name)}" for name in classes)
        patients = Drawn(split.patients or 0, split.studies_without_patient).words
        yield f"{split.name}: {split.cases} cases, {patients}" + (f"; {shares}" if shares else "")


def split_table(splits: Sequence[SplitCounts]) -> ReportTable:
    """Return a column for each split, and rows of cases, patients, and positives of the cases with a known label."""
    from vesalius.report.page import Column, ReportTable

    rows = [["cases", *(str(split.cases) for split in splits)]]
    rows += [["patients", *("unknown" if split.patients is None else str(split.patients) for split in splits)]]
    if any(split.studies_without_patient for split in splits):
        rows += [["studies without a patient", *(str(split.studies_without_patient) for split in splits)]]
    rows += [[name, *(_share(split, name) for split in splits)] for name in _known_classes(splits)]
    columns = [Column(name=""), *(Column(name=split.name, numeric=True) for split in splits)]
    return ReportTable(columns=columns, rows=rows)


def _known_classes(splits: Sequence[SplitCounts]) -> list[str]:
    return [name for name, (_, known) in splits[0].positives.items() if known]


def _share(split: SplitCounts, name: str) -> str:
    positive, known = split.positives.get(name, (0, 0))
    return f"{positive}/{known}" if known else "-"
