"""Which way to choose keyframes helps? UME over time (segment/cine_ume) with each strategy, on phantoms and real cines.

Each arm learns from the same phantoms and the same half of the real patients with the same seeds, and looks at four of
the frames of a slice; a further arm looks at one, which says what the memory is worth at all. Printed is the Dice of
the cavity, as the net gives it, on other phantoms and on the other real patients (ED and ES), and for each strategy the
difference from uniform: means over seeds, bootstrap intervals over patients. Resumable: finished runs are kept.

    python bench/keyframes.py SUNNYBROOK -o WORK [--seeds 2] [--steps 300] [--threads 1]
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import moved, write_manifest
from vesalius.metrics.bootstrap import patient_interval
from vesalius.phantom.cine.options import CineOptions
from vesalius.phantom.cine.write import write_cine
from vesalius.report.page import PAGE
from vesalius.tasks.segment.config import InferConfig
from vesalius.tasks.segment.labels import units
from vesalius.tasks.segment.outcome import Unit, measure
from vesalius.tasks.segment.segmenter import Segmenter
from vesalius.tasks.train.run import train

UNIFORM = "uniform"
ARMS = {
    UNIFORM: ["net.encoder.keyframes=uniform"],
    "content": ["net.encoder.keyframes=content"],
    "attention": ["net.encoder.keyframes=attention"],
    "fused": ["net.encoder.keyframes=fused"],
    "one keyframe": ["net.encoder.keyframes=uniform", "net.encoder.max_keyframes=1"],
}
SHARED = [
    "prepare.spacing_mm=[3,3,null]",
    "patch=[64,64,20]",
    "infer.overlap=0.25",
    "net.encoder.picture=64",
    "net.encoder.patch=8",
    "net.encoder.max_keyframes=4",
    "loss.consistency=0",
    "augment=[{name: affine, axes: IJ, degrees: 30, scale: [0.8, 1.25], shift: 0.1, outside: edge}, "
    "{name: scale_shift, factor: [0.7, 1.4], offset: [-0.15, 0.15]}]",
    "batch=4",
    "train.precision=bf16",
]
"""Half of the pixels in each direction, so that many runs fit; less augmentation for the same reason."""
LEARNED, TESTED = 30, 12
MASKS = ("ED", "ES")
COPIES = 6
"""How often a real patient comes in an epoch, beside each phantom once."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sunnybrook", type=Path, help="patients in the layout of ACDC")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    work, started = given.output.resolve(), time.process_time()
    work.mkdir(parents=True, exist_ok=True)
    tested, manifest = cohorts(given.sunnybrook, work)
    print(
        f"{given.seeds} seeds, {given.steps} steps; tested on {', '.join(f'{len(c)} {n}' for n, c in tested.items())}"
    )
    dice: dict[str, dict[str, list[dict[str, float]]]] = {}
    for arm, words in ARMS.items():
        dice[arm] = {name: [] for name in tested}
        for seed in range(given.seeds):
            run = work / f"{arm.replace(' ', '-')}-{seed}"
            length = [f"train.max_steps={given.steps}", f"train.seed={seed}", f"data.manifest={manifest}"]
            if not (run / PAGE).exists():
                train(
                    "segment/cine_ume",
                    run,
                    [*SHARED, *words, *length],
                    resume=True,
                    device="cpu",
                    threads=given.threads,
                )
            for name, cohort in tested.items():
                dice[arm][name].append(of_patients(net_alone(run), cohort))
                mean = statistics.mean(dice[arm][name][-1].values())
                print(f"{arm}, seed {seed}, {name}: {mean:.4f}", flush=True)
    show(dice, list(tested))
    print(f"{(time.process_time() - started) / 60:.1f} processor-minutes in this call")


def cohorts(sunnybrook: Path, work: Path) -> tuple[dict[str, Cohort], Path]:
    """Return what is tested on, and the manifest to learn from."""
    options = {"frames": 20, "variety": 1.0, "size": 224, "crop": (90, 104)}
    made = {}
    for name, patients, seed in (("learned", LEARNED, 31), ("phantoms", TESTED, 32)):
        if not (work / name).exists():
            write_cine(work / name, CineOptions.build(patients=patients, seed=seed, **options))
        made[name] = build_cohort("acdc", work / name)
    real = build_cohort("acdc", sunnybrook)
    patients = sorted({case.patient or case.id for case in real})
    mine = set(patients[::2])
    cases = []
    for number, case in enumerate(moved(made["learned"], work)):
        split = "val" if number == 0 else "test" if number == 1 else "train"
        cases.append(
            case.model_copy(update={"id": f"phantom-{case.id}", "patient": None, "study": None, "split": split})
        )
    for case in moved(real, work):
        if (case.patient or case.id) in mine:
            cases += [case.model_copy(update={"id": f"{case.id}-{n}", "split": "train"}) for n in range(COPIES)]
    manifest = write_manifest(Cohort(tuple(cases), work), work / "manifest.jsonl", force=True)
    others = real.where(lambda case: (case.patient or case.id) not in mine)
    return {"phantoms": made["phantoms"], "real hearts": others}, manifest


def net_alone(run: Path) -> Segmenter:
    """Return the model without what follows the net: a cavity without its wall is an error of its own."""
    segmenter = Segmenter.from_pretrained(run)
    segmenter.settings = segmenter.settings.model_copy(update={"infer": InferConfig(overlap=0.25)})
    return segmenter


def of_patients(segmenter: Segmenter, cohort: Cohort) -> dict[str, float]:
    """Mean Dice of the cavity at ED and ES by patient."""
    found: dict[str, list[float]] = {}
    for case, unit in measure(segmenter, units(cohort, MASKS), ("image",), absent="unknown"):
        if isinstance(unit, Unit):
            found.setdefault(case.patient or case.id, []).extend(row.dice for row in unit.rows if row.name == "lv")
    return {patient: statistics.mean(values) for patient, values in found.items()}


def show(dice: dict[str, dict[str, list[dict[str, float]]]], names: list[str]) -> None:
    """Print each arm, and its difference from uniform."""
    for name in names:
        print(f"\n{name}: Dice of the cavity; less that of {UNIFORM}, by patient")
        base = means(dice[UNIFORM][name])
        for arm, tested in dice.items():
            mine = means(tested[name])
            apart = [mine[patient] - base[patient] for patient in base]
            interval = patient_interval(apart)
            words = f" ({interval.low:+.4f} to {interval.high:+.4f})" if interval else f" ({len(apart)} patients)"
            less = "" if arm == UNIFORM else f"{statistics.mean(apart):+.4f}{words}"
            print(f"  {arm:14s}{statistics.mean(mine.values()):8.4f}  {less}")


def means(seeds: list[dict[str, float]]) -> dict[str, float]:
    return {patient: statistics.mean(one[patient] for one in seeds) for patient in seeds[0]}


if __name__ == "__main__":
    main()
