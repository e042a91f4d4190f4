"""Trains detection on head CT phantoms in two steps, and measures it on phantom patients that it has not seen.

Step 1 trains an encoder on slices (finetune/head_ct_phantom), step 2 a head on the frozen encoder
(detect/head_ct_phantom). Measured on patients of another seed, each beside what knows nothing of either step: the
AUROC of studies beside that of the volume of 50 to 90 HU inside the skull; how often the peak of the heat map touches
the bleed beside a random patch of the brain and beside the brightest spot.

    python bench/head_ct_phantom.py -o WORK [--patients 100] [--unseen 80] [train.epochs=2 ...]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.phantom.head_ct.options import HeadCtOptions, Prevalence
from vesalius.phantom.head_ct.write import write_head_ct
from vesalius.tasks.train.train import train

SEED, UNSEEN_SEED = 1, 2
MATRIX = 160
PREVALENCE = Prevalence(
    any=0.6, epidural=0.15, intraparenchymal=0.2, intraventricular=0.15, subarachnoid=0.2, subdural=0.2
)
"""More bleeds than usual, so that a hundred patients hold enough of each type."""
HELD_OUT_SHARE = 5
"""Every such patient is validated on."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for phantoms, manifest and runs")
    parser.add_argument("--patients", type=int, default=100, help="phantoms to learn from")
    parser.add_argument("--unseen", type=int, default=80, help="phantoms to measure on")
    parser.add_argument("overrides", nargs="*", help="a.b=value for the training of the encoder")
    given = parser.parse_args()
    out: Path = given.output
    learning = phantoms(out / "phantoms-learning", SEED, given.patients)
    manifest = out / "learning.jsonl"
    if not manifest.exists():
        write_manifest(split(learning), manifest)
    took(
        "step 1",
        "finetune/head_ct_phantom",
        out / "encoder",
        [f"data.manifest={manifest}", f"data.cache={out / 'cache'}", *given.overrides],
    )
    words = [f"data.manifest={manifest}", f"data.encoder={out / 'encoder'}", f"data.cache={out / 'cache'}"]
    took("step 2", "detect/head_ct_phantom", out / "head_ct_phantom", words)


def phantoms(folder: Path, seed: int, patients: int) -> Cohort:
    """A cohort of phantoms with their masks, made once."""
    if not folder.exists():
        write_head_ct(folder, HeadCtOptions(seed=seed, matrix=MATRIX, prevalence=PREVALENCE), patients)
    cohort = build_cohort("rsna-ich", folder, ["table=series.csv"])
    cases = []
    for case in cohort:
        mask = case.images["image"].replace(".nii.gz", "_mask.nii.gz")
        change = {"id": case.images["image"].removesuffix(".nii.gz"), "masks": {"mask": mask}}
        cases.append(case.model_copy(update=change))
    return Cohort(tuple(cases), cohort.root)


def split(cohort: Cohort) -> Cohort:
    """Every fifth patient to validate on; the unseen ones are other phantoms."""
    numbers = {patient: n for n, patient in enumerate(dict.fromkeys(case.patient for case in cohort))}
    cases = [
        case.model_copy(update={"split": "train" if numbers[case.patient] % HELD_OUT_SHARE else "val"})
        for case in cohort
    ]
    return Cohort(tuple(cases), cohort.root)


def took(what: str, config: str, run: Path, words: list[str]) -> None:
    """Train, resuming; tells the seconds and those of the processor."""
    start, cpu = time.monotonic(), time.process_time()
    train(config, run, words, resume=True, progress=print)
    print(f"{what}: {time.monotonic() - start:.0f} s, {time.process_time() - cpu:.0f} s of processor", flush=True)


if __name__ == "__main__":
    main()
