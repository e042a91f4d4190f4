"""Seconds per thousand cases to write, read, split and audit (without pixels) manifests of growing size.

Goal: they stay constant with size. Several cases belong to one patient; some patients are unknown.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from vesalius.cohort.audit.run import audit
from vesalius.cohort.case import Case
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.split import split_cohort

SIZES = (1_000, 3_000, 10_000)
CLASSES = ("any", "epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural")
T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of cases")
    parser.add_argument("--runs", type=int, default=3, help="number of runs; the fastest counts")
    given = parser.parse_args()
    print("seconds per 1,000 cases")
    print(f"{'cases':>8s}" + "".join(f"{word:>14s}" for word in ("make", *STEPS)))
    for size in given.sizes:
        runs = [seconds(size) for _ in range(given.runs)]
        fastest = [min(run[n] for run in runs) for n in range(len(runs[0]))]
        print(f"{size:8,d}" + "".join(f"{value * 1000 / size:14.4f}" for value in fastest))


STEPS = ("write jsonl", "read jsonl", "write csv", "read csv", "split", "folds", "audit")


def seconds(size: int) -> list[float]:
    """Measure the seconds of each step."""
    took: list[float] = []

    def timed(work: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = work()
        took.append(time.perf_counter() - start)
        return result

    with tempfile.TemporaryDirectory() as folder:
        cohort = timed(lambda: made_up(size, Path(folder)))
        for suffix in ("jsonl", "csv"):
            path = Path(folder) / f"manifest.{suffix}"
            timed(lambda path=path: write_manifest(cohort, path))
            timed(lambda path=path: read_manifest(path))
        whole = timed(lambda: split_cohort(cohort))
        timed(lambda: split_cohort(cohort, folds=5))
        timed(lambda: audit(whole, pixels=False))
    return took


def made_up(size: int, folder: Path) -> Cohort:
    """Cases of which a patient has 1 to 5, one patient in 20 is not known, and labels are as rare as in practice."""
    draw = np.random.default_rng(0)
    patients = np.repeat(np.arange(size), draw.integers(1, 6, size))[:size]
    positive = draw.random((size, len(CLASSES))) < np.array([0.4, 0.02, 0.15, 0.1, 0.15, 0.2])
    cases = tuple(
        Case(
            id=f"study-{n}",
            images={"image": f"images/{n:06d}.nii.gz"},
            masks={"mask": f"masks/{n:06d}.nii.gz"},
            patient=f"patient-{patients[n]}" if patients[n] % 20 else None,
            study=f"1.2.3.{n}",
            labels=dict(zip(CLASSES, map(float, positive[n]), strict=True)),
            facts={"age": 20 + n % 70, "view": "axial"},
        )
        for n in range(size)
    )
    return Cohort(cases, folder)


if __name__ == "__main__":
    main()
