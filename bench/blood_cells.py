"""Red cells, white cells and platelets of real smears: a classifier that starts from SimCLR, beside trivial baselines.

Each box of the annotated smears becomes a square crop; the splits are those of the data set, by smear. SimCLR
(simclr/blood_cells) trains on the crops of the training smears without labels, then finetune/blood_cells on the same
crops with their labels, from the weights of SimCLR and from scratch. Printed are macro F1, accuracy and the recall of
each class on the test smears, and AUROC beside the baseline of mean colour and size of the crops. Red cells are 85 % of
the cells, so accuracy alone says little. Goals: macro F1 and the recall of the worst class at least 0.95.

--ship FOLDER copies the classifier that started from SimCLR: it is the one of the package.

Resumable: the same command goes on where it stopped. --quick is a setting of sizes whose numbers mean nothing.

    VESALIUS_DATA=DIR python bench/blood_cells.py -o WORK [--quick] [--ship FOLDER] [batch=64] [finetune:batch=32] ...
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from vesalius.cohort.build import build_cohort
from vesalius.cohort.manifest import write_manifest
from vesalius.report.page import PAGE
from vesalius.tasks.train.run import train

PRETRAIN, FINETUNE = "simclr/blood_cells", "finetune/blood_cells"
NAME, GOAL = "blood_cells", 0.95
SIMCLR = ("train.epochs=12", "train.schedule.warmup_epochs=1", "train.validate_every=6")
"""What differs from the configuration: fewer epochs, since the classes are easy to tell apart."""
QUICK = ("train.epochs=1", "train.max_steps=2", "train.schedule.warmup_epochs=0")
_OF_FINETUNE = "finetune:"
CARD = {
    "summary": "Red cells, white cells and platelets in crops of blood smears; for trying out, not for patients",
    "licence": "apache-2.0",
    "data": [{"name": "BCCD", "licence": "MIT", "note": "364 stained smears with boxes, split by smear"}],
    "limits": [
        "It takes a crop around one cell, as a box gives it, and finds no cells; every crop gets one of three classes.",
        "One stain, one microscope, one magnification; no parasites, no blasts, no kinds of white cells.",
        "It is unknown which smears are of one patient, so the test smears may hold patients that it has learned from.",
        "It counts nothing. Box size and mean colour alone tell these classes apart about as well, see the measures.",
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--quick", action="store_true", help="sizes that only show that it runs")
    parser.add_argument("--ship", type=Path, help="folder that the classifier of the package is copied to")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("words", nargs="*", metavar="a.b=value")
    given = parser.parse_args()
    work = given.output.resolve()
    work.mkdir(parents=True, exist_ok=True)
    manifest = work / "cells.jsonl"
    if not manifest.exists():
        folder = Path(os.environ["VESALIUS_DATA"]) / "blood-cells" / "BCCD"
        write_manifest(build_cohort("voc", folder, ["unit=box"]), manifest)
    quick = QUICK if given.quick else ()
    shared = [f"data.manifest={manifest}"]
    ours = [word for word in given.words if not word.startswith(_OF_FINETUNE)]
    theirs = [word.removeprefix(_OF_FINETUNE) for word in given.words if word.startswith(_OF_FINETUNE)]
    run(PRETRAIN, work / "encoder", [*shared, *SIMCLR, *quick, *ours], given.threads)
    shared += [f"card.{key}={json.dumps(value)}" for key, value in CARD.items()]
    start = [f"init_from.model={work / 'encoder'}", "init_from.part=encoder", "numbers=bf16"]
    results = {
        name: run(FINETUNE, work / name, [*shared, *words, *quick, *theirs], given.threads)
        for name, words in ((NAME, start), ("scratch", []))
    }
    show(results)
    if given.ship:
        shutil.copytree(work / NAME / "model", given.ship, dirs_exist_ok=True)


def run(config: str, folder: Path, words: list[str], threads: int) -> dict[str, Any]:
    """Train, unless that is done; return the results."""
    started = time.process_time()
    if not (folder / PAGE).exists():
        train(config, folder, words, resume=True, device="cpu", threads=threads, progress=print)
        print(f"{folder.name}: {(time.process_time() - started) / 60:.1f} processor-minutes in this call")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    results: dict[str, Any] = summary["results"]
    return results


def show(results: dict[str, dict[str, Any]]) -> None:
    """Print what was measured."""
    for name, measured in results.items():
        print(f"\n{name}: {json.dumps(measured['one_class'], indent=1)}")
        print(f"AUROC of the model: {json.dumps(measured['auroc'])}")
        print(f"trivial baselines: {json.dumps(measured['baselines'], indent=1)}")
    print(f"goal: macro F1 and the recall of the worst class at least {GOAL}")


if __name__ == "__main__":
    main()
