"""What masked autoencoding is worth at a tenth of the labels: Dice of both parts of the hippocampus.

Patients are dealt into training (160) and test (40). The encoder (voco/hippocampus) trains on the images of all
training patients, without labels; then segment/hippocampus trains with the labels of 16 of them, from scratch and from
this encoder, with the same recipe and the same patients; each seed draws other 16. Printed are the mean Dice of each
arm and seed, and the difference with its bootstrap interval over the test patients (means over seeds).

Resumable: the same command goes on where it stopped. The budget of the whole is 90 minutes of processor time; what each
call took is printed. --quick is a setting of sizes whose numbers mean nothing.

    python bench/hippocampus_pretraining.py MSD_TASK04 -o WORK [--quick] [--threads 2]
"""

from __future__ import annotations

import argparse
import csv
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.metrics.bootstrap import patient_interval
from vesalius.report.page import PAGE
from vesalius.seeding import generator
from vesalius.tasks.train.run import train

PRETRAIN, FINETUNE = "voco/hippocampus", "segment/hippocampus"
SCRATCH, PRETRAINED = "scratch", "pretrained"
TEST, LABELLED = 40, 16


@dataclass(frozen=True)
class Sizes:
    """How long the trainings are.

    Args:
        seeds: draws of labelled patients, and of initial weights.
        pretraining: overrides of the encoder's run.
        finetuning: overrides of the arms.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    pretraining: tuple[str, ...] = ("train.epochs=50", "train.validate_every=10")
    finetuning: tuple[str, ...] = ("train.epochs=80", "train.validate_every=80")


QUICK = Sizes(
    seeds=(0, 1), pretraining=("train.max_steps=2",), finetuning=("train.max_steps=2", "train.validate_every=1")
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="Medical Segmentation Decathlon, Task04_Hippocampus")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="sizes that only show that it runs")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    sizes = QUICK if given.quick else Sizes()
    print(sizes)
    work, started = given.output.resolve(), time.process_time()
    work.mkdir(parents=True, exist_ok=True)
    cohort = build_cohort("msd", given.data)
    write_manifest(dealt(cohort), work / "pretrain.jsonl", force=True)
    encoder = work / "encoder"
    run(PRETRAIN, encoder, [f"data.manifest={work / 'pretrain.jsonl'}", *sizes.pretraining], given.threads)
    print(f"pretraining: {(time.process_time() - started) / 60:.1f} processor-minutes in this call", flush=True)
    dice: dict[str, dict[int, dict[str, float]]] = {SCRATCH: {}, PRETRAINED: {}}
    starts = {SCRATCH: [], PRETRAINED: [f"init_from={{model: {encoder}, allow: ['*.2.0.*', '*.2.1.*']}}"]}
    for seed in sizes.seeds:
        manifest = work / f"labelled{seed}.jsonl"
        write_manifest(dealt(cohort, seed), manifest, force=True)
        words = [f"data.manifest={manifest}", f"train.seed={seed}", "train.best=null", *sizes.finetuning]
        for arm, start in starts.items():
            folder = work / f"{arm}{seed}"
            run(FINETUNE, folder, [*words, *start], given.threads)
            dice[arm][seed] = by_patient(folder)
            mean = statistics.mean(dice[arm][seed].values())
            print(f"seed {seed}, {arm}: mean Dice {mean:.4f} on {len(dice[arm][seed])} patients", flush=True)
    show(dice)
    print(f"the whole: {(time.process_time() - started) / 60:.1f} processor-minutes in this call")


def dealt(cohort: Cohort, seed: int | None = None) -> Cohort:
    """Return the cohort with splits; with a seed only those of the training patients that it draws remain."""
    order = generator(0, "test patients").permutation(len(cohort))
    test, train = set(order[:TEST].tolist()), order[TEST:]
    if seed is not None:
        train = generator(seed, "labelled patients").choice(train, LABELLED, replace=False)
    kept = set(train.tolist())
    cases = [
        case.model_copy(update={"split": "test" if number in test else "train"})
        for number, case in enumerate(cohort)
        if number in test | kept
    ]
    return Cohort(tuple(cases), cohort.root, cohort.notes)


def run(config: str, folder: Path, words: list[str], threads: int) -> None:
    """Train, unless that is done."""
    if not (folder / PAGE).exists():
        train(config, folder, words, resume=True, device="cpu", threads=threads)


def by_patient(folder: Path) -> dict[str, float]:
    """Mean Dice of the parts for each test patient."""
    found: dict[str, list[float]] = {}
    with (folder / "table.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            found.setdefault(row["unit"], []).append(float(row["dice"]))
    return {patient: statistics.mean(values) for patient, values in found.items()}


def show(dice: dict[str, dict[int, dict[str, float]]]) -> None:
    """Print both arms, and the difference."""
    patients = sorted(next(iter(dice[SCRATCH].values())))
    means = {arm: [statistics.mean(one.values()) for one in runs.values()] for arm, runs in dice.items()}
    for arm, values in means.items():
        print(f"{arm:12s} mean Dice {statistics.mean(values):.4f}, seeds {min(values):.4f} to {max(values):.4f}")
    apart = [
        statistics.mean(dice[PRETRAINED][seed][one] - dice[SCRATCH][seed][one] for seed in dice[SCRATCH])
        for one in patients
    ]
    interval = patient_interval(apart)
    if interval:
        found = f"{statistics.mean(apart):+.4f}, 95 % interval {interval.low:+.4f} to {interval.high:+.4f}"
        print(f"pretrained less scratch, by test patient: {found}")
    by_seed = [f"{after - before:+.4f}" for before, after in zip(means[SCRATCH], means[PRETRAINED], strict=True)]
    print(f"the same by seed: {', '.join(by_seed)}")


if __name__ == "__main__":
    main()
