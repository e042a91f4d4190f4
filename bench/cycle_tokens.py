"""Trains the cycle tokenizer that comes with the package, and measures it on hearts that it has not seen.

Trained on three Sunnybrook patients and one more as DICOM instances (CC0) and on cine phantoms, in two runs: transform
and correction (tokenize/cycle), then the prior of the file's coder (tokenize/cycle_prior). Held out: the fourth
Sunnybrook patient, on which everything was chosen, and ACDC, which is only measured on.

    python bench/cycle_tokens.py SUNNYBROOK --dicom FOLDER -o WORK [train.epochs=60 ...] [--prior train.epochs=9 ...]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved, write_manifest
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.write import write_cine
from vesalius.tasks.train.run import train

HELD_OUT = "SCD0000401"
PHANTOMS = (
    CineOptions(patients=3, seed=21, frames=20, size=224, noise=0.012, fov_mm=(300, 360)),
    CineOptions(patients=2, seed=22, frames=20, size=224, noise=0.02, fov_mm=(320, 380)),
    CineOptions(patients=2, seed=23, frames=20, size=224, noise=0.03, fov_mm=(280, 340)),
)
COPIES = 4
"""Each real patient is in the manifest so many times: two thirds of the examples come from real hearts."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sunnybrook", type=Path, help="patients in the layout of ACDC")
    parser.add_argument("--dicom", type=Path, required=True, help="one more patient as DICOM instances")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for phantoms, manifest and runs")
    parser.add_argument("--prior", action="append", default=[], help="a.b=value for the training of the prior")
    parser.add_argument("overrides", nargs="*", help="a.b=value for the training of the correction")
    given = parser.parse_intermixed_args()
    manifest = given.output / "cycle.jsonl"
    if not manifest.exists():
        given.output.mkdir(parents=True, exist_ok=True)
        write_manifest(learning(given.sunnybrook, given.dicom, given.output), manifest)
    where = f"data.manifest={manifest}"
    first, second = given.output / "cycle", given.output / "cycle_prior"
    train("tokenize/cycle", first, [where, *given.overrides], resume=True, progress=print)
    start = [f"init_from.model={first}", "init_from.part=tokenizer"]
    train("tokenize/cycle_prior", second, [where, *start, *given.prior], resume=True, progress=print)


def learning(sunnybrook: Path, dicom: Path, output: Path) -> Cohort:
    """Train: real patients, several times each, and phantoms; val: the held-out patient."""
    cases = []
    real = moved(build_cohort("acdc", sunnybrook), output)
    for case in (*real, *moved(build_cohort("dicom", dicom), output)):
        if case.id == HELD_OUT:
            cases.append(case.model_copy(update={"split": "val"}))
            continue
        copies = ({"split": "train", "id": f"{case.id}-{number}"} for number in range(COPIES))
        cases += [case.model_copy(update=copy) for copy in copies]
    for number, options in enumerate(PHANTOMS):
        folder = output / f"phantoms-{number}"
        if not folder.exists():
            write_cine(folder, options)
        for case in moved(build_cohort("acdc", folder), output):
            name = f"phantom-{number}-{case.id}"
            cases.append(case.model_copy(update={"split": "train", "id": name, "patient": name}))
    return Cohort(tuple(cases), output)


if __name__ == "__main__":
    main()
