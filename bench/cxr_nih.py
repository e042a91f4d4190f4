"""What SimCLR on X-rays is worth at a tenth of the labels: the AUROC of Pneumonia on real chest X-rays, out of fold.

The patients are dealt into folds, by label and view. For each fold SimCLR (simclr/cxr_small) trains on the pictures of
all other patients, without labels. Then `label_efficiency` trains finetune/cxr on 10 % of these patients, from
scratch, from the weights of SimCLR, and as a linear probe on them, each with several seeds, and measures the fold.
Printed are the AUROC of each arm and the difference from scratch with its bootstrap interval over the patients, beside
logistic regressions on view, age and sex of the same patients: in this cohort the view is tied to the finding.

--ship FOLDER trains the classifier of the package: from the SimCLR of the first fold, with the labels of all but two
folds; the second fold chooses the weights, the first tests them. It is also measured on PneumoniaMNIST, children of
another hospital in pictures of 28 pixels. Both and the experiment go on its card.

The rates of the arms were tried on the first fold with three seeds: from scratch 0.001 beat 0.003 and 0.0003, from
SimCLR 0.0003 beat 0.001. There 0.0001 was better still, and over all folds worse.

Resumable: the same command goes on where it stopped. The budget of the whole is 90 minutes of processor time; what each
call took is printed. --quick is a setting of sizes (2 folds, 1 seed, 2 steps), whose numbers mean nothing.

    VESALIUS_DATA=DIR python bench/cxr_nih.py -o WORK [--quick] [--ship FOLDER] [batch=64] [finetune:batch=16] ...

Words without "finetune:" override keys of SimCLR; words with it, also "finetune:ARM:key=value", keys of the arms.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from vesalius.cohort.build import build_cohort
from vesalius.cohort.cohort import Cohort
from vesalius.cohort.manifest import read_manifest, write_manifest
from vesalius.cohort.split import split_cohort
from vesalius.report.page import PAGE, SUMMARY
from vesalius.tasks.evaluate.classifier import evaluate_classifier
from vesalius.tasks.evaluate.label_efficiency.options import EfficiencyOptions
from vesalius.tasks.evaluate.label_efficiency.run import LabelEfficiency, label_efficiency, lines
from vesalius.tasks.train.run import train

PRETRAIN, FINETUNE = "simclr/cxr_small", "finetune/cxr"
NAME, FINDING = "cxr_pneumonia", "Pneumonia"
_OF_FINETUNE = "finetune:"
RATE = "train.optimizer.lr=0.0003"
"""Where all layers learn from the weights of SimCLR."""
HEADING = "## Measured by bench/cxr_nih.py"
CARD = {
    "summary": "Pneumonia as NIH ChestX-ray14 labels it, in frontal chest X-rays; for trying out, not for patients",
    "licence": "apache-2.0",
    "data": [
        {
            "name": "NIH ChestX-ray14",
            "licence": "no restriction on use",
            "note": "688 X-rays of 477 patients; attribution: Wang et al. 2017 (doi:10.1109/CVPR.2017.369), NIH "
            "Clinical Center",
        }
    ],
    "limits": [
        "Half of its X-rays were chosen for the finding; where few patients have it, most alarms are false.",
        "Labels were mined from reports, and the view (standing or at the bedside) alone says something about them.",
        "It has seen frontal views of one hospital only; on children of another one it is hardly better than chance, "
        "see the measures.",
    ],
}


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
    words: tuple[str, ...] = ()
    finetune_words: tuple[str, ...] = (
        "train.epochs=6",
        f"pretrained:{RATE}",
        "probe:train.optimizer.lr=0.01",
    )


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
    parser.add_argument("--ship", type=Path, help="folder that the classifier of the package is copied to")
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
    if given.ship:
        ship(work, read_manifest(manifest), sizes, result, given.threads, given.ship)


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


def further_figures(sizes: Sizes, experiment: LabelEfficiency, children: Path) -> list[str]:
    """Return what the card says besides the test of the run, line by line."""
    table = experiment.table
    rows = [[column.name for column in table.columns], ["---"] * len(table.columns), *table.rows]
    auroc = json.loads((children / SUMMARY).read_text(encoding="utf-8"))["results"]["auroc"]
    low, high = auroc["interval"]
    return [
        "The experiment behind the encoder: SimCLR on all patients but those of a fold, then the labels of a share of "
        f"them, measured on that fold; {sizes.folds} folds, {len(sizes.seeds)} seeds. The encoder of this model is "
        "that of the first fold.",
        "",
        *["| " + " | ".join(row) + " |" for row in rows],
        "",
        "The model on children of another hospital, the test pictures of PneumoniaMNIST, 28 pixels wide: AUROC "
        f"{auroc['value']:.3f} ({low:.3f} to {high:.3f}).",
        "",
    ]


def ship(work: Path, cohort: Cohort, sizes: Sizes, experiment: LabelEfficiency, threads: int, folder: Path) -> None:
    """Train, test and copy the classifier of the package."""
    run, manifest, children = work / NAME, work / "shipped.jsonl", work / "children"
    splits = {0: "test", 1: "val"}
    cases = [case.model_copy(update={"split": splits.get(case.fold or 0, "train"), "fold": None}) for case in cohort]
    write_manifest(Cohort(tuple(cases), cohort.root, cohort.notes), manifest, force=True)
    if not (run / PAGE).exists():
        words = [f"data.manifest={manifest}", f"data.cache={work / 'cache'}", f"data.classes=[{FINDING}]"]
        words += [f"init_from.model={work / 'pretrained' / 'fold0'}", "init_from.part=encoder", "numbers=bf16"]
        words += [RATE]
        words += [f"card.{key}={json.dumps(value)}" for key, value in CARD.items()]
        train(FINETUNE, run, words, resume=True, device="cpu", threads=threads, progress=print)
    if not (children / PAGE).exists():
        evaluate_classifier(run, pneumonia_mnist(work), children, device="cpu", threads=threads, progress=print)
    card = run / "model" / "README.md"
    text = card.read_text(encoding="utf-8").split(HEADING)[0].rstrip()
    text = "\n".join([text, "", HEADING, "", *further_figures(sizes, experiment, children)])
    card.write_text(text, encoding="utf-8")
    print(text)
    shutil.copytree(run / "model", folder, dirs_exist_ok=True)


def pneumonia_mnist(work: Path) -> Path:
    """Return a manifest of the test pictures of PneumoniaMNIST, whose class has the name of the finding."""
    manifest = work / "children.jsonl"
    cohort = build_cohort("medmnist", Path(os.environ["VESALIUS_DATA"]) / "pneumonia-28")
    cases = tuple(
        case.model_copy(update={"labels": {FINDING: max(case.labels.values())}})
        for case in cohort
        if case.split == "test"
    )
    write_manifest(Cohort(cases, cohort.root, cohort.notes), manifest, force=True)
    return manifest


if __name__ == "__main__":
    main()
