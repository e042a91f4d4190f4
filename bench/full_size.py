"""Do whole brains fit? Pretraining, segmentation and prediction on four modalities at full size, and peak memory.

Two brains in the layout of BraTS, one to learn from and one to test on. Each command of `vesalius` runs in a process of
its own with a few steps; printed are its seconds, the largest memory of the process, and for predictions how many
voxels change where one modality is missing. Weights after a few steps know nothing: only sizes, grids and memory are
meant. Goal: below 24 GiB.

    python bench/full_size.py GLIOMA_FOLDER MS_FOLDER -o WORK [--steps 1] [--threads 2] [--resume]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.cohort.read import open_image
from vesalius.report.page import PAGE
from vesalius.scan.open import open_scan

GOAL_GIB = 24.0
MISSING = "flair"
PRETRAINING = {
    "voco/brats, SwinUNETR B": [],
    "voco/brats, UME with neighbours": [
        "net={name: ume, inputs: 4, size: base, patch: 32}",
        "method={name: neighbours}",
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("glioma", type=Path)
    parser.add_argument("ms", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="leave out the pretrainings that are done")
    given = parser.parse_args()
    work: Path = given.output.resolve()
    work.mkdir(parents=True, exist_ok=True)
    manifest, cohort = joined(given.glioma, given.ms, work)
    short = [f"train.max_steps={given.steps}", "train.validate_every=1", "batch=2", f"data.manifest={manifest}"]
    threads = ["--threads", str(given.threads), "--device", "cpu"]
    print(f"{'':36s}{'seconds':>9s}{'peak GiB':>10s}")
    for number, (name, words) in enumerate(PRETRAINING.items()):
        if given.resume and (work / f"encoder{number}" / PAGE).exists():
            continue
        run(name, ["train", "voco/brats", "-o", str(work / f"encoder{number}"), *short, *words, *threads])
    start = f"init_from={{model: {work / 'encoder1'}, part: encoder}}"
    run(
        "segment/brats_ume",
        ["train", "segment/brats_ume", "-o", str(work / "run"), *short, "repeats=2", start, *threads],
    )
    for name in ("whole", "lacking"):
        target = ["-o", str(work / f"found-{name}")]
        run(f"predict, {name}", ["predict", str(work / "run"), str(work / f"{name}.jsonl"), *target, *threads])
    for case in cohort:
        grid = open_image(cohort, case, "t1")
        found = [open_scan(work / f"found-{name}" / f"{case.id}.nii.gz") for name in ("whole", "lacking")]
        on_grid = all(one.shape[2:] == grid.shape[2:] and np.allclose(one.affine, grid.affine) for one in found)
        changed = float(np.mean(found[0].stored() != found[1].stored()))
        print(f"{case.id}: {grid.shape[2:]}, maps on the grid: {on_grid}; changed without {MISSING}: {changed:.1%}")


def joined(glioma: Path, ms: Path, work: Path) -> tuple[Path, Cohort]:
    """Write manifests: of the run, of whole cases, and of cases without a modality."""
    splits = {glioma: ("train", "val"), ms: ("test",)}
    cases = []
    for folder, names in splits.items():
        cohort = build_cohort("brats", folder)
        (case,) = cohort
        paths = {
            kind: {name: str((cohort.root / path).resolve()) for name, path in getattr(case, kind).items()}
            for kind in ("images", "masks")
        }
        cases += [
            case.model_copy(update={**paths, "id": f"{case.id}-{name}", "patient": None, "study": None, "split": name})
            for name in names
        ]
    manifest = write_manifest(Cohort(tuple(cases), Path("/")), work / "manifest.jsonl", force=True)
    ends = Cohort(tuple(cases[1:]), Path("/"))
    lacking = [
        case.model_copy(update={"images": {name: path for name, path in case.images.items() if name != MISSING}})
        for case in ends
    ]
    write_manifest(ends, work / "whole.jsonl", force=True)
    write_manifest(Cohort(tuple(lacking), Path("/")), work / "lacking.jsonl", force=True)
    return manifest, ends


def run(name: str, words: list[str]) -> None:
    """Run a command, and print what it took."""
    shutil.rmtree(words[words.index("-o") + 1], ignore_errors=True)
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "vesalius", *words], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{name} failed")
    peak = usage.ru_maxrss / (1 << 20)
    print(f"{name:36s}{time.perf_counter() - began:9.0f}{peak:10.1f}{'' if peak < GOAL_GIB else '  above the goal'}")


if __name__ == "__main__":
    main()
