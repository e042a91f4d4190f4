"""The whole audit of a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from vesalius.cohort.audit.compare import crowd_findings, twin_findings
from vesalius.cohort.audit.finding import LEVELS, Finding
from vesalius.cohort.audit.pixels import Looked, look, missing_files
from vesalius.cohort.audit.records import record_findings
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.groups import owners
from vesalius.cohort.manifest import BadLine
from vesalius.metrics.drawn import Drawn
from vesalius.wording import Progress, quiet

WHOLE = "all"
"""Name of the row that counts every case."""


@dataclass(frozen=True)
class SplitCounts:
    """Size of one split (or of the whole cohort).

    Args:
        name: name of the split, or "all".
        cases: number of cases.
        patients: number of known patients; None where no patient is known.
        studies_without_patient: studies (or cases without a study) whose patient is unknown.
        positives: class -> (positive cases, cases with a known label).
    """

    name: str
    cases: int
    patients: int | None
    studies_without_patient: int
    positives: dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Audit:
    """Result of an audit.

    Args:
        findings: errors first, then warnings, then notes.
        parts: counts of the whole cohort, then of each split.
        looked: number of cases whose pixels were read.
    """

    findings: tuple[Finding, ...]
    parts: tuple[SplitCounts, ...]
    looked: int

    def count(self, level: str) -> int:
        """Return the number of findings of a level."""
        return sum(finding.level == level for finding in self.findings)


def audit(
    cohort: Cohort,
    bad: Sequence[BadLine] = (),
    *,
    pixels: bool = True,
    workers: int = 1,
    progress: Progress = quiet,
) -> Audit:
    """Find leaks, duplicates, damaged files and contradictions.

    Args:
        cohort: the good lines of a manifest.
        bad: the bad lines.
        pixels: False reads the manifest only and touches no file of it.
        workers: cases read at the same time; each holds one image with its masks in memory.
        progress: callback that receives a line now and then.
    """
    findings = [Finding("error", "bad-line", str(line)) for line in bad]
    findings += [Finding("note", "reading", note) for note in cohort.notes]
    findings += record_findings(cohort)
    looked: list[Looked] = []
    if pixels:
        findings += [finding for case in cohort for finding in missing_files(cohort, case)]
        looked = look_at_all(cohort, workers, progress)
        findings += [finding for seen in looked for finding in seen.findings]
        findings += twin_findings(looked)
        findings += crowd_findings(looked)
    findings.sort(key=lambda finding: LEVELS.index(finding.level))  # stable
    splits = {WHOLE: cohort} | {name: cohort.of_split(name) for name in cohort.splits}
    return Audit(tuple(findings), count_splits(splits), len(looked))


def look_at_all(cohort: Cohort, workers: int = 1, progress: Progress = quiet) -> list[Looked]:
    """Read the images and masks of all cases once, `workers` at a time."""
    looked = []
    with ThreadPoolExecutor(workers) as pool:
        for seen in pool.map(lambda case: look(cohort, case), cohort.cases):
            looked.append(seen)
            if len(looked) % max(1, len(cohort) // 10) == 0:
                progress(f"{len(looked)} of {len(cohort)} cases read")
    return looked


def count_splits(splits: Mapping[str, Cohort]) -> tuple[SplitCounts, ...]:
    """Count the cases of splits by their names."""
    return tuple(_count(name, cohort) for name, cohort in splits.items())


def _count(name: str, cohort: Cohort) -> SplitCounts:
    positives = {}
    for label in cohort.classes:
        known = [case.labels[label] >= 0.5 for case in cohort if label in case.labels]
        positives[label] = (sum(known), len(known))
    drawn = Drawn.of(owners(cohort).values())
    return SplitCounts(name, len(cohort), drawn.patients, drawn.studies, positives)
