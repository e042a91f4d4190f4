"""What SimCLR on X-rays is worth at a tenth of the labels: the AUROC of Pneumonia on real chest X-rays, out of fold.

The patients are dealt into folds, by label and view. For each fold SimCLR (simclr/cxr_small) trains on the pictures of
all other patients, without labels. Then `label_efficiency` trains finetune/cxr on 10 % of these patients, from
scratch, from the weights of SimCLR, and as a linear probe on them, each with several seeds, and measures the fold.
Printed are the AUROC of each arm and the difference from scratch with its bootstrap interval over the patients, beside
logistic regressions on view, age and sex of the same patients: in this cohort the view is tied to the finding.

Resumable: the same command goes on where it stopped. The budget of the whole is 90 minutes of processor time; what each
call took is printed. --quick is a setting of sizes (2 folds, 1 seed, 2 steps), whose numbers mean nothing.

    VESALIUS_DATA=DIR python bench/cxr_nih.py -o WORK [--quick] [train.epochs=40] [finetune:train.epochs=6] ...

Words without "finetune:" override keys of SimCLR; words with it, also "finetune:ARM:key=value", keys of the arms.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass
from pathlib import Path

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.cohort.split import split_cohort
from vesalius.report.page import PAGE
from vesalius.tasks.evaluate.label_efficiency.options import EfficiencyOptions
from vesalius.tasks.evaluate.label_efficiency.run import label_efficiency, lines
from vesalius.tasks.train.run import train

PRETRAIN, FINETUNE = "simclr/cxr_small", "finetune/cxr"
FINDING = "Pneumonia"
_OF_FINETUNE = "finetune:"


@dataclass(frozen=True)
class Sizes:
    """How large the experiment is.

    Args:
        folds: of the patients.
        seeds: of each arm.
        shares: percent of the training patients.
        words: overrides of SimCLR.
        finetune_words: of the arms.
    """

    folds: int = 5
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    shares: tuple[float, ...] = (10.0,)
    words: tuple[str, ...] = ("train.epochs=40",)
    finetune_words: tuple[str, ...] = ("train.epochs=6", "probe:train.optimizer.lr=0.01")


QUICK = Sizes(
    folds=2,
    seeds=(0,),
    words=("train.epochs=1", "train.max_steps=2", "train.validate_every=1", "health.most=40"),
    finetune_words=("train.max_steps=2",),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="sizes that only show that it runs")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("words", nargs="*", metavar="a.b=value")
    given = parser.parse_args()
    sizes = QUICK if given.quick else Sizes()
    print(sizes)
    work, started = given.output.resolve(), time.process_time()
    work.mkdir(parents=True, exist_ok=True)
    manifest = work / "xrays.jsonl"
    if not manifest.exists():
        write_manifest(folded(Path(os.environ["VESALIUS_DATA"]) / "cxr-nih", sizes.folds), manifest)
    shared = [f"data.manifest={manifest}", f"data.cache={work / 'cache'}"]
    words = [*shared, *sizes.words, *(word for word in given.words if not word.startswith(_OF_FINETUNE))]
    for fold in range(sizes.folds):
        pretrain(work / "pretrained" / f"fold{fold}", [*words, f"data.fold={fold}"], given.threads)
    print(f"pretraining: {(time.process_time() - started) / 60:.1f} processor-minutes in this call")
    words = [f"init_from={work / 'pretrained'}/fold{{fold}}", f"data.classes=[{FINDING}]", *shared]
    words += sizes.finetune_words
    words += [word.removeprefix(_OF_FINETUNE) for word in given.words if word.startswith(_OF_FINETUNE)]
    result = label_efficiency(
        FINETUNE,
        work / "efficiency",
        words,
        EfficiencyOptions(shares=sizes.shares, seeds=sizes.seeds, on="folds"),
        resume=True,
        device="cpu",
        threads=given.threads,
        progress=print,
    )
    print("\n".join(lines(result)))
    print(f"the whole: {(time.process_time() - started) / 60:.1f} processor-minutes in this call")


def folded(folder: Path, folds: int) -> Cohort:
    """Return the X-rays with the label of the finding alone, and a fold for each patient."""
    cohort = build_cohort("nih", folder)
    cases = tuple(case.model_copy(update={"labels": {FINDING: case.labels[FINDING]}}) for case in cohort)
    return split_cohort(Cohort(cases, cohort.root, cohort.notes), (1, 0, 0), folds=folds, stratify="view")


def pretrain(folder: Path, words: list[str], threads: int) -> None:
    """Train SimCLR, unless that is done."""
    if (folder / PAGE).exists():
        print(f"{folder.name} is pretrained already")
        return
    started = time.process_time()
    train(PRETRAIN, folder, words, resume=True, device="cpu", threads=threads)
    print(f"{folder.name}: pretrained in {(time.process_time() - started) / 60:.1f} processor-minutes")


if __name__ == "__main__":
    main()
