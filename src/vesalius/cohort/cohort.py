"""A cohort: the cases of one manifest and the folder that their paths start from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from vesalius.arguments import checked_fields
from vesalius.cohort.case import Case
from vesalius.cohort.item import split_item
from vesalius.scan.reading import AS_STATED, Reading


@checked_fields
@dataclass(frozen=True)
class Cohort:
    """Cases in a fixed order.

    Args:
        cases: with unique ids.
        root: the folder that relative paths start from.
        notes: caveats about how the cases were found, one sentence each.

    Example:
        >>> cases = [Case.build(id=f"c{n}", images={"image": f"{n}.nii"}, split="train") for n in range(3)]
        >>> cohort = Cohort(tuple(cases), Path("data"))
        >>> cohort.splits, len(cohort.where(lambda case: case.id != "c0"))
        ({'train': 3}, 2)
    """

    cases: tuple[Case, ...]
    root: Path
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.cases)

    def __iter__(self) -> Iterator[Case]:
        return iter(self.cases)

    def path(self, relative: str) -> Path:
        """Return the place of a path of a case on disk, without the "#item" inside the file."""
        return self.root / PurePosixPath(split_item(relative)[0])

    def where(self, keep: Callable[[Case], bool]) -> Cohort:
        """Return the cases for which `keep` is true."""
        return Cohort(tuple(case for case in self.cases if keep(case)), self.root, self.notes)

    def of_split(self, split: str) -> Cohort:
        """Return the cases of one split."""
        return self.where(lambda case: case.split == split)

    def of_fold(self, fold: int) -> Cohort:
        """Return the cases that one fold holds out."""
        return self.where(lambda case: case.fold == fold)

    def read_by(self, reading: Reading) -> Cohort:
        """Return the cases with these choices of reading as defaults; choices of a case are kept."""
        if reading == AS_STATED:
            return self
        cases = []
        for case in self.cases:
            choices = reading.stated() | case.reading.stated() | ({} if case.series is None else {"series": None})
            cases.append(case.model_copy(update={"reading": replace(case.reading, **choices)}))
        return replace(self, cases=tuple(cases))

    @property
    def splits(self) -> dict[str, int]:
        """Number of cases by split: train, val, test, then others as they appear; cases without one are not counted."""
        counts = Counter(case.split for case in self.cases if case.split is not None)
        usual = [name for name in ("train", "val", "test") if name in counts]
        return {name: counts[name] for name in [*usual, *counts]}

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of all labels, in the order of first appearance."""
        return tuple(dict.fromkeys(name for case in self.cases for name in case.labels))
